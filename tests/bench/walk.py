"""What judging two books costs, in calls of an empty function: for orientation, with no target."""

from collections.abc import Callable, Iterator

from defi_analytics.domain.book import Levels
from defi_analytics.mispricing.walk import Terms, best_quantity, priced, top_edge
from tests.bench.timing import Figure, paired, timed

REPEAT = 2_000
LEVELS = 100
FEES = Terms(buy_fee=0.0005, sell_fee=0.001, step=0.001)


def figures() -> Iterator[Figure]:
    apart, three, all_of_it = (_books(gap) for gap in (-0.001, 0.0021, 0.05))
    yield _figure("reject on the tops of two books", lambda: top_edge(*apart, FEES))
    yield _figure("reject two whole books", lambda: priced(*apart, FEES))
    yield _figure("best quantity where a few levels cross", lambda: best_quantity(*three, FEES))
    yield _figure("the same with every cost on the grid", lambda: priced(*three, FEES))
    yield _figure("the same where 100 levels cross", lambda: priced(*all_of_it, FEES))


def _figure(name: str, work: Callable[[], object]) -> Figure:
    took: list[float] = []
    measure = timed(work, REPEAT)

    def subject() -> float:
        took.append(measure())
        return took[-1]

    ratio = paired(subject, timed(_nothing, REPEAT))
    return Figure(
        f"{name} / an empty call", ratio, None, f"{sorted(took)[len(took) // 2] / REPEAT * 1e6:.2f} µs here"
    )


def _nothing() -> None:
    pass


def _books(gap: float) -> tuple[Levels, Levels]:
    """Asks and bids whose best prices cross by `gap`, a fraction; a level every two hundredths of a per cent."""
    quantities = tuple(1.0 + n % 7 for n in range(LEVELS))
    asks = tuple(2_500.0 * (1 + 2e-4 * n) for n in range(LEVELS))
    bids = tuple(2_500.0 * (1 + gap) * (1 - 2e-4 * n) for n in range(LEVELS))
    return Levels(asks, quantities), Levels(bids, quantities)
