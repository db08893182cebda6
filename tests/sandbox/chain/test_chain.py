import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.ledger.failed import Failed
from defi_analytics.sandbox.moment import FIRST_HEIGHT, BlockClock
from defi_analytics.sandbox.world import World
from tests.sandbox.chain.signing import Wallet, needs_sdk

pytestmark = needs_sdk

OTHER_KEY = "11" * 32


def codes(chain, *raws):
    return [chain.broadcast(raw).code for raw in raws]


def test_an_accepted_transaction_is_in_the_next_block_and_not_before(chain, wallet, advance, ledger):
    raw = wallet.sign(wallet.market_order("one"))
    checked = chain.broadcast(raw)
    assert (checked.code, checked.height, checked.log) == (0, 0, "")
    assert chain.find(checked.tx_hash) is None
    advance()
    found = chain.find(checked.tx_hash.lower())
    assert (found.code, found.height) == (0, FIRST_HEIGHT + 1)
    assert ledger.executed == [(1, wallet.address, "one")]
    assert chain.blocks.get(FIRST_HEIGHT + 1).raw_txs == (raw,)


def test_several_transactions_of_one_account_go_into_one_block_in_their_order(chain, wallet, advance, ledger):
    raws = [wallet.sign(wallet.market_order(f"c{n}"), sequence=n) for n in range(3)]
    assert codes(chain, *raws) == [0, 0, 0]
    advance()
    assert [cid for _, _, cid in ledger.executed] == ["c0", "c1", "c2"]
    assert chain.accounts.get(wallet.address).sequence == 3


@pytest.mark.parametrize("sequence", [1, 2, 9])
def test_a_wrong_sequence_is_told_what_was_expected(chain, wallet, sequence):
    chain.broadcast(wallet.sign(wallet.market_order()))
    refused = chain.broadcast(wallet.sign(wallet.market_order("b"), sequence=sequence + 1))
    assert (refused.code, refused.codespace) == (32, "sdk")
    text = f"account sequence mismatch, expected 1, got {sequence + 1}: incorrect account sequence"
    assert refused.log == text


def test_a_message_that_fails_costs_its_fee_and_its_sequence_and_nothing_else(chain, wallet, advance, ledger):
    ledger.failing["bad"] = 25
    raw = wallet.sign(wallet.market_order("good"), wallet.market_order("bad"), gas=400_000)
    chain.broadcast(raw)
    before = ledger.balance(wallet.address, "inj")
    advance()
    found = chain.find(chain.broadcast(raw).tx_hash)
    assert (found.code, found.codespace, found.data) == (25, "exchange", b"")
    assert found.log == "failed to execute message; message index: 1: no bad"
    assert before - ledger.balance(wallet.address, "inj") == 400_000 * 160_000_000
    assert ledger.executed == []
    assert chain.accounts.get(wallet.address).sequence == 1


def test_the_same_bytes_are_known_while_they_wait_and_after_they_succeeded(chain, wallet, advance):
    raw = wallet.sign(wallet.market_order())
    assert codes(chain, raw, raw) == [0, 19]
    advance()
    assert codes(chain, raw) == [19]


def test_the_same_bytes_may_come_again_after_they_failed(chain, wallet, advance, ledger):
    ledger.failing["a"] = 24
    raw = wallet.sign(wallet.market_order())
    chain.broadcast(raw)
    advance()
    assert codes(chain, raw) == [32]


def test_a_full_mempool_refuses(blocks, ledger, wallet):
    small = Chain(blocks, ledger, mempool=1)
    small.fund(wallet.address, "inj", 10**18)
    raws = [wallet.sign(wallet.market_order(f"c{n}"), sequence=n) for n in range(2)]
    assert codes(small, *raws) == [0, 20]


def test_fees_of_waiting_transactions_are_spoken_for(chain, ledger):
    poor = Wallet(OTHER_KEY)
    chain.fund(poor.address, "inj", 160_000_000 * 500_000)
    raws = [poor.sign(poor.market_order(f"c{n}"), sequence=n, number=7) for n in range(2)]
    assert codes(chain, *raws) == [0, 5]


def test_an_account_that_was_never_funded_does_not_exist(chain):
    stranger = Wallet(OTHER_KEY)
    refused = chain.broadcast(stranger.sign(stranger.market_order()))
    assert refused.code == 9
    assert "does not exist" in refused.log


def test_a_transaction_is_accepted_at_its_timeout_height_and_then_never_included(
    chain, wallet, advance, ledger
):
    advance(3)
    late = chain.broadcast(wallet.sign(wallet.market_order(), timeout=FIRST_HEIGHT + 3))
    assert late.code == 0
    advance()
    assert chain.find(late.tx_hash) is None
    assert ledger.executed == []
    assert chain.accounts.get(wallet.address).sequence == 0
    assert codes(chain, wallet.sign(wallet.market_order("b"), timeout=FIRST_HEIGHT + 3)) == [30]
    assert codes(chain, wallet.sign(wallet.market_order("b"))) == [0]


def test_too_little_gas_for_the_messages_fails_in_the_block(chain, wallet, advance, ledger):
    raw = wallet.sign(wallet.market_order(), gas=120_000)
    assert codes(chain, raw) == [0]
    advance()
    found = chain.find(chain.broadcast(raw).tx_hash)
    assert (found.code, found.gas_wanted) == (11, 120_000)
    assert found.gas_used > 120_000
    assert ledger.executed == []
    assert chain.accounts.get(wallet.address).sequence == 1


