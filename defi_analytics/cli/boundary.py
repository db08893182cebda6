"""The one error boundary: whatever happens becomes one line for a person and a documented exit code."""

import errno
import os
import re
import signal
import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType
from typing import Any

from defi_analytics.cli.streams import discard, make_writable
from defi_analytics.errors import DefiError, UsageError, WrongState

EXIT_INTERNAL = 1
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""A terminal that is gone ends a command as SIGTERM does."""
_MARKET_ID = re.compile(r"0x[0-9a-fA-F]{64}")
_NO_COMMAND = re.compile(r"No such command '(.*)'\.")
_TAKE_MARKETS = (["scan"], ["market"])
"""Commands whose arguments are markets."""


def run(args: list[str]) -> int:
    """Parses and runs one command. Never lets an exception out."""
    make_writable()
    # Whatever a command makes, folders above it included, is its user's alone.
    mask = os.umask(0o077)
    received: list[int] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        received.append(number)
        _unwind(frame)

    # Whoever started this with nohup wants it to outlive its terminal.
    ends = [kind for kind in _ENDING if signal.getsignal(kind) is not signal.SIG_IGN]
    previous = {kind: signal.signal(kind, terminate) for kind in ends}
    try:
        return _left(_guarded(args))
    except KeyboardInterrupt:
        return EXIT_TERMINATED if received else _interrupted()
    except OSError:
        # Standard output cannot be written, not even with the error.
        discard(sys.stdout)
        return EXIT_INTERNAL
    finally:
        for kind, handler in previous.items():
            signal.signal(kind, handler)
        os.umask(mask)


def _left(code: int) -> int:
    """`code`, without waiting for host names that still resolve; only commands that asked for some can."""
    if "defi_analytics.cli.resolver" not in sys.modules:
        return code
    from defi_analytics.cli.resolver import leave

    return leave(code)


def _guarded(args: list[str]) -> int:
    try:
        _refuse_keys(args)
        code = _invoke(args)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as stop:
        # The reader went away (`| head`), which click makes an exit of 1 of; 0 is a shell's completion, done.
        if not (isinstance(stop, SystemExit) and stop.code == 0):
            discard(sys.stdout)
        return 0
    except DefiError as error:
        return _reported(error, args)
    except OSError as error:
        return _full() if error.errno == errno.ENOSPC else _crashed(error, args)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug becomes a crash file and one line
        return _crashed(error, args)
    return code


def _invoke(args: list[str]) -> int:
    import typer

    from defi_analytics.cli.tree import root

    command: Callable[..., Any] = typer.main.get_command(root)
    try:
        result = command(args, prog_name="defi", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        usage = _as_usage_error(error)
        if usage is None:
            raise
        raise usage from None
    if result == EXIT_INTERRUPTED:
        # What typer makes of Ctrl-C, without a word.
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _as_usage_error(error: Exception) -> UsageError | None:
    """Typer's own complaints, recognised by what they offer; its exception classes are private."""
    describe = getattr(error, "format_message", None)
    if describe is None:
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "defi"
    if type(error).__name__ == "NoArgsIsHelpError":
        # Its message is the whole help.
        return UsageError(f"{path}: a command is missing", hint=f"see: {path} --help")
    message = " ".join(str(describe()).split())
    return UsageError(f"{message.rstrip('.')}{_nearest(message, context)}", hint=f"see: {path} --help")


def _nearest(message: str, context: Any) -> str:
    """The command that may have been meant, where typer names none: ours are not loaded when it looks."""
    wrong = _NO_COMMAND.fullmatch(message)
    if wrong is None:
        return "." * message.endswith(".")
    from defi_analytics.config.values import did_you_mean

    return did_you_mean(wrong[1], tuple(context.command.list_commands(context)))


def _refuse_keys(args: list[str]) -> None:
    from defi_analytics.keys.api import any_key

    # A market id is 0x and 64 digits too, so those pass where one may stand; bare digits never do.
    rest = [one for before, one in pairwise(["", *args]) if not _names_market(before, one)]
    if any_key(rest, market_id=args[:1] in _TAKE_MARKETS):
        raise UsageError(
            "an argument looks like a private key or a mnemonic (not repeated here)",
            hint="treat it as exposed and rotate it: other users and your shell's history can read arguments",
        )


def _names_market(before: str, one: str) -> bool:
    """Whether this argument is an id that --market asks for."""
    value = one if before == "--market" else one.partition("--market=")[2]
    return _MARKET_ID.fullmatch(value) is not None


def _full() -> int:
    from defi_analytics.cli.envelope import write_error_line

    discard(sys.stdout)
    write_error_line(WrongState("no space left to write to", hint="free some, or write elsewhere"))
    return WrongState.exit_code


def _interrupted() -> int:
    from defi_analytics.cli.envelope import say

    say("\ndefi: interrupted")
    return EXIT_INTERRUPTED


def _reported(error: DefiError, args: list[str]) -> int:
    from defi_analytics.cli.envelope import write_error, write_error_line

    write_error_line(error)
    if _wants_json(args):
        write_error(error, _asked_network(args))
    sys.stdout.flush()
    return error.exit_code


def _crashed(error: Exception, args: list[str]) -> int:
    from defi_analytics.cli.crash import crash_file

    return _reported(
        DefiError(f"internal error: {type(error).__name__}", hint=f"details are in {crash_file(error)}"), args
    )


def _wants_json(args: list[str]) -> bool:
    if "--json" in args or "--output=json" in args:
        return True
    return any(a in {"-o", "--output"} and b == "json" for a, b in pairwise(args))


def _asked_network(args: list[str]) -> str | None:
    """What --network says; which one the settings say, if they are read at all, is not known here."""
    from defi_analytics.config.fields import NETWORKS

    for before, one in pairwise(["", *args]):
        value = one if before in {"-n", "--network"} else one.partition("--network=")[2]
        if value in NETWORKS:
            return value
    return None


def _unwind(frame: FrameType | None) -> None:
    """Ends the command as Ctrl-C does, so that everything opened is closed.

    That handler is asyncio's while it runs, and cancels the task; an exception raised from here in the midst
    of one would be wrapped or swallowed.
    """
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:
        # Ctrl-C is ignored, as in the background of a script.
        raise KeyboardInterrupt
