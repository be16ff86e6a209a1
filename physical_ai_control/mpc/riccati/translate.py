"""A casadi expression graph as straight-line source: one definition, read by a C compiler and by numba alike.

casadi's own generated C works on one point through pointers of pointers; what is wanted here is code that a compiler
can vectorise over the stages of a horizon, and the same in Python. So the instruction list of a scalar (SX) function
is printed, one assignment an instruction, every value named once (static single assignment).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import casadi as ca

from physical_ai_core.errors import PhysicalAIError

Language = Literal["c", "python"]
BINARY: Final = {ca.OP_ADD: "+", ca.OP_SUB: "-", ca.OP_MUL: "*", ca.OP_DIV: "/"}
UNARY: Final[Mapping[int, str]] = {
    ca.OP_NEG: "-{0}", ca.OP_SQ: "{0} * {0}", ca.OP_TWICE: "{0} + {0}", ca.OP_INV: "1.0 / {0}",
}  # fmt: skip
ROOT: Final = {"c": "sqrt({0})", "python": "math.sqrt({0})"}


class TranslationError(PhysicalAIError):
    """The model uses an operation that has no translation."""


class Source(NamedTuple):
    """Statements of a function, the expression of each output, and which of the inputs are read."""

    lines: Sequence[str]
    outputs: Sequence[str]


def translate(function: Any, inputs: Sequence[str], language: Language) -> Source:
    """Statements that compute all outputs of the SX `function`, one after the other, from the expressions `inputs`,
    which stand for all entries of its inputs in turn. Raises TranslationError.
    """
    first = [0]
    for i in range(function.n_in()):
        first.append(first[-1] + function.nnz_in(i))
    if first[-1] != len(inputs):
        raise TranslationError(f"{function.name()} has {first[-1]} inputs, not {len(inputs)}.", "Name each of them.")
    starts = [0]
    for i in range(function.n_out()):
        starts.append(starts[-1] + function.nnz_out(i))
    outputs = ["0.0"] * starts[-1]
    lines: list[str] = []
    at: dict[int, str] = {}  # which value a work slot holds
    turns: dict[str, str] = {}  # sine and cosine of a value are computed together

    known: dict[str, str] = {}  # casadi writes the same product more than once

    def name(value: str) -> str:
        if value not in known:
            known[value] = found = f"v{len(lines)}"
            lines.append(f"const double {found} = {value};" if language == "c" else f"{found} = {value}")
        return known[value]

    for i in range(function.n_instructions()):
        op, ins, outs = function.instruction_id(i), function.instruction_input(i), function.instruction_output(i)
        if op == ca.OP_INPUT:
            at[outs[0]] = inputs[first[ins[0]] + ins[1]]
        elif op == ca.OP_OUTPUT:
            outputs[starts[outs[0]] + outs[1]] = at[ins[0]]
        elif op == ca.OP_CONST:
            at[outs[0]] = _number(function.instruction_constant(i))
        elif op in BINARY:
            at[outs[0]] = name(f"{at[ins[0]]} {BINARY[op]} {at[ins[1]]}")
        elif op in UNARY:
            at[outs[0]] = name(UNARY[op].format(at[ins[0]]))
        elif op == ca.OP_SQRT:
            at[outs[0]] = name(ROOT[language].format(at[ins[0]]))
        elif op in (ca.OP_SIN, ca.OP_COS, ca.OP_TAN):
            angle = at[ins[0]]
            if angle not in turns:
                turns[angle] = found = f"v{len(lines)}"
                lines.append(
                    f"double {found}s, {found}c; turn({angle}, &{found}s, &{found}c);"
                    if language == "c"
                    else f"{found}s, {found}c = turn({angle})"
                )
            found = turns[angle]
            at[outs[0]] = name(f"{found}s / {found}c") if op == ca.OP_TAN else found + ("s" if op == ca.OP_SIN else "c")
        else:
            raise TranslationError(f"casadi's operation {op} in {function.name()}.", "Add it to translate.py.")
    return Source(lines, outputs)


def _number(value: float) -> str:
    return repr(float(value)) if value >= 0.0 else f"({float(value)!r})"


def block(function: Any, inputs: Sequence[str], outputs: Sequence[str], language: Language, indent: str) -> str:
    """The statements that compute `function` of the expressions `inputs` and assign its entries to `outputs`."""
    source = translate(function, inputs, language)
    if set(source.outputs) & set(inputs):
        raise TranslationError(f"{function.name()} hands an input through.", "Outputs may lie where inputs lay.")
    end = ";" if language == "c" else ""
    lines = [*source.lines, *(f"{to} = {value}{end}" for to, value in zip(outputs, source.outputs, strict=True))]
    return "".join(f"{indent}{line}\n" for line in lines)