def test_a_transaction_from_elsewhere_takes_the_next_sequence(chain, wallet, advance):
    chain.take_sequence(wallet.address)
    assert codes(
        chain, wallet.sign(wallet.market_order()), wallet.sign(wallet.market_order(), sequence=1)
    ) == [32, 0]
    advance()
    assert chain.accounts.get(wallet.address).sequence == 2
    chain.take_sequence("inj1nobody")
    assert not len(chain.mempool)


def test_a_late_transaction_holds_back_its_accounts_others(chain, wallet, advance, ledger):
    chain.set_faults([parse("late_inclusion=2")], 0)
    chain.broadcast(wallet.sign(wallet.market_order("late")))
    chain.set_faults([], 0)
    chain.broadcast(wallet.sign(wallet.market_order("next"), sequence=1))
    advance(2)
    assert ledger.executed == []
    advance(1)
    assert [(block, cid) for block, _, cid in ledger.executed] == [(3, "late"), (3, "next")]


def test_what_can_not_follow_any_more_is_dropped_from_the_mempool(chain, wallet, advance, ledger):
    chain.set_faults([parse("late_inclusion=5")], 0)
    chain.broadcast(wallet.sign(wallet.market_order("gone"), timeout=FIRST_HEIGHT + 1))
    chain.set_faults([], 0)
    orphan = chain.broadcast(wallet.sign(wallet.market_order("orphan"), sequence=1))
    advance(2)
    assert not len(chain.mempool)
    advance(5)
    assert chain.find(orphan.tx_hash) is None
    assert codes(chain, wallet.sign(wallet.market_order("again"))) == [0]


def test_simulation_tells_the_gas_and_changes_nothing(chain, wallet, advance, ledger):
    raw = wallet.sign(wallet.market_order(), gas=0, fee=0)
    found = chain.simulate(raw)
    assert 140_000 < found.gas_used < 160_000
    assert b"MsgCreateSpotMarketOrderResponse" in found.data
    advance()
    assert ledger.executed == []
    assert codes(chain, wallet.sign(wallet.market_order(), gas=found.gas_used * 13 // 10)) == [0]
    advance()
    assert len(ledger.executed) == 1


def test_simulation_refuses_what_would_fail(chain, wallet, ledger):
    ledger.failing["a"] = 24
    with pytest.raises(Failed, match="no a"):
        chain.simulate(wallet.sign(wallet.market_order()))
    with pytest.raises(Failed, match="expected 0, got 4"):
        chain.simulate(wallet.sign(wallet.market_order("b"), sequence=4))
    assert ledger.executed == []


def test_blocks_nobody_asked_for_are_made_in_order_when_somebody_asks(clock, ledger):
    chain = Chain(BlockClock(World(1, block_s=0.5), clock), ledger)
    wallet = Wallet()
    chain.fund(wallet.address, "inj", 10**18)
    ledger.idle = False
    chain.broadcast(wallet.sign(wallet.market_order()))
    clock.advance(3)
    assert chain.moment().block == 6
    assert ledger.ended == [1, 2, 3, 4, 5, 6]
    (executed,) = ledger.executed
    assert executed[0] == 1
    assert chain.blocks.get(FIRST_HEIGHT + 1).at == chain.moment().time_of(1)


def test_a_long_silence_without_anybodys_orders_costs_nothing(clock, ledger):
    chain = Chain(BlockClock(World(1), clock), ledger)
    clock.advance(10_000_000)
    assert chain.moment().block > 10_000_000
    assert ledger.ended == []


def test_of_a_long_silence_only_the_last_blocks_touch_orders(clock, ledger):
    chain = Chain(BlockClock(World(1, block_s=1), clock), ledger)
    ledger.idle = False
    clock.advance(12_345)
    chain.moment()
    assert (len(ledger.ended), ledger.ended[0], ledger.ended[-1]) == (5_000, 7_346, 12_345)


def test_a_listener_hears_every_block_even_empty_ones(chain, wallet, advance):
    heard = []
    with chain.listening(heard.append):
        chain.broadcast(wallet.sign(wallet.market_order()))
        advance(3)
        assert [(made.block, len(made.txs)) for made in heard] == [(1, 1), (2, 0), (3, 0)]
    advance()
    assert len(heard) == 3


def send(sender, to, amount):
    message = protobufs.new("cosmos.bank.v1beta1.MsgSend")
    message.from_address, message.to_address = sender, to
    message.amount.add(denom="inj", amount=str(amount))
    return message


async def test_who_is_sent_money_has_an_account_from_then_on(sandbox):
    wallet, other = Wallet(), Wallet(OTHER_KEY)
    assert sandbox.chain.broadcast(wallet.sign(send(wallet.address, other.address, 10**18))).code == 0
    sandbox.advance()
    sandbox.moment()
    told = sandbox.chain.broadcast(other.sign(send(other.address, wallet.address, 1), number=8))
    assert (told.code, told.log) == (0, "")


async def test_what_an_earlier_transaction_of_the_block_spent_is_gone(sandbox):
    wallet = Wallet()
    sandbox.chain.broadcast(wallet.sign(send(wallet.address, Wallet(OTHER_KEY).address, 10**22 - 10**14)))
    poor = sandbox.chain.broadcast(
        wallet.sign(send(wallet.address, wallet.address, 1), sequence=1, gas=10**6)
    )
    assert poor.code == 0
    sandbox.advance()
    sandbox.moment()
    found = sandbox.chain.find(poor.tx_hash)
    assert (found.code, found.codespace) == (5, "sdk")
    assert sandbox.chain.accounts.get(wallet.address).sequence == 1
