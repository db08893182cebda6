"""What a compiled function was made of: equal for two sources only if they compile to the same.

Not the files, but what the compiler reads: the code of a function and of all that it calls, and the value of
every global, default and closed-over name it looks up, for those are frozen into what comes out.
"""

import builtins
from collections.abc import Iterator
from dis import get_instructions
from enum import Enum
from hashlib import sha256
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

_PLAIN = (int, float, bool, str, bytes, type(None))
_COMPILERS_OWN = frozenset({"math", "numpy"})
"""Modules whose functions the compiler brings itself: its version and numpy's are part of every key."""


def fingerprint(*made_of: Any) -> str | None:
    """A digest; None if something among it, or looked up by it, is of no kind that could be told apart."""
    try:
        told = _told(made_of, {})
    except _Unknown:
        return None
    return sha256(repr(told).encode()).hexdigest()


def globals_of(code: CodeType) -> Iterator[str]:
    """Names that it, and what is defined within it, looks up. Not `co_names`: those of attributes too."""
    for step in get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_of(constant)


class _Unknown(Exception):
    pass


def _told(value: Any, seen: dict[Any, int]) -> Any:
    """Nested tuples of strings."""
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, Enum):
        return "member", _name(type(value)), value.name, _told(value.value, seen)
    if isinstance(value, tuple):
        kind = "tuple" if type(value) is tuple else _told(type(value), seen)
        return kind, *(_told(part, seen) for part in value)
    if isinstance(value, FunctionType):
        return _function(value, seen)
    return _code(value, seen) if isinstance(value, CodeType) else _foreign(value, seen)


def _function(function: FunctionType, seen: dict[Any, int]) -> Any:
    """In full the first time, so that functions that call each other come to an end."""
    if function in seen:
        return "function", str(seen[function])
    seen[function] = len(seen)
    return "function", _name(function), *_body(function, seen)


def _body(function: FunctionType, seen: dict[Any, int]) -> Iterator[Any]:
    known = {**vars(builtins), **function.__globals__}
    yield _code(function.__code__, seen)
    yield _told(function.__defaults__, seen)
    for cell in function.__closure__ or ():
        yield _told(cell.cell_contents, seen)
    for name in sorted(set(globals_of(function.__code__)) & known.keys()):
        yield name, _told(known[name], seen)


def _code(code: CodeType, seen: dict[Any, int]) -> Any:
    """Lines and files left out."""
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    shape = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    constants = tuple(_told(constant, seen) for constant in code.co_consts)
    return repr((code.co_code, code.co_exceptiontable, names, shape)), constants


def _foreign(value: Any, seen: dict[Any, int]) -> Any:
    if isinstance(value, ModuleType) and value.__name__ in _COMPILERS_OWN:
        return "module", value.__name__
    if isinstance(value, BuiltinFunctionType):
        return "builtin", _name(value)
    if isinstance(value, type) and issubclass(value, Enum):
        return "enum", _name(value), *(_told(member.value, seen) for member in value), *value.__members__
    if isinstance(value, type) and issubclass(value, tuple):
        fields = getattr(value, "_fields", ()), tuple(getattr(value, "_field_defaults", {}).items())
        return "class", _name(value), _told(fields, seen)
    if isinstance(value, type) and value.__module__ == "builtins":
        return "class", _name(value)
    raise _Unknown


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
