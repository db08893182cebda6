"""What an account holds, as of one block."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import OpenOrder
from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.domain.transaction import Block
from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.chain import holdings, resting
from defi_analytics.venues.injective.chain.node import Node
from defi_analytics.venues.injective.chain.together import all_of
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.wire import together

PAGE = "1000"
MOST_PAGES = 20
_DEFAULT_SUBACCOUNT = "0" * 24


@dataclass(frozen=True, slots=True)
class Holdings:
    node: Node
    trader: Trader
    assets: Assets

    async def read(self, block: Block, markets: Sequence[Market]) -> Portfolio:
        """As of `block`: every read names its height, so a node behind it refuses instead of mixing blocks.

        A node that ignores the header answers as of its own latest block, and nothing in the answer tells.
        """
        height = block.height
        coins, (deposits, held) = await together(
            self._coins(height), together(self._deposits(height), self._positions(height))
        )
        owned = [(market, held[market.market_id]) for market in markets if market.market_id in held]
        positions = await all_of(self._position(market, one, height) for market, one in owned)
        orders = await all_of(read for market in markets for read in self._orders(market, height))
        return Portfolio(
            account=self.trader.account,
            at=block.at,
            height=height,
            balances=holdings.balances(markets, coins, deposits, self.assets),
            positions={position.key: position for position in positions},
            open_orders=tuple(order for some in orders for order in some),
        )

    async def gas(self, height: int) -> Decimal:
        """INJ that the key itself has to pay for gas with, whoever's orders it signs."""
        coins = await self._bank(self.trader.signer, height)
        return coins.get(holdings.GAS_DENOM, Decimal(0)).scaleb(-holdings.GAS_DECIMALS)

    async def _coins(self, height: int) -> dict[str, Decimal]:
        """What trades without a deposit: the default subaccount uses the bank's balances, no other does."""
        if not self.trader.subaccount_id.endswith(_DEFAULT_SUBACCOUNT):
            return {}
        return await self._bank(self.trader.account, height)

    async def _bank(self, address: str, height: int) -> dict[str, Decimal]:
        coins: dict[str, Decimal] = {}
        key = ""
        for _ in range(MOST_PAGES):
            params = {"pagination.limit": PAGE, **({"pagination.key": key} if key else {})}
            body = await self.node.lcd(f"cosmos/bank/v1beta1/balances/{address}", params, height)
            page, key = holdings.parse_bank(VENUE, body)
            coins |= page
            if not key:
                return coins
        raise Malformed(VENUE, "bank balances without an end")

    async def _positions(self, height: int) -> dict[str, holdings.Held]:
        subaccount = self.trader.subaccount_id
        body = await self.node.exchange(f"subaccount_positions/{subaccount}", height)
        return holdings.parse_positions(VENUE, body, subaccount)

    async def _deposits(self, height: int) -> dict[str, holdings.Amounts]:
        params = {"subaccount_id": self.trader.subaccount_id}
        body = await self.node.exchange("exchange/subaccountDeposits", height, params)
        return holdings.parse_deposits(VENUE, body)

    async def _position(self, market: Market, held: holdings.Held, height: int) -> Position:
        body = await self.node.exchange(f"derivative/markets/{market.market_id}", height)
        return holdings.position(market, held, holdings.parse_rules(VENUE, body, market.market_id))

    def _orders(self, market: Market, height: int) -> list[Coroutine[Any, Any, list[OpenOrder]]]:
        if market.kind is MarketKind.SPOT:
            return [self._resting("spot", market, height)]
        return [self._resting("derivative", market, height), self._conditional(market, height)]

    async def _resting(self, folder: str, market: Market, height: int) -> list[OpenOrder]:
        path = f"{folder}/orders/{market.market_id}/{self.trader.subaccount_id}"
        return resting.parse_resting(VENUE, await self.node.exchange(path, height), market)

    async def _conditional(self, market: Market, height: int) -> list[OpenOrder]:
        path = f"derivative/orders/conditional/{market.market_id}/{self.trader.subaccount_id}"
        return resting.parse_conditional(VENUE, await self.node.exchange(path, height), market)
