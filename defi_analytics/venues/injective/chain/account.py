"""What an account holds, as of one block."""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import OpenOrder
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import Block
from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.chain import holdings, resting
from defi_analytics.venues.injective.chain.addresses import is_default
from defi_analytics.venues.injective.chain.node import Node
from defi_analytics.venues.injective.chain.resting import Counts
from defi_analytics.venues.injective.chain.together import all_of
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.injective.market_rows import INACTIVE, VENUE
from defi_analytics.venues.wire import together

PAGE = "1000"
MOST_PAGES = 20
FEW = 2
"""Derivative markets, of which each takes two requests to look into."""
_UNCOUNTED = Counts(1, 1)
"""Of a market that the counts leave out: nothing says that no order waits there."""


@dataclass(frozen=True, slots=True)
class Holdings:
    node: Node
    trader: Trader
    assets: Assets
    expected: frozenset[str] = frozenset()
    """Ids of markets in which there should be a position: the list of all tells those of active ones alone.

    Source: injective-core, modules/exchange/keeper, GetAllActivePositionsBySubaccountID.
    """

    async def read(self, block: Block, markets: Sequence[Market]) -> Portfolio:
        """As of `block`: every read names its height, so a node behind it refuses instead of mixing blocks.

        A node that ignores the header answers as of its own latest block, and nothing in the answer tells.
        Three to five requests for the account, then those for the few markets where an order may rest: a
        hundred markets take no more than the ones of them that matter.
        """
        height = block.height
        (coins, deposits), (held, counts) = await together(
            together(self._coins(height), self._deposits(height)),
            together(self._positions(height), self._counts(markets, height)),
        )
        held |= await self._elsewhere(markets, held, height)
        owned = {market: held[market.market_id] for market in markets if market.market_id in held}
        rules, orders = await together(
            self._rules(owned, height),
            all_of(self._orders(markets, holdings.locked(deposits), counts, height)),
        )
        positions = [holdings.position(market, one, rules[market.market_id]) for market, one in owned.items()]
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
        if not is_default(self.trader.subaccount_id):
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

    async def _elsewhere(
        self, markets: Sequence[Market], held: Mapping[str, holdings.Held], height: int
    ) -> dict[str, holdings.Held]:
        """Positions that are expected and not in the list of all, each asked for by itself."""
        derivatives = (market.market_id for market in markets if market.kind is not MarketKind.SPOT)
        asked = [one for one in derivatives if one in self.expected and one not in held]
        subaccount = self.trader.subaccount_id
        bodies = await all_of(self.node.exchange(f"positions/{subaccount}/{one}", height) for one in asked)
        found = [holdings.parse_position(VENUE, body) for body in bodies]
        return {market_id: one for market_id, one in zip(asked, found, strict=True) if one is not None}

    async def _deposits(self, height: int) -> dict[str, holdings.Amounts]:
        params = {"subaccount_id": self.trader.subaccount_id}
        body = await self.node.exchange("exchange/subaccountDeposits", height, params)
        return holdings.parse_deposits(VENUE, body)

    async def _counts(self, markets: Sequence[Market], height: int) -> dict[str, Counts]:
        """Nothing where asking in each market is as good: the answer names every market of the chain."""
        if sum(market.kind is not MarketKind.SPOT for market in markets) <= FEW:
            return {}
        body = await self.node.exchange(f"order_metadata/{self.trader.subaccount_id}", height)
        return resting.parse_counts(VENUE, body)

    async def _rules(self, owned: Mapping[Market, holdings.Held], height: int) -> dict[str, holdings.Rules]:
        """One request for all that are active; those that are not are looked for in the other lists."""
        found: dict[str, holdings.Rules] = {}
        for status in ("Active", *INACTIVE):
            missing = [market.market_id for market in owned if market.market_id not in found]
            if not missing:
                return found
            params = [("status", status), *(("market_ids", one) for one in missing)]
            body = await self.node.exchange("derivative/markets", height, params)
            found |= holdings.parse_rules(VENUE, body)
        return {
            market.market_id: holdings.rules_by_itself(market, held) for market, held in owned.items()
        } | found

    def _orders(
        self, markets: Sequence[Market], locked: frozenset[str], counts: Mapping[str, Counts], height: int
    ) -> Iterator[Coroutine[Any, Any, list[OpenOrder]]]:
        """A read for each list that may not be empty.

        The chain counts what waits in its derivative markets, but lists spot orders market by market only:
        there it is what they lock of a market's denominations that tells.
        """
        for market in markets:
            if market.kind is MarketKind.SPOT:
                if locked & {market.base_denom, market.quote_denom}:
                    yield self._resting("spot", market, height)
                continue
            count = counts.get(market.market_id, _UNCOUNTED)
            if count.resting:
                yield self._resting("derivative", market, height)
            if count.conditional:
                yield self._conditional(market, height)

    async def _resting(self, folder: str, market: Market, height: int) -> list[OpenOrder]:
        path = f"{folder}/orders/{market.market_id}/{self.trader.subaccount_id}"
        return resting.parse_resting(VENUE, await self.node.exchange(path, height), market)

    async def _conditional(self, market: Market, height: int) -> list[OpenOrder]:
        path = f"derivative/orders/conditional/{market.market_id}/{self.trader.subaccount_id}"
        return resting.parse_conditional(VENUE, await self.node.exchange(path, height), market)
