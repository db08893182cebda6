"""A chain in the sandbox and whoever trades there, over real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from defi_analytics.clock import WallClock
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder
from defi_analytics.domain.transaction import Sent, TransactionResult
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from defi_analytics.ports import Clock
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.signing import tx_hash
from defi_analytics.venues.injective.chain.submission import parse_submission
from defi_analytics.venues.injective.lcd import InjectiveMarketData
from defi_analytics.venues.injective.networks import custom
from tests.sandbox.chain.signing import Wallet
from tests.venues.injective.chain.kit import KeySigner, an_order
from tests.venues.injective.chain.kit_grants import message_of

QUICK = Policy(deadline_s=10.0, rate_per_s=1000, breaker_failures=1000)
SPOT_ID = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
PERP_ID = "0x9b9980167ecc3645ff1a5517886652d94a0825e54a77d2057cbbe3ebee015963"


class World(NamedTuple):
    sandbox: Sandbox
    chain: InjectiveChain
    data: InjectiveMarketData
    spot: Market
    perp: Market

    @property
    def markets(self) -> tuple[Market, Market]:
        return self.spot, self.perp

    async def price(self, market: Market, side: Side, away: str = "0.01") -> int:
        """Ticks that cross (or, with a negative `away`, do not cross) the book by that fraction."""
        book = await self.data.order_book(market)
        best = Decimal(repr(book.asks.prices[0] if side is Side.BUY else book.bids.prices[0]))
        sign = 1 if side is Side.BUY else -1
        return int(best * (1 + sign * Decimal(away)) / market.price_tick)

    def suffer(self, *faults: str) -> None:
        self.sandbox._chain.set_faults([parse(f"{fault}@1") for fault in faults], 1)

    async def resting_order(self) -> ApprovedOrder:
        return an_order(self.spot, ticks=await self.price(self.spot, Side.BUY, "-0.05"), lots=1000)

    async def done(
        self, orders: Any, cancels: Any = (), advance: Callable[[], None] | None = None
    ) -> TransactionResult:
        made = await self.chain.sign(orders, cancels)
        assert (await self.chain.broadcast(made)).outcome is Sent.ACCEPTED
        assert await self.chain.find(made.tx_hash) is None
        (advance or self.sandbox.advance)()
        found = await self.chain.find(made.tx_hash)
        assert found is not None
        assert found.code == 0, found
        return found

    async def sent_by_hand(self, document: dict[str, Any]) -> None:
        """Signed by the account itself, with something else than our code."""
        height = (await self.chain.block()).height
        account = await self.chain._node.account(self.chain.account, height)
        told = {"number": account.number, "sequence": account.sequence}
        made = Wallet().sign(message_of(document), **told)
        answer = parse_submission(await self.chain._node.send(made), tx_hash(made))
        assert answer.outcome is Sent.ACCEPTED
        self.sandbox.advance()

    async def filled(self, since: int, **policy: Any) -> list[Any]:
        height = (await self.chain.block()).height
        chain = replace(self.chain, policy=ChainPolicy(**policy))
        return list(await chain.fills(self.markets, since, height))


@asynccontextmanager
async def opened(clock: Clock, *, hold: bool, policy: Policy = QUICK) -> AsyncIterator[World]:
    async with (
        Sandbox(seed=3, clock=clock, hold=hold) as sandbox,
        trading_in(sandbox, policy) as world,
    ):
        yield world


@asynccontextmanager
async def trading_in(sandbox: Sandbox, policy: Policy = QUICK) -> AsyncIterator[World]:
    async with Http(WallClock(), policy) as http:
        assets = assets_of("injective-1")
        network = custom("sandbox", "injective-777", sandbox.url)
        chain = InjectiveChain(http, WallClock(), network, assets, KeySigner())
        data = InjectiveMarketData(http, WallClock(), network, assets)
        markets = (await data.listing()).markets
        yield World(sandbox, chain, data, markets[SPOT_ID], markets[PERP_ID])
