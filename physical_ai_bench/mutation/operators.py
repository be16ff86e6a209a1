"""Which small faults a source file can be given: one operator, number, word or statement changed at a time.

The choice of operators is the usual one (Jia & Harman, "An Analysis and Survey of the Development of Mutation
Testing", 2011). Left alone is what no behaviour hangs on: annotations, docstrings, the texts of errors, sentences.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

OPERATORS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.Div,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES: Final = {
    "min": "max", "max": "min", "any": "all", "all": "any", "argmin": "argmax", "argmax": "argmin", "cos": "sin",
    "sin": "cos", "maximum": "minimum", "minimum": "maximum", "flatnonzero": "atleast_1d",
}  # fmt: skip


class Mutant(NamedTuple):
    """One fault: its number within the file, the line it is in, and what is changed to what.

    `text`: the line as it stands. The second change of a kind in a line is marked " (2)", and so on.
    """

    number: int
    line: int
    change: str
    text: str = ""


class _Writer(ast.NodeTransformer):
    """Numbers the places in a fixed order; at the chosen one it leaves the fault."""

    def __init__(self, chosen: int = -1) -> None:
        self.found: list[Mutant] = []
        self._chosen = chosen

    def _offer(self, line: int, change: str, node: Any, make: Callable[[], Any]) -> Any:
        number = len(self.found)
        self.found.append(Mutant(number, line, change))
        return ast.copy_location(make(), node) if number == self._chosen else node

    def _swapped(self, op: Any, line: int) -> Any:
        other = OPERATORS.get(type(op))
        if other is None:
            return op
        number = len(self.found)
        self.found.append(Mutant(number, line, f"{type(op).__name__} -> {other.__name__}"))
        return other() if number == self._chosen else op

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        node.ops = [self._swapped(op, node.lineno) for op in node.ops]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        node.op = self._swapped(node.op, node.lineno)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        node.op = self._swapped(node.op, node.lineno)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub | ast.Not | ast.Invert):
            return self._offer(node.lineno, f"{type(node.op).__name__} dropped", node, lambda: node.operand)
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        value = node.value
        if isinstance(value, bool):
            changed: Any = not value
        elif isinstance(value, int | float):
            changed = value + 1
        elif isinstance(value, str) and " " not in value and value.isascii():  # Japanese has no spaces
            changed = f"{value}X"
        else:
            return node
        return self._offer(node.lineno, f"{value!r} -> {changed!r}", node, lambda: ast.Constant(changed))

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        called = node.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if name not in NAMES:
            return node
        number = len(self.found)
        self.found.append(Mutant(number, node.lineno, f"{name} -> {NAMES[name]}"))
        if number == self._chosen:
            if isinstance(called, ast.Name):
                called.id = NAMES[name]
            elif isinstance(called, ast.Attribute):
                called.attr = NAMES[name]
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        if isinstance(node.value, ast.Constant):
            return node
        self.generic_visit(node)
        return self._offer(node.lineno, "statement dropped", node, ast.Pass)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        node.value = self.visit(node.value)
        return self._offer(node.lineno, "statement dropped", node, ast.Pass)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        node.test = self._offer(node.lineno, "condition turned", node.test, lambda: ast.UnaryOp(ast.Not(), node.test))
        return node

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        node.test = self._offer(node.lineno, "condition turned", node.test, lambda: ast.UnaryOp(ast.Not(), node.test))
        return node

    # --- what no behaviour hangs on ---

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.args = self.visit(node.args)
        node.body = [self.visit(part) for part in node.body]
        return node

    def visit_Raise(self, node: ast.Raise) -> Any:
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id in ("NDArray", "tuple", "list", "dict", "Callable"):
            return node
        return self.generic_visit(node)


def mutants_of(source: str) -> list[Mutant]:
    """Every fault that the source can be given, in a fixed order."""
    writer = _Writer()
    writer.visit(ast.parse(source))
    lines, times, found = source.splitlines(), Counter[tuple[int, str]](), []
    for number, line, change, _ in writer.found:
        times[line, change] += 1
        again = times[line, change]
        found.append(Mutant(number, line, change if again == 1 else f"{change} ({again})", lines[line - 1].strip()))
    return found


def with_fault(source: str, number: int) -> ast.Module:
    """The source with one fault, ready to be compiled."""
    tree: ast.Module = ast.fix_missing_locations(_Writer(number).visit(ast.parse(source)))
    return tree
