"""What the gate is told of a decision."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from defi_analytics.domain.market import Market
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.facts import market_facts, marks_of
from defi_analytics.engine.presumed import unread
from defi_analytics.engine.terms import Known, Terms
from defi_analytics.risk.exposure import Account
from defi_analytics.risk.facts import Context, Expected
from defi_analytics.risk.losses import RiskState

_MINUTE = timedelta(minutes=1)


def account_of(
    terms: Terms,
    portfolio: Portfolio,
    snapshot: Snapshot,
    markets: Sequence[Market],
    books: Bookkeeping,
    risk: RiskState,
) -> Account:
    """The same account for who values it and for who judges its orders."""
    return Account(
        portfolio,
        {market.key: market for market in markets},
        marks_of(snapshot, markets, terms.currency),
        terms.kept(books, portfolio),
        risk.left_out(terms.reserved, markets),
        frozenset(order.order_hash for order in portfolio.open_orders if books.own(order) is None),
    )


def context_of(
    known: Known, markets: Sequence[Market], expected: Mapping[str, Expected], terms: Terms
) -> Context:
    """All that the gate may know; `expected` by client order id."""
    snapshot, books = known.snapshot, known.books
    account = account_of(terms, known.portfolio, snapshot, markets, books, known.risk)
    shown = unread(books, known.portfolio)
    recent = [order for order in books.orders.values() if snapshot.time - order.signed_at <= _MINUTE]
    return Context(
        account=account,
        state=known.risk,
        markets={m.key: market_facts(snapshot, m, account.marks) for m in markets},
        clock_skew_s=known.clock_skew_s,
        orders_last_minute=len(recent),
        # By blocks, not by clocks: what was signed at the block that was seen can only enter the next one.
        orders_this_block=sum(o.signed_height >= known.portfolio.height for o in books.orders.values()),
        gas_per_order=terms.gas_per_order,
        used_ids=frozenset(books.orders),
        in_flight=tuple(order.request for order in books.uncounted if order not in shown),
        unresolved=frozenset(order.request.market.key for order in books.uncounted),
        expected=expected,
        market_limits=terms.market_limits,
        last_fills=books.last_fills,
    )
