from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.venues.injective.chain.reach import NARROW_BLOCKS, Mark, reach

LATEST = 4_000_000


class Chain:
    """Whose blocks take `block_ms`, and where somebody trades in each; it stood still for `halt_ms` once."""

    def __init__(self, block_ms: int, halt_ms: int = 0, oldest: int = -(10**8)) -> None:
        self.block_ms, self.halt_ms, self.oldest = block_ms, halt_ms, oldest
        self.asked = 0

    def at_ms(self, height: int) -> int:
        return 1_700_000_000_000 + height * self.block_ms + (self.halt_ms if height > LATEST // 2 else 0)

    def mark(self, height: int) -> Mark:
        return Mark(height, self.at_ms(height))

    async def newest(self, until_ms: int) -> Mark | None:
        self.asked += 1
        past = until_ms - self.at_ms(0)
        later = (past - self.halt_ms) // self.block_ms
        height = later if later > LATEST // 2 else min(past // self.block_ms, LATEST // 2)
        return self.mark(height) if height >= self.oldest else None


@given(
    st.integers(300, 3_000), st.integers(0, 86_400_000), st.integers(2, LATEST - 2), st.integers(0, 10_000)
)
async def test_there_is_a_mark_before_and_one_after(block_ms: int, halt_ms: int, first: int, blocks: int):
    chain, last = Chain(block_ms, halt_ms), min(first + blocks, LATEST - 1)
    found = await reach(chain.newest, chain.mark(LATEST), first, last)
    assert found is not None
    assert found.after.height < first
    assert last < found.before.height
    assert chain.asked <= 120


@given(st.integers(500, 800), st.integers(2, LATEST - 2))
async def test_marks_are_found_soon_and_near(block_ms: int, first: int):
    chain = Chain(block_ms)
    found = await reach(chain.newest, chain.mark(LATEST), first, first)
    assert found is not None
    assert found.before.height - first <= NARROW_BLOCKS or block_ms == 500
    assert chain.asked <= 20


@given(st.integers(500, 800), st.integers(2, LATEST - 2), st.integers(1, 5))
async def test_the_oldest_trade_that_is_kept_is_found(block_ms: int, first: int, before: int):
    chain = Chain(block_ms, oldest=max(1, first - before))
    found = await reach(chain.newest, chain.mark(LATEST), first, first)
    assert found is not None
    assert chain.oldest <= found.after.height < first


async def test_without_an_older_trade_nothing_is_proven():
    chain = Chain(700, oldest=1_000)
    assert await reach(chain.newest, chain.mark(LATEST), 1_000, 2_000) is None


async def test_whoever_always_tells_the_same_is_not_asked_for_ever():
    asked = []

    async def newest(until_ms: int) -> Mark:
        asked.append(until_ms)
        return Mark(1_000, until_ms)

    assert await reach(newest, Mark(2_000, 10**12), 900, 1_100) is None
    assert len(asked) <= 80
