"""Running a transaction's messages on the ledger: all of them, or none.

Source: cosmos-sdk's baseapp.runTx: the fee and the sequence are taken whatever the messages do.
"""

import logging
from typing import Any, NamedTuple, NoReturn

from defi_analytics.sandbox.chain import block_events, events, protobufs, protojson
from defi_analytics.sandbox.chain.abci import Event
from defi_analytics.sandbox.chain.transaction import Transaction, signer_of
from defi_analytics.sandbox.ledger.failed import Failed

_LOG = logging.getLogger(__name__)
_PANIC = 111222


class Executed(NamedTuple):
    data: bytes
    """A serialised TxMsgData."""
    events: tuple[Event, ...]


class _Undone(Exception):
    """Takes a rehearsal back, and carries what it came to."""

    def __init__(self, done: Executed) -> None:
        super().__init__()
        self.done = done


def run(ledger: Any, transaction: Transaction, block: int, at_s: float) -> Executed:
    """`at_s` is the block's time. Raises Failed, with nothing changed, as soon as one message fails."""
    responses, written = [], []
    with ledger.atomic():
        for index, message in enumerate(transaction.messages):
            before = len(ledger.failures)
            answer = _execute(ledger, message, index, (block, at_s))
            responses.append(_response(f"{message.DESCRIPTOR.full_name}Response", answer))
            written += events.of_message(message, transaction.signer, index)
            written += block_events.order_fails(ledger.failures[before:], index)
    return Executed(_data(responses), tuple(written))


def rehearse(ledger: Any, transaction: Transaction, block: int, at_s: float) -> Executed:
    """What `run` would do, undone. Raises Failed."""
    try:
        with ledger.atomic():
            _undo(run(ledger, transaction, block, at_s))
    except _Undone as undone:
        return undone.done


def _undo(done: Executed) -> NoReturn:
    raise _Undone(done)


def _execute(ledger: Any, message: Any, index: int, when: tuple[int, float]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = ledger.execute(message, signer_of(message), *when)
    except Failed as failed:
        log = f"failed to execute message; message index: {index}: {failed.log}"
        raise Failed(failed.code, failed.codespace, log) from failed
    except Exception as error:  # as the chain recovers from a panic: no transaction may stop the blocks
        _LOG.exception("message %d of a transaction failed", index)
        raise Failed(_PANIC, "undefined", f"recovered: {error!r}: panic") from error
    return answer


def _response(name: str, fields: dict[str, Any]) -> Any:
    if name != "cosmos.authz.v1beta1.MsgExecResponse":
        return protojson.from_json(name, fields)
    found = protobufs.new(name)
    found.results.extend(_response(inner, told).SerializeToString() for inner, told in fields["results"])
    return found


def _data(responses: list[Any]) -> bytes:
    found = protobufs.new("cosmos.base.abci.v1beta1.TxMsgData")
    for response in responses:
        packed = found.msg_responses.add()
        packed.type_url, packed.value = f"/{response.DESCRIPTOR.full_name}", response.SerializeToString()
    raw: bytes = found.SerializeToString()
    return raw
