"""The chain stream: what one block changed, for one subscriber's filters.

Source: injective.stream.v2 (StreamRequest, StreamResponse) and injective-core's stream server: "*" matches
everything, a filter that is not set nothing, and a filter of two lists wants both to match.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from defi_analytics.sandbox.chain.blocks import Made
from defi_analytics.sandbox.chain.gas import MIN_GAS_PRICE
from defi_analytics.sandbox.chain.stream_rows import derivative_trade, order_update, position, spot_trade
from defi_analytics.sandbox.gateway import dec
from defi_analytics.sandbox.listings import LISTINGS, Spot
from defi_analytics.sandbox.matching import levels
from defi_analytics.sandbox.moment import FIRST_HEIGHT

_Levels = dict[str, str]
_BOTH_SIDES = ("buy_levels", "sell_levels")


class Subscription:
    """Remembers what it told of books and balances, to tell their changes only."""

    def __init__(self, chain: Any, filters: Mapping[str, Any]) -> None:
        self._chain, self._filters = chain, filters
        self._books: dict[str, dict[str, _Levels]] = {}
        self._balances: dict[str, Mapping[str, int]] = {}
        moment = chain.moment()
        for market_id in self._wanted_books():
            self._books[market_id] = self._book(market_id, moment.block)
        for address in self._wanted_accounts():
            self._balances[address] = dict(chain.ledger.balances(address))

    def message(self, made: Made) -> dict[str, Any]:
        """The fields of the block's StreamResponse."""
        return {
            "block_height": str(made.height),
            "block_time": str(round(made.at.timestamp() * 1000)),
            "gas_price": str(MIN_GAS_PRICE),
            **self._trades(made),
            **self._orders(made),
            **self._book_updates(made.block),
            "positions": list(self._changed_positions(made)),
            "bank_balances": list(self._changed_balances()),
            "order_failures": list(self._failures(made)),
        }

    def _trades(self, made: Made) -> dict[str, Any]:
        trades = made.events.trades if made.events else ()
        spot = [one for one in trades if one.position_delta is None]
        derivative = [one for one in trades if one.position_delta is not None]
        return {
            "spot_trades": [spot_trade(one) for one in spot if self._both("spot_trades_filter", one)],
            "derivative_trades": [
                derivative_trade(one) for one in derivative if self._both("derivative_trades_filter", one)
            ],
        }

    def _orders(self, made: Made) -> dict[str, Any]:
        found: dict[str, list[Any]] = {"spot_orders": [], "derivative_orders": []}
        for record in made.events.changes if made.events else ():
            kind = "spot" if record.order.request.margin is None else "derivative"
            update = order_update(record)
            if update is not None and self._both(f"{kind}_orders_filter", record.order):
                found[f"{kind}_orders"].append(update)
        return found

    def _failures(self, made: Made) -> Iterator[dict[str, Any]]:
        for one in made.events.failures if made.events else ():
            if self._matches("order_failures_filter", "accounts", one.sender):
                yield {
                    "account": one.sender,
                    "order_hash": one.order_hash,
                    "cid": one.cid,
                    "error_code": one.code,
                }

    def _changed_positions(self, made: Made) -> Iterator[dict[str, Any]]:
        touched = [one for one in (made.events.trades if made.events else ()) if one.position_delta]
        for trade in {(one.subaccount, one.market_id): one for one in touched}.values():
            if self._both("positions_filter", trade):
                held = self._chain.ledger.positions(trade.subaccount, trade.market_id)
                yield position(trade, held[0] if held else None)

    def _changed_balances(self) -> Iterator[dict[str, Any]]:
        for address in self._wanted_accounts():
            now = dict(self._chain.ledger.balances(address))
            before = self._balances.get(address, {})
            changed = [denom for denom in {**before, **now} if now.get(denom, 0) != before.get(denom, 0)]
            self._balances[address] = now
            if changed:
                coins = [{"denom": denom, "amount": str(now.get(denom, 0))} for denom in sorted(changed)]
                yield {"account": address, "balances": coins}

    def _book_updates(self, block: int) -> dict[str, Any]:
        found: dict[str, list[Any]] = {"spot_orderbook_updates": [], "derivative_orderbook_updates": []}
        for market_id, before in self._books.items():
            now = self._books[market_id] = self._book(market_id, block)
            changes = {side: list(_changes(before[side], now[side])) for side in _BOTH_SIDES}
            if any(changes.values()):
                kind = "spot" if isinstance(LISTINGS[market_id], Spot) else "derivative"
                orderbook = {"market_id": market_id, **changes}
                seq = str(FIRST_HEIGHT + block)
                found[f"{kind}_orderbook_updates"].append({"seq": seq, "orderbook": orderbook})
        return found

    def _book(self, market_id: str, block: int) -> dict[str, _Levels]:
        book = self._chain.ledger.book(market_id, block)
        return {
            side: {dec(price): dec(quantity) for price, quantity in levels(orders)}
            for side, orders in zip(_BOTH_SIDES, (book.bids, book.asks), strict=True)
        }

    def _wanted_books(self) -> list[str]:
        names = {"spot_orderbooks_filter": Spot, "derivative_orderbooks_filter": None}
        return [
            one.market_id
            for name, kind in names.items()
            for one in LISTINGS.values()
            if isinstance(one, Spot) == (kind is Spot) and self._matches(name, "market_ids", one.market_id)
        ]

    def _wanted_accounts(self) -> Iterable[str]:
        for account in self._chain.accounts.all():
            if self._matches("bank_balances_filter", "accounts", account.address):
                yield account.address

    def _both(self, name: str, item: Any) -> bool:
        return self._matches(name, "subaccount_ids", item.subaccount) and self._matches(
            name, "market_ids", item.market_id
        )

    def _matches(self, name: str, field: str, value: str) -> bool:
        wanted = self._filters.get(name, {}).get(field, ())
        return "*" in wanted or value in wanted


def _changes(before: _Levels, now: _Levels) -> Iterator[dict[str, str]]:
    """Levels as they are now; a quantity of zero is a level that is gone."""
    for price, quantity in now.items():
        if before.get(price) != quantity:
            yield {"p": price, "q": quantity}
    for price in before:
        if price not in now:
            yield {"p": price, "q": "0.000000000000000000"}
