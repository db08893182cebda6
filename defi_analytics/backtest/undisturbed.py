"""Calls that no signal may interrupt.

What a handler raises in the midst of a compiled call ends the process: on its way out that builds Python
objects, where nobody expects an exception. So while one runs, signals are only noted.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def undisturbed() -> Iterator[None]:
    """Python's handlers of signals are called when it is over, each once; here they may raise.

    Only the main thread is ever interrupted by one.
    """
    if current_thread() is not main_thread():
        yield
        return
    noted: dict[int, None] = {}

    def note(number: int, frame: FrameType | None) -> None:
        noted[number] = None

    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler):
            handlers[number] = handler
    # None may come between two handlers that change places.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
    for kind in handlers:
        signal.signal(kind, note)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
        for kind, handler in handlers.items():
            signal.signal(kind, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for kind in noted:
            handlers[kind](kind, None)
