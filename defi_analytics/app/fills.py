"""Every fill of an account with what an accountant asks for, from its journal alone."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.order import Fill
from defi_analytics.engine.records import Fills, Kind, Signed
from defi_analytics.errors import Mismatch
from defi_analytics.ports import Journal

_TYPES: Mapping[str, type[Any]] = {Kind.SIGNED: Signed, Kind.FILLS: Fills}


class Executed(NamedTuple):
    """A fill, and the order it is of; both empty for an order that is not this journal's."""

    fill: Fill
    market: Market | None
    strategy: str
    tx_hash: str
    """Of the transaction that placed the order."""


def executed(journal: Journal) -> Iterator[Executed]:
    """Oldest first. Raises Mismatch for a record that is not whole."""
    orders: dict[str, tuple[str, str]] = {}
    markets: dict[MarketKey, Market] = {}
    for _, kind, body in journal.replay(Kind.SIGNED, Kind.FILLS):
        try:
            record: Signed | Fills = msgspec.convert(body, _TYPES[kind])
        except msgspec.ValidationError as error:
            raise Mismatch(f"the journal holds an impossible {kind!r} record: {error}") from None
        if isinstance(record, Signed):
            for request in record.orders:
                orders[request.client_order_id] = (request.strategy, record.transaction.tx_hash)
                markets[request.market.key] = request.market
        else:
            for fill in record.fills:
                strategy, tx_hash = orders.get(fill.client_order_id, ("", ""))
                yield Executed(fill, markets.get(fill.key), strategy, tx_hash)
