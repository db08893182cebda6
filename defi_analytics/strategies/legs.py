"""Two legs of one trade, such as spot against a perpetual of one asset: never more of one than the other.

Quantities of the two markets meet on the coarser grid that both share: `step` lots of each are the same base.
"""

from defi_analytics.domain.decision import IDLE, Intent, Intents


def matched(intents: Intents, first_step: int, second_step: int) -> Intents:
    """Both legs cut to the largest base quantity that both can do; two `IDLE` when that is none.

    `first_step` lots of the first market are as much base as `second_step` lots of the second; both
    positive and without a common divisor, so that no quantity is lost.
    """
    first, second = intents.first, intents.second
    steps = min(first.lots // first_step, second.lots // second_step)
    if steps <= 0 or first.side * second.side >= 0:
        return Intents(IDLE, IDLE)
    return Intents(_cut(first, steps * first_step), _cut(second, steps * second_step))


def _cut(intent: Intent, lots: int) -> Intent:
    return Intent(
        intent.side, intent.kind, intent.ticks, lots, intent.trigger, intent.reduce_only, intent.why
    )
