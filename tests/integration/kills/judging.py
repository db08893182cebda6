"""A journal against the ledger it traded on: to the last unit, in both directions."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderState
from defi_analytics.engine.ledger import Ledger
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.listings import LISTINGS
from defi_analytics.sandbox.moment import FIRST_HEIGHT
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.venues.injective.chain.relaying import taken
from tests.integration.entrusted import SUBACCOUNT
from tests.integration.kills.person import BY_HAND, FEE_WEI

INJ = Decimal(10) ** 18
ROUNDING = Decimal("1e-9")
"""Of one chain unit: a position that paid funding is divided at the eighteenth place."""


@dataclass
class Judgement:
    """What was compared, and every difference in a line."""

    placed: int
    filled: int
    signed: int
    stops: int
    """Orders that wait for a price."""
    differences: list


def journal_of(home: Path) -> Path:
    """The only one."""
    [found] = (home / "accounts").glob(f"sandbox-{DEV_ADDRESS}*.sqlite")
    return found


def judged(home: Path, before: dict, after: dict) -> Judgement:
    """`before` and `after` are the sandbox's ledger, as it was at the start and as it is now."""
    with closing(sqlite3.connect(journal_of(home))) as db:
        whole = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with SqliteJournal(journal_of(home)) as journal:
        books = Ledger.opened(journal, WallClock()).books
        signed = [body for _, _, body in journal.replay("signed")]
        resolved = {body["tx_hash"]: body for _, _, body in journal.replay("resolved")}
        fills = [fill for _, _, body in journal.replay("fills") for fill in body["fills"]]
    found = [] if whole else ["the file is damaged"]
    found += _orders(signed, resolved, after)
    found += _fills(fills, after)
    found += _holdings(books, after)
    found += _money(books, before, after)
    found += _open(books, after)
    stops = sum(order["kind"] == OrderKind.STOP for body in signed for order in body["orders"])
    return Judgement(len(after["history"]), len(after["trades"]), len(signed), stops, found)


def _orders(signed, resolved, ledger):
    """Every order of the ledger is in the journal once, as placed; every placed one of the journal there."""
    on_ledger = Counter(cid for *_, cid in ledger["history"] if not cid.startswith(BY_HAND))
    yield from (f"{cid} was placed {n} times" for cid, n in on_ledger.items() if n > 1)
    owner = Counter(order["client_order_id"] for body in signed for order in body["orders"])
    yield from (f"{cid} was signed {n} times" for cid, n in owner.items() if n > 1)
    yield from (f"{cid} is on the ledger alone" for cid in on_ledger if cid not in owner)
    # A market order that nothing met is no order of the ledger's history, but it was answered.
    for body in signed:
        tx_hash = body["transaction"]["tx_hash"]
        outcome = resolved.get(tx_hash)
        if outcome is None:
            yield f"{tx_hash} was never resolved"
            continue
        answers = {order["client_order_id"]: order["error_code"] for order in outcome["orders"]}
        for order in body["orders"]:
            cid = order["client_order_id"]
            placed = bool(outcome["height"]) and not outcome["code"] and answers.get(cid) == 0
            if placed != (cid in on_ledger):
                yield f"{cid}: placed is {placed} in the journal ({outcome['reason']}), the ledger disagrees"


def entered_twice(ledger):
    """Orders to buy that met the market while what an earlier one bought was still held."""
    held, first = Counter(), set()
    for row in ledger["trades"]:
        where, order = row["market_id"], row["order_hash"]
        if row["is_buy"] and held[where] > 0 and order not in first:
            yield f"{row['cid']} in block {row['block']} while {held[where]} were held on {where}"
        first.add(order)
        held[where] += Decimal(row["quantity"]) * (1 if row["is_buy"] else -1)


def _trade(row):
    # The share of a fee that comes back to who names itself comes back to its default subaccount alone.
    recipient = SUBACCOUNT[:42] if row["fee_recipient"] == DEV_ADDRESS else ""
    return (
        FIRST_HEIGHT + row["block"], row["market_id"], row["cid"], row["order_hash"], row["is_buy"],
        Decimal(row["price"]), Decimal(row["quantity"]),
        taken(Decimal(row["fee"]), recipient, row["subaccount"]),
    )  # fmt: skip


def _fill(body):
    return (
        body["height"], body["key"][1], body["client_order_id"], body["order_hash"],
        body["side"] == Side.BUY, Decimal(body["price"]), Decimal(body["quantity"]), Decimal(body["fee"]),
    )  # fmt: skip


def _fills(fills, ledger):
    mine, theirs = Counter(map(_fill, fills)), Counter(map(_trade, ledger["trades"]))
    yield from (f"a fill of the journal's alone: {fill}" for fill in (mine - theirs))
    yield from (f"a fill the journal lacks: {fill}" for fill in (theirs - mine))


def _holdings(books, ledger):
    held = Counter()
    for row in ledger["trades"]:
        signed = Decimal(row["quantity"]) * (1 if row["is_buy"] else -1)
        held[row["market_id"]] += signed
    for market_id in held.keys() | {key.market_id for key in books.net}:
        mine = sum((own.quantity for key, own in books.net.items() if key.market_id == market_id), Decimal(0))
        if mine != held[market_id]:
            yield f"{market_id}: {mine} are held by the journal, {held[market_id]} by the ledger"


def _money(books, before, after):
    """Bank and deposits changed by what was bought, sold and paid, and by nothing else."""
    expected = Counter()
    for key, own in books.net.items():
        listing = LISTINGS[key.market_id]
        if hasattr(listing, "base_denom"):
            expected[listing.quote_denom] += own.cash.scaleb(listing.quote_decimals)
            expected[listing.base_denom] += own.quantity.scaleb(listing.base_decimals)
        else:
            # What a position locks is still the account's, and the margin there is as its last fill left it.
            expected[listing.quote_denom] += own.gained.scaleb(listing.quote_decimals)
    for row in after["trades"]:
        # What the traded subaccount paid too much is the owner's again, elsewhere.
        quote = LISTINGS[row["market_id"]]
        expected[quote.quote_denom] += (_trade(row)[-1] - Decimal(row["fee"])).scaleb(quote.quote_decimals)
    by_hand = sum(cid.startswith(BY_HAND) for *_, cid in after["history"])
    expected["inj"] -= books.gas_paid * INJ + by_hand * FEE_WEI
    had, has = _amounts(before), _amounts(after)
    for denom in had.keys() | has.keys():
        if abs(has[denom] - had[denom] - expected[denom]) > ROUNDING:
            yield f"{denom}: {has[denom] - had[denom]} more, not {expected[denom]}"


def _amounts(ledger):
    held = Counter()
    for name, amount in ledger["bank"].items():
        held[name.split()[1]] += Decimal(amount)
    for name, amounts in ledger["deposits"].items():
        held[name.split()[1]] += Decimal(amounts.split()[1])
    for position in ledger["positions"]:
        listing = LISTINGS[position["market_id"]]
        held[listing.quote_denom] += Decimal(position["margin"]).scaleb(listing.quote_decimals)
    return held


def _open(books, ledger):
    mine = {o.request.client_order_id for o in books.live}
    theirs = {order["request"]["cid"] for order in ledger["orders"].values()}
    yield from (f"{cid} is open in the journal alone" for cid in mine - theirs)
    yield from (f"{cid} rests, and the journal does not know" for cid in theirs - mine)
    if any(o.state in (OrderState.SIGNED, OrderState.UNKNOWN) for o in books.live):
        yield "an order is in doubt"
