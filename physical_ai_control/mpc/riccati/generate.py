"""The source of both backends for one problem: sizes and places as constants, the stage's functions, then the kernel.

Both kernels call the same five functions, printed from the same casadi expressions: `linearise_stages` and `row_stages`
run over all stages (vector code), `factor`, `sweep` and `forward` at stage `k`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from physical_ai_control.mpc.riccati.layout import Sizes, offsets
from physical_ai_control.mpc.riccati.stage import Stage
from physical_ai_control.mpc.riccati.translate import block

HERE: Final = Path(__file__).parent
C_MARK: Final = "/* --- the stage's functions --- */\n"
PYTHON_MARK: Final = "# --- the generated part ends here ---\n"


class _Block(NamedTuple):
    """A run of numbers: in C the parameter `name`, in Python a place in the memory; `by`: how it is indexed."""

    name: str
    length: int
    by: str = "ik"
    place: str = ""


class _Part(NamedTuple):
    """One generated function; over all stages (`loop`), or at stage `k`."""

    name: str
    function: Any
    inputs: Sequence[_Block]
    outputs: Sequence[_Block]
    loop: bool


def c_source(stage: Stage, sizes: Sizes) -> str:
    """The whole file for a C compiler."""
    text = [f"#define {name} {value}\n" for name, value in _constants(sizes).items()]
    for name, values in _tables(stage, sizes).items():
        text.append(f"static const int {name}[] = {{{', '.join(map(str, values))}}};\n")
    before, after = (HERE / "kernel.c").read_text(encoding="utf-8").split(C_MARK)
    names = {"i": "{0}[{1}]", "ik": "{0}[{1}][k]", "ki": "{0}[k][{1}]"}
    forms = {"i": "double *{0}", "ik": "double (*{0})[K]", "ki": "double (*{0})[{1}]"}
    functions = []
    for part in _parts(stage, sizes):
        ins, outs = (
            [names[of.by].format(of.name, i) for of in blocks for i in range(of.length)]
            for blocks in (part.inputs, part.outputs)
        )
        body = block(part.function, ins, outs, "c", "        ")
        parameters = {of.name: forms[of.by].format(of.name, of.length) for of in [*part.inputs, *part.outputs]}
        head = f"static inline __attribute__((always_inline)) void {part.name}({', '.join(parameters.values())}"
        functions.append(
            f"{head})\n{{\n    LOOP {{\n{body}    }}\n}}\n\n" if part.loop else f"{head}, int k)\n{{\n{body}}}\n\n"
        )
    return "".join([*text, before, *functions, after])


def python_source(stage: Stage, sizes: Sizes, decorator: str) -> str:
    """The whole module; `decorator` defines `jit`."""
    constants = _constants(sizes)
    text = ["import math\n", decorator, *(f"{name} = {value}\n" for name, value in constants.items())]
    text += [f"{name} = {values!r}\n" for name, values in _tables(stage, sizes).items()]
    text.append(_TURN)

    def place(of: _Block, i: int) -> str:
        first = constants[of.place or f"M_{of.name.upper()}"]
        return {
            "i": f"m[{first + i}]",
            "ik": f"m[{first + i * sizes.stride} + k]",
            "ki": f"m[{first + i} + k * {of.length}]",
        }[of.by]

    for part in _parts(stage, sizes):
        ins, outs = (
            [place(of, i) for of in blocks for i in range(of.length)] for blocks in (part.inputs, part.outputs)
        )
        body = block(part.function, ins, outs, "python", "        " if part.loop else "    ")
        head = f"(m):\n    for k in range({sizes.stride}):\n" if part.loop else "(m, k):\n"
        text.append(f"\n@jit\ndef {part.name}{head}{body}\n")
    return "".join(text) + (HERE / "kernel.py").read_text(encoding="utf-8").split(PYTHON_MARK)[1]


def _parts(stage: Stage, sizes: Sizes) -> tuple[_Part, ...]:
    nx, nu = sizes.nx, sizes.nu
    d, base = _Block("d", sizes.varying), (_Block("base_x", nx), _Block("base_u", nu))
    gain, quu, step = _Block("gain", nu * nx, "ki"), _Block("quu", nu * (nu + 1) // 2, "ki"), _Block("step", nu, "ki")
    p, slope, z = _Block("p", sizes.triangle, "i", "P"), _Block("p", nx, "i", "P"), _Block("z", nx, "i", "Z")
    after, du = _Block("after", nx), _Block("du", nu)
    place, away, row = _Block("base_x", 3), _Block("away", 4), _Block("row", 4, "ik", "P")
    h, q = _Block("h", sizes.hessian), _Block("q", nx + nu)
    last, brake, longer = _Block("base_x", 4), _Block("brake", 1, "i"), _Block("row", 5, "ik", "P")
    end = [_Part("row_end", stage.row_end, [last, away, brake], [longer], False)] if sizes.ends else []
    return (
        _Part("linearise_stages", stage.linearise, base, [after, d], True),
        _Part("row_stages", stage.row, [place, away], [row], True),
        *end,
        _Part("factor", stage.factor, [p, d, h], [p, gain, quu], False),
        _Part("sweep", stage.sweep, [slope, d, q, gain, quu], [slope, step], False),
        _Part("forward", stage.forward, [z, d, gain, step], [z, du], False),
    )


def _constants(sizes: Sizes) -> dict[str, int]:
    numbers = {
        "N": sizes.steps, "K": sizes.stride, "NX": sizes.nx, "NU": sizes.nu, "ROWS": sizes.rows, "MOVING": sizes.moving,
        "BOUNDED": len(sizes.bounded), "VARYING": sizes.varying, "HESSIAN": sizes.hessian, "COUNT": sizes.count,
        "TRIANGLE": sizes.triangle, "QUU": sizes.nu * (sizes.nu + 1) // 2, "ENDS": int(sizes.ends),
    }  # fmt: skip
    for prefix, shapes in (("G", sizes.given), ("A", sizes.answer), ("M", sizes.memory)):
        numbers |= {f"{prefix}_{name.upper() or 'END'}": at for name, at in offsets(shapes).items()}
    # Scratch of the kernel without structs: what `along` holds is not needed while these are.
    return {**numbers, "P": numbers["M_ALONG"], "Z": numbers["M_ALONG"] + sizes.triangle}


def _tables(stage: Stage, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """`bounded`: states with bounds; `diagonal[i]`: entry of the Hessian for (i, i); `packed_at`: its place in P."""
    places = {pair: at for at, pair in enumerate((i, j) for j in range(sizes.nx) for i in range(j + 1))}
    return {
        "bounded": sizes.bounded,
        "diagonal": tuple(stage.hessian.index((i, i)) for i in range(sizes.nx + sizes.nu)),
        "packed_at": tuple(places[pair] for pair in stage.hessian if pair in places),
    }


_TURN: Final = """

@jit
def turn(angle):
    return math.sin(angle), math.cos(angle)

"""
