"""What comes into an account while a run goes on, and nobody traded for: a deposit, or a stranger's dust.

It is left out of what the run values and trades with, until the next start books it as a flow. So it stops
nobody, hides no loss, and nothing is risked of it that nobody meant to.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.domain.market import Market
from defi_analytics.domain.portfolio import Balance, Portfolio
from defi_analytics.engine.differences import plain
from defi_analytics.engine.foreign import Known, every_market, moved, story_of
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.engine.reckoning import received, reckoned
from defi_analytics.ports import Chain

LOG = logging.getLogger("defi.run")
_ZERO = Decimal(0)
_DUST = Decimal("1e-6")
"""Of less the chain's rounding may be the reason: it is nothing to tell anybody."""
_TOLD_AGAIN = 2
"""Times what was told before: whoever sends dust in every block fills no log with it."""


def known_of(ledger: Ledger, chain: Chain, *, pays_gas: bool) -> Known:
    """What an account is held against. A paper account pays for gas in its books alone."""
    return Known(ledger.books, ledger.baseline or {}, pays_gas and chain.account != ACCOUNT)


class Part(NamedTuple):
    portfolio: Portfolio
    certain: bool
    """As `PaidIn.certain`."""


async def own_part(ledger: Ledger, chain: Chain, markets: Sequence[Market], *, pays_gas: bool) -> Part:
    """The account as a run would take it now. Raises DataError."""
    paid_in, known = PaidIn(), known_of(ledger, chain, pays_gas=pays_gas)
    own = paid_in.left_out(known, await chain.portfolio(markets), markets)
    return Part(own, paid_in.certain)


@dataclass(slots=True)
class PaidIn:
    certain: bool = True
    """Whether, at the last look, all else was what the books come to, and nothing was under way."""
    missing: Mapping[str, Decimal] = field(default_factory=dict)
    """By asset, what was less than that, as a negative amount."""
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    """By asset, what came in up to the last look that was certain."""
    _told: dict[str, Decimal] = field(default_factory=dict)

    def left_out(self, known: Known, portfolio: Portfolio, markets: Sequence[Market]) -> Portfolio:
        """The same without what came in: while that is uncertain, without what had come in before."""
        every, story = every_market(known.books, markets), story_of(known, markets)
        found = reckoned(story, portfolio, every)
        self.certain = known.books.settled and not moved(known, portfolio, markets)
        if not self.certain:
            return _less(
                portfolio, {a: min(own, found.gaps.get(a, _ZERO)) for a, own in self.amounts.items()}
            )
        self.amounts = received(found, story, every.values(), strayed=False)
        self.missing = {a: gap for a, gap in found.gaps.items() if gap <= -_DUST and a not in found.untold}
        return _less(portfolio, self.amounts)

    def tell(self) -> None:
        """Warns of what is new."""
        for asset, amount in self.amounts.items():
            if amount >= max(_DUST, _TOLD_AGAIN * self._told.get(asset, _ZERO)):
                self._told[asset] = amount
                LOG.warning(
                    "%s %s came in from somebody unknown: this run leaves it out, the next books it",
                    plain(amount),
                    asset,
                )


def _less(portfolio: Portfolio, amounts: Mapping[str, Decimal]) -> Portfolio:
    left, kept = dict(amounts), dict[str, Balance]()
    for denom, own in portfolio.balances.items():
        out = max(_ZERO, min(own.total, left.get(own.asset, _ZERO)))
        if out:
            left[own.asset] -= out
        kept[denom] = replace(own, total=own.total - out, available=max(_ZERO, own.available - out))
    return replace(portfolio, balances=kept)
