"""The exchange's and the bank's state, as one object."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, localcontext
from typing import Any

from defi_analytics.sandbox.ledger import blocks, messages
from defi_analytics.sandbox.ledger.accounts import Deposit, Pocket
from defi_analytics.sandbox.ledger.addresses import owner
from defi_analytics.sandbox.ledger.numbers import EXACT, units
from defi_analytics.sandbox.ledger.records import (
    ZERO,
    BlockEvents,
    LiveOrder,
    OrderFailure,
    OrderRecord,
    Position,
    Stage,
    Trade,
)
from defi_analytics.sandbox.ledger.standstill import Standstill
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.listings import LISTINGS
from defi_analytics.sandbox.matching import Book
from defi_analytics.sandbox.world import World

_CONDITIONAL = (Stage.CONDITIONAL_LIMIT, Stage.CONDITIONAL_MARKET)


class Ledger:
    """A pure function of the world's seed, the messages and the blocks they came in."""

    def __init__(self, world: World, state: State | None = None) -> None:
        self._state = state or State(world)

    def kept(self) -> "Ledger":
        """As it is now, whatever happens to this one; only to be read."""
        return Ledger(self._state.world, self._state.kept())

    def credit(self, address: str, denom: str, amount: int) -> None:
        """Out of nothing, in chain units: a faucet's, or of the genesis."""
        self._state.accounts.credit(address, denom, amount)

    def debit(self, address: str, denom: str, amount: int) -> None:
        """A transaction's fee. Raises Failed, codespace sdk, code 5."""
        with localcontext(EXACT):
            self._state.accounts.debit(address, denom, amount)
            self._state.accounts.keep(Pocket.GAS, denom, Decimal(amount))

    def balance(self, address: str, denom: str) -> int:
        """In the bank, in chain units; what orders lock is not in it."""
        return self._state.accounts.balance(address, denom)

    def balances(self, address: str) -> Mapping[str, int]:
        return self._state.accounts.balances(address)

    def total(self, denom: str) -> int:
        """Everyone's together, which only `credit` changes."""
        return int(self.exact_total(denom))

    def exact_total(self, denom: str) -> Decimal:
        """Whole, since only whole units ever came in."""
        with localcontext(EXACT):
            margins = sum((self._margin(one, denom) for one in self._state.positions.all.values()), ZERO)
            return self._state.accounts.held(denom) + margins

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All messages of one transaction, or none: whatever is raised inside takes everything back."""
        with self._state.undo.atomic():
            yield

    def execute(self, message: Any, sender: str, block: int, at_s: float = 0.0) -> dict[str, Any]:
        """What one message of a transaction in this block does now; the fields of its response.

        `at_s` is the block's time, for grants that expire. MsgExec's results are (type name, fields) pairs.
        Raises Failed, with nothing changed.
        """
        with localcontext(EXACT), self._state.undo.atomic():
            return messages.execute(self._state, message, sender, (block, at_s))

    def end_block(self, block: int) -> BlockEvents:
        """Once for every block, in sequence; blocks may be left out while the ledger is `idle`."""
        with localcontext(EXACT):
            return blocks.end_block(self._state, block)

    @property
    def standstill(self) -> Standstill:
        """Which markets are paused, and whether only post-only orders are taken."""
        return self._state.standstill

    @property
    def idle(self) -> bool:
        """No block can change anything: there are no orders and no positions."""
        return not (self._state.orders.all or self._state.positions.all or self._state.changed.all)

    @property
    def failures(self) -> Sequence[OrderFailure]:
        """Orders of batches that were refused in the block that is being made, oldest first."""
        return tuple(self._state.failures.all.values())

    def resting(self, subaccount: str, market_id: str | None = None) -> Sequence[LiveOrder]:
        return self._state.live(market_id, subaccount, [Stage.RESTING])

    def conditional(self, subaccount: str, market_id: str | None = None) -> Sequence[LiveOrder]:
        return self._state.live(market_id, subaccount, _CONDITIONAL)

    def transient(self, subaccount: str, market_id: str | None = None) -> Sequence[LiveOrder]:
        """Limit orders of the block that is being made."""
        return self._state.live(market_id, subaccount, [Stage.TRANSIENT])

    def in_market(self, market_id: str) -> Sequence[LiveOrder]:
        """Everyone's resting orders."""
        return self._state.live(market_id, None, [Stage.RESTING])

    def nonce(self, subaccount: str) -> int:
        return self._state.nonces.get(subaccount, 0)

    def deposits(self, subaccount: str) -> Mapping[str, Deposit]:
        return self._state.accounts.deposits(subaccount)

    def subaccounts(self, address: str) -> Mapping[str, Mapping[str, Deposit]]:
        """Deposits of an account's subaccounts, by subaccount and denom."""
        accounts = self._state.accounts
        return {
            whose: accounts.deposits(whose) for whose in accounts.subaccounts() if owner(whose) == address
        }

    def positions(self, subaccount: str | None = None, market_id: str | None = None) -> Sequence[Position]:
        found = self._state.positions.all.values()
        wanted = (
            one
            for one in found
            if subaccount in {None, one.subaccount} and market_id in {None, one.market_id}
        )
        return sorted(wanted, key=lambda one: (one.subaccount, one.market_id))

    def cumulative_funding(self, market_id: str) -> Decimal:
        return self._state.cumulative_of(market_id)

    def trades(
        self, subaccount: str | None = None, market_id: str | None = None, cid: str | None = None
    ) -> Sequence[Trade]:
        """Oldest first."""
        return [
            one
            for one in self._state.trades
            if subaccount in {None, one.subaccount}
            and market_id in {None, one.market_id}
            and cid in {None, one.cid}
        ]

    def history(self, subaccount: str | None = None, market_id: str | None = None) -> Sequence[OrderRecord]:
        """Every order that was ever accepted, in the sequence of placing."""
        found = (
            one
            for one in self._state.history.all.values()
            if subaccount in {None, one.order.subaccount} and market_id in {None, one.order.market_id}
        )
        return sorted(found, key=lambda one: one.order.number)

    def grants(self, granter: str, grantee: str | None = None) -> Sequence[tuple[str, str, Any, float]]:
        """(grantee, message type, authorization, when it expires in seconds since 1970)."""
        return [
            (to, url, authorization, expires_s)
            for (who, to, url), (authorization, expires_s) in sorted(
                self._state.grants.all.items(), key=lambda item: item[0]
            )
            if who == granter and grantee in {None, to}
        ]

    def book(self, market_id: str, block: int) -> Book:
        """The world's makers at the end of this block and every order that users have resting."""
        with localcontext(EXACT):
            return self._state.standing(market_id, block)

    def dump(self) -> dict[str, Any]:
        """Everything that can make a difference, as exact text."""
        state = self._state
        return {
            **state.accounts.dump(),
            "orders": {order.order_hash: _text(order) for order in state.live()},
            "positions": [_text(one) for one in self.positions()],
            "nonces": dict(sorted(state.nonces.all.items())),
            "cumulative_funding": {key: f"{value:f}" for key, value in sorted(state.cumulative.all.items())},
            "trades": [_text(one) for one in state.trades],
            "history": [
                [one.order.order_hash, one.state.value, f"{one.filled:f}", one.order.cid]
                for one in self.history()
            ],
            "grants": sorted(" ".join(key) for key in state.grants.all),
        }

    def _margin(self, position: Position, denom: str) -> Decimal:
        listing = LISTINGS[position.market_id]
        return units(position.margin, listing.quote_decimals) if listing.quote_denom == denom else ZERO


def _text(record: Any) -> dict[str, Any]:
    """A NamedTuple with its decimals as exact text, nested ones too."""
    return {name: _plain(value) for name, value in record._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return _text(value) if hasattr(value, "_asdict") else value
