"""One sender for an account on this machine, from whichever home folder."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from defi_analytics.app.parts import App
from defi_analytics.storage.lock import MachineLock


@contextmanager
def alone(app: App, senders: Iterable[str]) -> Iterator[None]:
    """Nobody else sends for any of these meanwhile. Raises WrongState."""
    with ExitStack() as stack:
        for sender in senders:
            stack.enter_context(MachineLock(_chain_name(app), sender))
        yield


def _chain_name(app: App) -> str:
    """Each sandbox is a chain of its own, though all have one name."""
    own = app.injective_network
    return own.lcd_url if app.network == "sandbox" else own.chain_id
