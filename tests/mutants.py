"""Every way in which `tests.mutation` breaks a module: one place at a time, in the order of its lines."""

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "defi_analytics"
GATE = PACKAGE / "risk" / "gate.py"

COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),  # codespell:ignore notin
    ast.NotIn: (ast.In,),  # codespell:ignore notin
}
COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}
STRICTER = {"at_most": "-", "at_least": "", "below": ""}
"""How the rules of `risk` compare, as `f(code, value, limit)`, and the sign of the infinity towards which their
limit moves by one float so that it no longer holds for itself (`below`: that it does)."""

SIGNS = ("side", "sign", "1 if request.side is Side.BUY else -1")
NUDGED = "  at its limit"


class Mutant(NamedTuple):
    path: Path
    line: int
    what: str
    source: str
    function: str
    """Qualified name of the outermost function it is in; empty outside of any."""
    span: tuple[int, int]
    """First and last line of the body of that function."""

    @property
    def module(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)


def mutants(path: Path) -> list[Mutant]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node, function, span in list(_nodes(tree)):
        for replacement in _changed(node):
            source = _with(tree, node, replacement)
            found.append(Mutant(path, node.lineno, _difference(node, replacement), source, function, span))
    return sorted(found, key=lambda m: m.line)


def of_rules() -> Iterator[Mutant]:
    """The gate without each rule and with its answer turned around, and each of their limits one float tighter."""
    tree = ast.parse(GATE.read_text(encoding="utf-8"))
    judge = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "judge")
    span = judge.body[0].lineno, judge.end_lineno or 0
    asked = next(n for n in ast.walk(judge) if isinstance(n, ast.Tuple))
    for call in asked.elts:
        rest = ast.Tuple([other for other in asked.elts if other is not call], ast.Load())
        yield Mutant(GATE, call.lineno, f"without {_rule(call)}", _with(tree, asked, rest), "judge", span)
        turned = ast.parse(f"unknown(0.0, 1.0) if {_rule(call)}.code == Denial.NONE else PASSED", mode="eval")
        source = _with(tree, call, turned.body)
        yield Mutant(GATE, call.lineno, f"the opposite of {_rule(call)}", source, "judge", span)
    for path in sorted((PACKAGE / "risk" / "rules").glob("*.py")):
        yield from (m for m in mutants(path) if m.what.endswith(NUDGED))


def _rule(call: ast.expr) -> str:
    return ast.unparse(call)


def _nodes(
    node: ast.AST, scope: tuple[str, ...] = (), function: str = "", span: tuple[int, int] = (0, 0)
) -> Iterator[tuple[ast.expr | ast.stmt, str, tuple[int, int]]]:
    """What runs, and the function it is in: no annotations, decorators, imports, nor what messages say."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        scope = (*scope, node.name)
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        within = function, span
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == "body" and not function:
            within = ".".join(scope), (value[0].lineno, node.end_lineno or 0)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child, *within
            if isinstance(child, ast.AST):
                yield from _nodes(child, scope, *within)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                for other in COMPARED[type(operator)]:
                    changed = copy.deepcopy(node)
                    changed.ops[index] = other()
                    yield changed
        case ast.BinOp() if type(node.op) in COMPUTED and not _signed(node):
            yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
        case ast.AugAssign() if type(node.op) in COMPUTED:
            yield ast.AugAssign(node.target, COMPUTED[type(node.op)](), node.value)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for rest in _one_less(node.values):
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.If():
            for outcome in (True, False):
                yield ast.If(ast.Constant(outcome), node.body, node.orelse)
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield from (ast.Constant(other) for other in (number + 1, number - 1) if other != number)
        case ast.Tuple(elts=[_, _, _, *_] as parts) | ast.List(elts=[_, _, _, *_] as parts) if all(
            isinstance(part, ast.Call | ast.Starred) for part in parts
        ):
            for rest in _one_less(parts):
                yield type(node)(rest, ast.Load())
        case ast.Call(func=ast.Name(id=name), args=arguments):
            yield from _called(node, name, arguments)


def _signed(node: ast.BinOp) -> bool:
    """A product with a sign: dividing by 1 or -1 instead is the same."""
    return isinstance(node.op, ast.Mult) and ast.unparse(node.right).endswith(SIGNS)


def _called(node: ast.Call, name: str, arguments: list[ast.expr]) -> Iterator[ast.AST]:
    if name in RENAMED:
        yield ast.Call(ast.Name(RENAMED[name], ast.Load()), arguments, node.keywords)
    if name in STRICTER and len(arguments) == 3:
        code, value, limit = arguments
        yield ast.Call(node.func, [code, limit, value], [])
        nudged = f"__import__('math').nextafter({ast.unparse(limit)}, {STRICTER[name]}float('inf'))"
        tighter = ast.Call(node.func, [code, value, ast.parse(nudged, mode="eval").body], [])
        tighter.note = NUDGED
        yield tighter
    if name == "refused_if" and len(arguments) == 2:
        yield ast.Call(node.func, [arguments[0], ast.UnaryOp(ast.Not(), arguments[1])], [])


def _one_less(parts: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for index in range(len(parts)):
        yield parts[:index] + parts[index + 1 :]


def _with(tree: ast.Module, old: ast.AST, new: ast.AST) -> str:
    """The source with one node replaced; the tree itself is put back as it was."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                text = ast.unparse(tree)
                setattr(parent, name, old)
                return text
            if isinstance(value, list) and any(item is old for item in value):
                index = next(i for i, item in enumerate(value) if item is old)
                value[index] = new
                text = ast.unparse(tree)
                value[index] = old
                return text
    raise AssertionError("the node is not in the tree")


def _difference(old: ast.AST, new: ast.AST) -> str:
    """Both, or what is missing of a longer row."""
    if isinstance(old, ast.Tuple | ast.List) and isinstance(new, type(old)):
        gone = next(part for part in old.elts if part not in new.elts)
        return f"without {_short(gone)}"
    note = getattr(new, "note", None)
    return f"{_short(old)}{note or f'  ->  {_short(new)}'}"


def _short(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0][:100]
