import json
from datetime import UTC, datetime, timedelta

import pytest

from defi_analytics.sandbox.server import Response
from tests.cli.front import answering
from tests.cli.owner import Owner
from tests.keys import sealed

GRANTER = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
GRANTS = "/cosmos/authz/v1beta1/grants"
GAS = f"/cosmos/bank/v1beta1/balances/{sealed.ADDRESS}"


def has(inj):
    return Response(200, json.dumps({"balances": [{"denom": "inj", "amount": str(inj)}]}).encode())


@pytest.fixture(autouse=True)
def owner(monkeypatch, home):
    sealed.store(home / "state")
    return Owner(monkeypatch)


def market_id(defi, name):
    return defi("market", "show", name, "--json").rows[0]["market_id"]


def granted(*authorizations, expires="2999-01-01T00:00:00Z"):
    rows = [{"authorization": one, "expiration": expires} for one in authorizations]
    return Response(200, json.dumps({"grants": rows, "pagination": {"next_key": None}}).encode())


def trading(spot=(), subaccount=0):
    return {
        "@type": "/injective.exchange.v2.BatchUpdateOrdersAuthz",
        "subaccount_id": f"{ACCOUNT}{subaccount:024x}",
        "spot_markets": list(spot),
        "derivative_markets": [],
    }


def test_a_grant_is_the_unsigned_transaction_that_wallets_read(defi):
    spot, perp = market_id(defi, "INJ/USDT"), market_id(defi, "INJ/USDT PERP")
    ran = defi(
        "key",
        "grant",
        "--granter",
        GRANTER,
        "--market",
        "INJ/USDT",
        "--market",
        "INJ/USDT PERP",
        "--subaccount",
        "1",
    )
    assert ran.code == 0
    made = json.loads(ran.out)
    (message,) = made["body"]["messages"]
    assert message["@type"] == "/cosmos.authz.v1beta1.MsgGrant"
    assert (message["granter"], message["grantee"]) == (GRANTER, sealed.ADDRESS)
    assert message["grant"]["authorization"] == {
        "@type": "/injective.exchange.v2.BatchUpdateOrdersAuthz",
        "subaccount_id": f"{ACCOUNT}{1:024x}",
        "spot_markets": [spot],
        "derivative_markets": [perp],
    }
    until = datetime.fromisoformat(message["grant"]["expiration"])
    assert timedelta(days=29, hours=23) < until - datetime.now(UTC) <= timedelta(days=30)
    assert made["signatures"] == made["auth_info"]["signer_infos"] == []


