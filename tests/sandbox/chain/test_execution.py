import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.execution import rehearse, run
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.chain.transaction import decode
from defi_analytics.sandbox.ledger.failed import Failed
from defi_analytics.sandbox.ledger.ledger import Ledger
from defi_analytics.sandbox.world import World
from tests.sandbox.chain.signing import Wallet, needs_sdk, pack

pytestmark = needs_sdk
OTHER = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"
USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"


@pytest.fixture
def ledger():
    ledger = Ledger(World(3))
    ledger.credit(DEV_ADDRESS, "inj", 10**20)
    ledger.credit(DEV_ADDRESS, USDT, 10**12)
    return ledger


def send(amount, sender=DEV_ADDRESS):
    message = protobufs.new("cosmos.bank.v1beta1.MsgSend")
    message.from_address, message.to_address = sender, OTHER
    message.amount.add(denom="inj", amount=str(amount))
    return message


def batch(*quantities):
    message = protobufs.new("injective.exchange.v2.MsgBatchUpdateOrders")
    message.sender = DEV_ADDRESS
    for quantity in quantities:
        order = Wallet().market_order(f"q{quantity}", quantity=quantity, price="5").order
        message.spot_orders_to_create.add().CopyFrom(
            protobufs.parsed("injective.exchange.v2.SpotOrder", order.SerializeToString())
        )
    return message


def responses(data):
    found = protobufs.parsed("cosmos.base.abci.v1beta1.TxMsgData", data).msg_responses
    return [protobufs.parsed(one.type_url[1:], one.value) for one in found]


def test_all_messages_run_or_none(ledger):
    transaction = decode(Wallet().sign(send(5), send(10**21)))
    with pytest.raises(Failed, match="failed to execute message; message index: 1: spendable balance"):
        run(ledger, transaction, 1, 0.0)
    assert (ledger.balance(OTHER, "inj"), ledger.balance(DEV_ADDRESS, "inj")) == (0, 10**20)
    run(ledger, decode(Wallet().sign(send(5), send(6))), 1, 0.0)
    assert ledger.balance(OTHER, "inj") == 11


def test_a_rehearsal_tells_the_same_and_changes_nothing(ledger):
    transaction = decode(Wallet().sign(Wallet().market_order("x"), send(5)))
    before = ledger.dump()
    rehearsed = rehearse(ledger, transaction, 1, 0.0)
    assert ledger.dump() == before
    assert run(ledger, transaction, 1, 0.0) == rehearsed
    assert ledger.dump() != before


def test_a_batch_succeeds_although_an_order_of_it_fails_and_an_event_says_which(ledger):
    done = run(ledger, decode(Wallet().sign(batch("1", "999999999"))), 1, 0.0)
    (response,) = responses(done.data)
    good, bad = response.spot_order_hashes
    assert good.startswith("0x")
    assert bad in {"95", "6"}
    kinds = [event.kind for event in done.events]
    assert kinds == ["message", "injective.exchange.v2.EventOrderFail"]
    told = dict(done.events[1].attributes)
    assert (told["flags"], told["cids"]) == (f"[{bad}]", '["q999999999"]')


def test_granted_messages_answer_inside_the_grantees(ledger):
    granter = Wallet("11" * 32)
    ledger.credit(granter.address, "inj", 100)
    grant = protobufs.new("cosmos.authz.v1beta1.MsgGrant")
    grant.granter, grant.grantee = granter.address, DEV_ADDRESS
    generic = protobufs.new("cosmos.authz.v1beta1.GenericAuthorization")
    generic.msg = "/cosmos.bank.v1beta1.MsgSend"
    pack(grant.grant.authorization, generic)
    run(ledger, decode(granter.sign(grant)), 1, 0.0)
    execute = protobufs.new("cosmos.authz.v1beta1.MsgExec")
    execute.grantee = DEV_ADDRESS
    pack(execute.msgs.add(), send(7, granter.address))
    done = run(ledger, decode(Wallet().sign(execute)), 1, 0.0)
    (response,) = responses(done.data)
    assert list(response.results) == [b""]
    assert ledger.balance(granter.address, "inj") == 93 + (7 if granter.address == OTHER else 0)


def test_a_ledger_that_breaks_fails_the_transaction_and_not_the_chain(ledger, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(ledger, "execute", broken)
    with pytest.raises(Failed, match="recovered") as failed:
        run(ledger, decode(Wallet().sign(send(5))), 1, 0.0)
    assert (failed.value.code, failed.value.codespace) == (111222, "undefined")
    assert "failed" in caplog.text
