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
def undisturbed() -> Iterator[Callable[[], None]]:
    """Python's handlers of signals are called when it is over, each once; here they may raise.

    So they are where what this returns is called, between two calls that nothing may interrupt. Only the main
    thread is ever interrupted by one.
    """
    if current_thread() is not main_thread():
        yield lambda: None
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

    def heed() -> None:
        while noted:
            kind, _ = noted.popitem()
            handlers[kind](kind, None)

    try:
        yield heed
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
        for kind, handler in handlers.items():
            signal.signal(kind, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        heed()
