"""The decision functions, compiled: the same source, with the functions it calls compiled too.

numba is imported when something is compiled, never before. This is the only place that knows it.
"""

from collections.abc import Callable
from functools import cache
from types import CellType, FunctionType
from typing import Any, cast

from defi_analytics.backtest.fingerprint import fingerprint, globals_of
from defi_analytics.backtest.kept import KeptCode

_ROOT = __name__.partition(".")[0]
_ENTERED = (("error_model", "python"), ("no_cfunc_wrapper", True))
_ALONG = (*_ENTERED, ("no_cpython_wrapper", True), ("forceinline", True))


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """What computes the same as `function`, bit for bit, on int64 and float64 instead of Python's numbers.

    It, and all that it calls of its own package and of this one, must be plain functions of NamedTuples,
    numbers and arrays; what it closes over is frozen. The first call with new types takes seconds, unless an
    earlier process kept what it compiled. Integers beyond 64 bits wrap around unnoticed: what goes in must be
    bounded before.
    """
    made_of = fingerprint(function, _ENTERED, _ALONG, _value)
    # Names become symbols: of two that are loaded from different processes they must not be the same.
    twin = _twin(function, f"{getattr(function, '__name__', '')}_{(made_of or '')[:16]}")
    made = _numba().njit(twin, **dict(_ENTERED))
    if made_of:
        made._cache = KeptCode(made_of, _numba())  # noqa: SLF001 - where numba's `cache=True` puts its own
    return cast("Callable[..., Any]", made)


@cache
def _callee(function: FunctionType) -> Any:
    """The same for a function that compiled code calls.

    Python cannot call it. It becomes a part of its caller, for arguments cost more than most of these do.
    """
    return _numba().njit(_twin(function, function.__name__), **dict(_ALONG))


def made_ready(function: Any, *arguments: Any) -> None:
    """Compiles what `compiled` returned for arguments of these types, which takes seconds the first time.

    A call would do it too; but this may be interrupted, which a call of compiled code must not be.
    """
    kinds = tuple(map(_numba().typeof, arguments))
    if kinds not in function.overloads:
        function.compile(kinds)


def compile_errors() -> tuple[type[Exception], ...]:
    """What compiling, or the first call, raises when the source is not for compiling."""
    return _numba().core.errors.NumbaError, RecursionError


def _twin(function: Any, name: str) -> FunctionType:
    """The same code, which finds compiled functions where the original finds plain ones."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"{function} is no plain function")
    looked_up = {name: function.__globals__.get(name) for name in globals_of(function.__code__)}
    ours = {_ROOT, _package(function)}
    callees = {
        n: _callee(f) for n, f in looked_up.items() if isinstance(f, FunctionType) and _package(f) in ours
    }
    closure = tuple(CellType(_compiled_along(cell.cell_contents)) for cell in function.__closure__ or ())
    scope = {**function.__globals__, **callees}
    twin = FunctionType(function.__code__, scope, name, function.__defaults__, closure or None)
    twin.__qualname__ = name
    return twin


def _compiled_along(value: Any) -> Any:
    return _callee(value) if isinstance(value, FunctionType) else value


def _package(function: FunctionType) -> str:
    """Others' functions are left as they are: numba knows numpy's."""
    return function.__module__.partition(".")[0]


@cache
def _numba() -> Any:
    import numba
    from numba.core import types
    from numba.extending import overload

    @overload(int)
    def _int(member: Any) -> Any:
        """`int(Member)`, which numba does not know."""
        return _value if isinstance(member, types.IntEnumMember) else None

    return numba


def _value(member: Any) -> Any:
    return member.value  # pragma: no cover - only ever compiled
