"""Every error raised on purpose.

DefiError
├── UsageError            2   the command line cannot mean anything
├── ConfigError           3   settings are wrong; carries every violation
├── AuthError             4   a key, secret or grant is missing or refused
├── DataError             6   a source could not tell us something
│   ├── Unavailable       5   *the source did not answer
│   │   ├── TimedOut      7   *… before the deadline
│   │   └── RateLimited   5   *… because it asked us to wait
│   ├── Malformed         6   it answered, but not in its own format
│   ├── Stale             6   it answered with something too old to use
│   └── NotFound          8   it has no such thing
│       ├── UnknownMarket 8
│       └── NotCovered    8   no prediction exists for this asset and horizon
├── WrongState            9   another instance holds the lock, or the state forbids it
├── RiskDenied           20   a rule refused what a person asked for by name
├── RiskHalt             21   trading is halted, and stays so until it is resumed
├── Mismatch             22   the journal and the venue disagree
└── ExecutionError       23   a write went wrong
    ├── OrderRejected    23   the venue refused: nothing of it is open
    └── OutcomeUnknown   24   sent, and nobody can say yet what became of it

(* worth trying again.) The numbers are the process's exit codes.
A refusal of the decision core is a value, not an error; RiskDenied is for commands that ask for one verdict.
"""

from typing import ClassVar


class DefiError(Exception):
    """Base of every error raised on purpose: one line for a person, a stable code for a script."""

    code: ClassVar[str] = "INTERNAL"
    exit_code: ClassVar[int] = 1
    retryable: bool = False
    """Of a kind of error, and of one of it that is known to differ."""

    violations: tuple[str, ...] = ()
    """One line each, where several things are wrong at once: where, what, how to fix."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DefiError):
    code = "USAGE"
    exit_code = 2

    def __init__(self, message: str, *, violations: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.violations = violations


class ConfigError(DefiError):
    """Settings that cannot be used; there is always at least one violation."""

    code = "CONFIG_INVALID"
    exit_code = 3

    def __init__(self, message: str, *, violations: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.violations = violations or (message,)


class AuthError(DefiError):
    code = "AUTH"
    exit_code = 4


class DataError(DefiError):
    """`source` names the venue, oracle or predictor that failed."""

    code = "DATA"
    exit_code = 6
    status: int = 0
    """The HTTP status that was answered; 0 where there was none."""
    answer: bytes = b""
    """What came with `status`, where it was read, cut short: untrusted, never to be shown as it is."""
    unsent: bool = False
    """Not one byte of the request left this machine. False proves nothing."""

    def __init__(self, source: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{source}: {message}", hint=hint)
        self.source = source


class Unavailable(DataError):
    code = "UNAVAILABLE"
    exit_code = 5
    retryable = True


class TimedOut(Unavailable):
    code = "TIMED_OUT"
    exit_code = 7


class RateLimited(Unavailable):
    """`retry_after_s` is how long the source asked us to stay away."""

    code = "RATE_LIMITED"

    def __init__(self, source: str, message: str, *, retry_after_s: float, hint: str = "") -> None:
        super().__init__(source, message, hint=hint)
        self.retry_after_s = retry_after_s


class Malformed(DataError):
    code = "MALFORMED"


class Stale(DataError):
    code = "STALE"


class NotFound(DataError):
    code = "NOT_FOUND"
    exit_code = 8


class UnknownMarket(NotFound):
    code = "UNKNOWN_MARKET"


class NotCovered(NotFound):
    code = "NOT_COVERED"


class WrongState(DefiError):
    code = "WRONG_STATE"
    exit_code = 9


class RiskDenied(DefiError):
    code = "RISK_DENIED"
    exit_code = 20


class RiskHalt(DefiError):
    code = "HALTED"
    exit_code = 21


class Mismatch(DefiError):
    code = "MISMATCH"
    exit_code = 22


class ExecutionError(DefiError):
    code = "EXECUTION"
    exit_code = 23


class OrderRejected(ExecutionError):
    """`order_code` is the venue's own, with its codespace; 0 where it gave none."""

    code = "ORDER_REJECTED"

    def __init__(self, message: str, *, order_code: int = 0, codespace: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.order_code = order_code
        self.codespace = codespace


class OutcomeUnknown(ExecutionError):
    """Neither success nor failure: it is decided by finding the transaction, or by its timeout height."""

    code = "OUTCOME_UNKNOWN"
    exit_code = 24
