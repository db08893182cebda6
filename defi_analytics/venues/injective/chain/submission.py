"""What became of sending a transaction once. Source: cosmos.tx.v1beta1.Service BroadcastTx, mode sync."""

import msgspec

from defi_analytics.domain.transaction import Sent, Submission
from defi_analytics.errors import DefiError
from defi_analytics.venues.injective.chain.refusals import IN_MEMPOOL, LOCAL, SDK
from defi_analytics.venues.wire import UNREADABLE

_LONGEST_LOG = 500


class _Response(msgspec.Struct, gc=False):
    txhash: str
    code: int
    codespace: str = ""
    raw_log: str = ""


class _Answer(msgspec.Struct, gc=False):
    tx_response: _Response


_ANSWER = msgspec.json.Decoder(_Answer)


def parse_submission(body: bytes, tx_hash: str) -> Submission:
    """Anything but a whole answer about this very transaction proves nothing. Raises nothing."""
    try:
        answer = _ANSWER.decode(body).tx_response
    except UNREADABLE:
        return Submission(Sent.UNKNOWN, log="an answer that cannot be read")
    log = answer.raw_log[:_LONGEST_LOG]
    if answer.txhash.upper() != tx_hash:
        return Submission(Sent.UNKNOWN, log="an answer about another transaction")
    accepted = answer.code == 0 or (answer.codespace, answer.code) == (SDK, IN_MEMPOOL)
    return Submission(Sent.ACCEPTED if accepted else Sent.REJECTED, answer.code, answer.codespace, log)


def unanswered(error: DefiError) -> Submission:
    """A request that provably never left is a refusal of our own; of any other nobody can say."""
    if getattr(error, "unsent", False):
        return Submission(Sent.REJECTED, codespace=LOCAL, log=error.message[:_LONGEST_LOG])
    return Submission(Sent.UNKNOWN, log=error.message[:_LONGEST_LOG])
