"""`judge` with every function of `risk` it reaches compiled; the modules themselves stay as they are."""

import dis
import types


def compiled_judge(numba):
    from defi_analytics.risk.gate import judge

    return _compiled(judge, numba, {})


def _compiled(function, numba, done):
    if function not in done:
        read = {i.argval for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL"}
        names = {
            name: _compiled(value, numba, done) if _ours(value) else value
            for name, value in function.__globals__.items()
            if name in read
        }
        copy = types.FunctionType(
            function.__code__, {**names, "__builtins__": __builtins__}, function.__name__
        )
        done[function] = numba.njit(copy)
    return done[function]


def _ours(value):
    return isinstance(value, types.FunctionType) and value.__module__.startswith("defi_analytics.risk")
