"""What the tests of `defi risk` share."""

import json

from defi_analytics.app.accounts import Account
from defi_analytics.clock import WallClock
from defi_analytics.storage.journal import SqliteJournal

PAPER = Account("sandbox")
LIVE = Account("sandbox", "inj1" + "q" * 38)
ORDER = {"market": "INJ/USDT", "side": "buy", "price": 17.03, "quantity": 1}


def journal(state, account=PAPER):
    return SqliteJournal(account.journal(state))


def written(state, *records, account=PAPER):
    with journal(state, account) as opened:
        for kind, body in records:
            opened.append(kind, WallClock().now(), body)


def items(ran):
    return {(row["item"], row["about"]): row for row in ran.rows}


def asked(home, **changes):
    path = home / "order.json"
    path.write_text(json.dumps({k: v for k, v in (ORDER | changes).items() if v is not None}))
    return str(path)


def verdicts(ran):
    return {row["rule"]: row for row in ran.rows}
