"""Asks the venue, and holds the journal against what it says. Nothing here writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import msgspec

from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.engine.differences import (
    Code,
    Difference,
    Journalled,
    Told,
    differences,
    must_rest,
    plain,
)
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.engine.reckoning import GAS
from defi_analytics.engine.records import Fills, Kind
from defi_analytics.errors import Mismatch, Stale
from defi_analytics.ports import Chain, Journal

WINDOW_BLOCKS = 200
"""Blocks whose fills are read again: about two minutes. What is older shows in the quantities."""


_OF_ASSETS = frozenset({Code.BALANCE, Code.RECEIVED, Code.PERPETUAL_CASH, Code.GAS_FOREIGN})


class Compared(NamedTuple):
    """How much was held against the venue."""

    orders: int
    positions: int
    assets: int
    fills: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    height: int
    """The venue's block."""
    differences: tuple[Difference, ...]
    compared: Compared
    blocks: tuple[int, int]
    """The first and last whose fills were read; (1, 0) for none."""
    unread: int = 0
    """Blocks with orders of ours on the book that were neither counted nor read here: too many."""
    unproven: tuple[str, ...] = ()
    """Transactions that are in no block yet."""

    @property
    def received(self) -> tuple[Difference, ...]:
        """What came in that no trade explains."""
        return tuple(each for each in self.differences if each.code is Code.RECEIVED)

    @property
    def clean(self) -> bool:
        return not any(found.refuses for found in self.differences)

    def require(self, options: str = "") -> None:
        """Raises Mismatch unless it is clean. `options` make another command mean this account."""
        found = [each for each in self.differences if each.refuses]
        if found:
            said = f"the journal and the venue disagree in {len(found)} points, first {found[0]}"
            raise Mismatch(said, hint=_way_out(found, options))


def _way_out(found: Sequence[Difference], options: str) -> str:
    """What a person can do, by what has to go first."""
    codes = {each.code for each in found}
    if Code.ORDER_FOREIGN in codes:
        return "an order of somebody else: cancel it where it was placed, or trade in another keys.subaccount"
    if Code.POSITION in codes:
        return (
            "a position of somebody else: close it where it was opened, or trade in another keys.subaccount; "
            f"`{f'defi risk flatten {options}'.rstrip()}` closes what is ours"
        )
    flows = [f"--accept-flow {each.about}={plain(each.gap)}" for each in found if each.code is Code.BALANCE]
    if flows:
        return f"your own deposit, withdrawal or trade? defi reconcile {' '.join([*flows, options]).rstrip()}"
    return (
        "look again in a minute; if it stays, move the journal aside (defi state show): a run begins one anew"
    )


async def reconcile(
    ledger: Ledger,
    chain: Chain,
    markets: Sequence[Market],
    *,
    window_blocks: int = WINDOW_BLOCKS,
    pays_gas: bool = True,
) -> Reconciliation:
    """On these markets and all that the journal ever signed for.

    `pays_gas` is false for an account whose transactions another key signs and pays. Settle first where you
    may write: what is proven by then needs no second look. Raises DataError when the venue cannot be read,
    Stale when it answers for a block before the journal's last.
    """
    every = {**{market.key: market for market in markets}, **ledger.books.markets}
    told, unproven = await _told(ledger, chain, list(every.values()), window_blocks)
    fills, paper = journalled_fills(ledger.journal), chain.account == ACCOUNT
    own = Journalled(
        books=ledger.books,
        fills=fills,
        baseline=_baseline(ledger, every.values()),
        # A paper account pays for gas in its books alone.
        gas=_gas(ledger, told) if pays_gas and not paper else Decimal(0),
    )
    return Reconciliation(
        height=told.portfolio.height,
        differences=differences(own, told, every),
        compared=Compared(
            orders=max(len(must_rest(own.books, told)), len(told.portfolio.open_orders)),
            positions=len(_positions(ledger, told.portfolio, every)),
            assets=len(own.baseline),
            fills=len(own.fills),
        ),
        blocks=(told.first_height, told.last_height),
        unread=max(0, told.first_height - 1 - own.books.scanned_height) if own.books.live else 0,
        unproven=unproven,
    )


