"""Names that resolve slowly must not keep a finished command waiting.

asyncio resolves host names in threads of its default executor and, like the interpreter, waits for them at
the end: a dead name server would add half a minute to a call whose deadline passed long ago.
"""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

_NAME = "defi-resolver"
_GRACE_S = 1.0


class _Unwaited(ThreadPoolExecutor):
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


def survive_slow_names() -> None:
    """Makes the running loop leave its resolver threads behind when it ends."""
    asyncio.get_running_loop().set_default_executor(_Unwaited(thread_name_prefix=_NAME))


def leave(code: int) -> int:
    """`code`, unless a resolver thread still hangs: then the process ends here, its output written."""
    for thread in threading.enumerate():
        if thread.name.startswith(_NAME):
            thread.join(_GRACE_S)
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
    return code
