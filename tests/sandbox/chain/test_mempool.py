import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.sandbox.chain.mempool import Entry, Mempool
from defi_analytics.sandbox.ledger.failed import Failed


def entry(name, signer="a", earliest=0):
    return Entry(name, b"", signer, 0, 0, earliest, None)


def test_it_knows_what_it_saw_until_it_is_told_to_forget():
    mempool = Mempool(9)
    mempool.add(entry("x"))
    with pytest.raises(Failed) as known:
        mempool.admit("x")
    assert known.value.code == 19
    mempool.take(1)
    with pytest.raises(Failed):
        mempool.admit("x")
    mempool.forget("x")
    mempool.admit("x")


def test_it_remembers_ten_thousand():
    mempool = Mempool(20_000)
    for n in range(10_001):
        mempool.add(entry(str(n)))
    mempool.admit("0")
    with pytest.raises(Failed):
        mempool.admit("1")


def test_what_is_dropped_may_come_again():
    mempool = Mempool(1)
    mempool.add(entry("x"))
    with pytest.raises(Failed) as full:
        mempool.admit("y")
    assert full.value.code == 20
    mempool.drop(list(mempool))
    mempool.admit("x")


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5))), st.integers(0, 5))
def test_nothing_is_lost_and_no_account_overtakes_itself(told, block):
    mempool = Mempool(1_000)
    for n, (signer, earliest) in enumerate(told):
        mempool.add(entry(str(n), signer, earliest))
    taken = mempool.take(block)
    assert all(one.earliest_block <= block for one in taken)
    assert sorted(int(one.tx_hash) for one in (*taken, *mempool)) == list(range(len(told)))
    for signer in "abc":
        first = [int(one.tx_hash) for one in taken if one.signer == signer]
        later = [int(one.tx_hash) for one in mempool if one.signer == signer]
        assert first + later == sorted(first + later)