def journalled_fills(journal: Journal) -> list[Fill]:
    """Every fill as it was written down. Raises Mismatch for a record that is not whole."""
    found: list[Fill] = []
    for _, _, body in journal.replay(Kind.FILLS):
        try:
            found += msgspec.convert(body, Fills).fills
        except msgspec.ValidationError as error:
            raise Mismatch(f"the journal holds an impossible 'fills' record: {error}") from None
    return found


def unexplained(found: Reconciliation, asset: str, quantity: Decimal) -> Difference:
    """The difference that a person declares to be a deposit, or, negative, a withdrawal of their own.

    Raises Mismatch unless it is exactly what is unexplained: nothing is accepted by halves or on trust.
    """
    each = _named(found, asset)
    if each.gap == quantity:
        return each
    raise Mismatch(
        f"{plain(each.gap)} {each.about} are unexplained, not {plain(quantity)}",
        hint=f"defi reconcile --accept-flow {each.about}={plain(each.gap)}",
    )


def _named(found: Reconciliation, asset: str) -> Difference:
    """What differs of an asset; in any case of letters where only one is meant."""
    open_ = [each for each in found.differences if each.code in _OF_ASSETS]
    exact = [each for each in open_ if each.about == asset]
    alike = [each for each in open_ if each.about.casefold() == asset.casefold()]
    for named in (exact, alike):
        if len(named) == 1:
            return named[0]
    raise Mismatch(f"nothing of {asset} is unexplained", hint="see: defi reconcile")


async def _told(
    ledger: Ledger, chain: Chain, markets: Sequence[Market], window_blocks: int
) -> tuple[Told, tuple[str, ...]]:
    portfolio = await chain.portfolio(markets)
    if portfolio.height < ledger.counted:
        raise Stale("chain", f"it answered for block {portfolio.height}, {ledger.counted} is counted already")
    if chain.account == ACCOUNT:
        # It makes its fills when it is asked for them, and this is nobody's turn to count them.
        return Told(portfolio), tuple(ledger.books.unresolved)
    proven: list[SignedTransaction] = []
    for tx_hash, pending in ledger.books.unresolved.items():
        found = await chain.find(tx_hash)
        if found is not None and found.height <= portfolio.height:
            proven.append(pending.transaction)
    # What was traded up to the beginning of this story is part of what it began with.
    first = max(portfolio.height - window_blocks, ledger.since) + 1
    fills = await chain.fills(markets, first, portfolio.height)
    known = {transaction.tx_hash for transaction in proven}
    unproven = tuple(tx_hash for tx_hash in ledger.books.unresolved if tx_hash not in known)
    return Told(portfolio, fills, first, portfolio.height, proven), unproven


def _baseline(ledger: Ledger, markets: Iterable[Market]) -> dict[str, Decimal]:
    """Of what the venue is asked about: of the assets of other markets it told nothing."""
    told = {GAS}
    for market in markets:
        told |= {market.quote, market.base} if market.kind is MarketKind.SPOT else {market.quote}
    return {asset: Decimal(amount) for asset, amount in (ledger.baseline or {}).items() if asset in told}


def _gas(ledger: Ledger, told: Told) -> Decimal:
    return sum((transaction.fee for transaction in told.proven), ledger.books.gas_paid)


def _positions(ledger: Ledger, portfolio: Portfolio, markets: Mapping[MarketKey, Market]) -> set[MarketKey]:
    own = {key for key, held in ledger.books.net.items() if held.quantity}
    spot = {key for key, market in markets.items() if market.kind is MarketKind.SPOT}
    return {*portfolio.positions, *own} - spot
