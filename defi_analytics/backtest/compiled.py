"""The decision functions, compiled: the same source, with the functions it calls compiled too.

numba is imported when something is compiled, never before. This is the only place that knows it.
"""

from collections.abc import Callable
from dis import get_instructions
from functools import cache
from types import CodeType, FunctionType
from typing import Any

_ROOT = __name__.partition(".")[0]


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """What computes the same as `function`, bit for bit, on int64 and float64 instead of Python's numbers.

    `function`, and all that it calls of its own package and of this one, must be module-level functions of
    NamedTuples, numbers and arrays; the first call with new types takes seconds. Integers beyond 64 bits
    wrap around unnoticed: what goes in must be bounded before.
    """
    return _jitted(function, no_cfunc_wrapper=True)


@cache
def callee(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that compiled code calls: as a global, or as an argument that is handed to it.

    Python cannot call it. It becomes a part of its caller, for arguments cost more than most of these do.
    """
    return _jitted(function, no_cfunc_wrapper=True, no_cpython_wrapper=True, forceinline=True)


def compile_errors() -> tuple[type[Exception], ...]:
    """What the first call of a compiled function raises when its source is not for compiling."""
    return (_numba().core.errors.NumbaError,)


def _jitted(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    if not isinstance(function, FunctionType):
        raise TypeError(f"{function} is no plain function")
    scope = {**function.__globals__, **_callees(function)}
    twin = FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
    made: Callable[..., Any] = _numba().njit(twin, error_model="python", **options)
    return made


def _callees(function: FunctionType) -> dict[str, Callable[..., Any]]:
    named = {name: function.__globals__.get(name) for name in _globals(function.__code__)}
    return {
        name: callee(value)
        for name, value in named.items()
        if isinstance(value, FunctionType) and _package(value) in {_ROOT, _package(function)}
    }


def _package(function: FunctionType) -> str:
    """Others' functions are left as they are: numba knows numpy's."""
    return function.__module__.partition(".")[0]


def _globals(code: CodeType) -> set[str]:
    """Not `co_names`, which are the names of attributes too."""
    return {step.argval for step in get_instructions(code) if step.opname == "LOAD_GLOBAL"}


@cache
def _numba() -> Any:
    import numba
    from numba.core import types
    from numba.extending import overload

    @overload(int)
    def _int(member: Any) -> Any:
        """`int(Member)`, which numba does not know."""

        def value(member: Any) -> Any:
            return member.value  # pragma: no cover - only ever compiled

        return value if isinstance(member, types.IntEnumMember) else None

    return numba