def test_a_grant_says_exactly_what_it_allows_and_that_it_cannot_withdraw(defi):
    ran = defi("key", "grant", "--granter", GRANTER, "--market", "INJ/USDT", "--expires", "2h")
    assert "/injective.exchange.v2.MsgBatchUpdateOrders" in ran.err
    assert "INJ/USDT\n" in ran.err
    assert "nothing else: it cannot withdraw" in ran.err
    assert defi("key", "grant", "--granter", GRANTER, "--market", "INJ/USDT", "-q").err == ""
    (row,) = defi("key", "grant", "--granter", GRANTER, "--market", "INJ/USDT", "--json").rows
    assert row["allows"] == ["/injective.exchange.v2.MsgBatchUpdateOrders"]
    assert row["transaction"]["body"]["messages"][0]["grantee"] == sealed.ADDRESS


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--granter", GRANTER], 2, "--market is missing"),
        (["--market", "INJ/USDT"], 2, "--granter is missing"),
        (["--granter", sealed.ADDRESS, "--market", "INJ/USDT"], 2, "--granter is missing"),
        (["--granter", "inj1nonsense", "--market", "INJ/USDT"], 2, "--granter: not an Injective address"),
        (["--granter", GRANTER, "--market", "NO/SUCH"], 8, "NO/SUCH"),
        (["--granter", GRANTER, "--market", "INJ/USDT", "--expires", "31d"], 2, "at most 30d"),
        (["--granter", GRANTER, "--market", "INJ/USDT", "--expires", "1s"], 2, "at least 60"),
        (["other", "--granter", GRANTER, "--market", "INJ/USDT"], 4, "there is no key other"),
    ],
)
def test_a_grant_that_cannot_be_meant_is_refused(defi, words, code, said):
    ran = defi("key", "grant", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_revocation_takes_back_what_was_granted(defi):
    ran = defi("key", "revoke", "--granter", GRANTER)
    (message,) = json.loads(ran.out)["body"]["messages"]
    assert message == {
        "@type": "/cosmos.authz.v1beta1.MsgRevoke",
        "granter": GRANTER,
        "grantee": sealed.ADDRESS,
        "msg_type_url": "/injective.exchange.v2.MsgBatchUpdateOrders",
    }
    (row,) = defi("key", "revoke", "--granter", GRANTER, "--json", "-q").rows
    assert (row["allows"], row["revokes"]) == ([], [message["msg_type_url"]])


@pytest.fixture
def checked(defi, background, sandbox, monkeypatch):
    """`defi key check` of a key whose grants are answered like this, and that has this much (inj-wei)."""

    def check(answer, *words, inj=10**18):
        with answering(background, sandbox, monkeypatch, {GRANTS: answer, GAS: has(inj)}):
            return defi("key", "check", "--granter", GRANTER, *words, "--json")

    return check


def test_a_key_whose_grant_fits_passes(defi, checked, owner):
    answer = granted(trading([market_id(defi, "INJ/USDT")]))
    ran = checked(answer, "--market", "INJ/USDT")
    assert (ran.code, [row["ok"] for row in ran.rows]) == (0, [True, True, True])
    assert f"{ACCOUNT}{0:024x}" in ran.rows[1]["message"]
    assert owner.asked == ["Passphrase of key agent: "]
    assert owner.hardened


@pytest.mark.parametrize(
    ("answer", "words", "said"),
    [
        (granted(), [], "grants this key no trading"),
        (
            Response(404, b'{"code": 5, "message": "authorization not found"}'),
            [],
            "grants this key no trading",
        ),
        (granted(trading(), expires="2001-01-01T00:00:00Z"), [], "or no longer"),
        (granted(trading(), expires=None), [], "never expires"),
        (granted(trading(subaccount=1)), [], "is for subaccount"),
        (granted(trading()), ["--subaccount", "1"], "is for subaccount"),
        (granted(trading()), ["--market", "INJ/USDT"], "leaves out market"),
        (granted(trading(), {"@type": "/cosmos.bank.v1beta1.SendAuthorization"}), [], "MsgSend"),
    ],
    ids=["none", "404", "expired", "endless", "subaccount", "other subaccount", "market", "send"],
)
def test_a_grant_that_does_not_fit_is_named_and_exits_4(checked, answer, words, said):
    ran = checked(answer, *words)
    assert ran.code == 4
    assert ran.rows[0]["ok"]
    assert said in ran.rows[1]["message"]
    assert ran.error["message"] == ran.rows[1]["message"]


def test_a_key_that_cannot_pay_for_gas_is_told(checked):
    ran = checked(granted(trading()), inj=0)
    assert ran.code == 4
    assert f"{sealed.ADDRESS} has no INJ to pay for gas" in ran.error["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"grants": 1}', b"\xff"])
def test_an_answer_that_is_none_proves_nothing(checked, body):
    ran = checked(Response(200, body))
    assert (ran.code, ran.error["code"]) == (6, "MALFORMED")


def test_grants_without_an_end_are_given_up(checked):
    body = json.dumps({"grants": [], "pagination": {"next_key": "bW9yZQ=="}}).encode()
    ran = checked(Response(200, body))
    assert ran.code == 6
    assert "without an end" in ran.error["message"]


def test_a_key_that_trades_its_own_account_can_withdraw(defi):
    ran = defi("key", "check")
    assert ran.code == 4
    assert "can withdraw everything" in ran.out


def test_a_wrong_passphrase_proves_nothing(defi, owner):
    owner.answers = {"Passphrase": "incorrect horse"}
    ran = defi("key", "check", "--granter", GRANTER)
    assert ran.code == 4
    assert "does not open key agent" in ran.err
    assert "incorrect" not in ran.err
