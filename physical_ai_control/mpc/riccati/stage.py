"""What happens at one stage of the horizon, as casadi expressions: model, distance rows, and the Riccati recursion.

All matrices are dense symbols only where they have to be: structural zeros, ones and constants of the model's
Jacobians are folded by casadi, so the printed code does what this model needs and no more. Another model or another
weight matrix changes this file's output and nothing else.

The recursion is the backward pass of the linear-quadratic regulator (Bertsekas 2017, section 3.1; with barrier terms in
`H`: Rao, Wright, Rawlings 1998).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import casadi as ca

from physical_ai_control.mpc.model import Model

ROW_STATES = (0, 1, 2)  # states that a distance row reads: x, y, yaw


class Stage(NamedTuple):
    """SX functions of one stage. Symmetric matrices are packed by columns of their upper triangle.

    linearise(x, u) -> (successor, the entries of its Jacobian that vary); `varying` counts them
    row(x, y, yaw; point x, y, reach, offset) -> (distance less reach, its gradient (3))
    row_end(x, y, yaw, forward speed; the same; 1 / (2 braking)) -> (of where braking leads, its gradient (4))
    factor(P, varying, H) -> (P before, K (nu x nx), inverse of Quu)
    sweep(p, varying, q, K, inverse) -> (p before, k)
    forward(dx, varying, K, k) -> (dx after, du)
    """

    linearise: Any
    row: Any
    row_end: Any
    factor: Any
    sweep: Any
    forward: Any
    varying: int
    hessian: tuple[tuple[int, int], ...]  # entries of the stage's Hessian over (x, u) that may differ from zero


def packed(matrix: Any) -> Any:
    """Upper triangle, column after column."""
    return ca.vertcat(*[matrix[i, j] for j in range(matrix.shape[1]) for i in range(j + 1)])


def symmetric(entries: Any, size: int) -> Any:
    """The matrix of `packed`."""
    found = ca.SX(size, size)
    at = 0
    for j in range(size):
        for i in range(j + 1):
            found[i, j] = found[j, i] = entries[at]
            at += 1
    return found


def build(model: Model, dt_s: float, smooth_m2: float) -> Stage:
    """The functions for steps of `dt_s`; `smooth_m2` keeps the distance differentiable at its zero."""
    nx, nu = model.nx, model.nu
    x, u = ca.SX.sym("x", nx), ca.SX.sym("u", nu)
    after = model.step(x, u, dt_s)
    jacobian = ca.jacobian(after, ca.vertcat(x, u))
    numbers, d = _with_symbols(jacobian)
    linearise = ca.Function("linearise", [x, u], [after, numbers])
    a, b = d.matrix[:, :nx], d.matrix[:, nx:]

    p, hessian = ca.SX.sym("P", nx * (nx + 1) // 2), _hessian_pattern(nx + nu)
    h = ca.SX.sym("H", len(hessian))
    entries = ca.SX(nx + nu, nx + nu)
    for value, (i, j) in enumerate(hessian):
        entries[i, j] = entries[j, i] = h[value]
    both = ca.horzcat(a, b)
    quadratic = both.T @ symmetric(p, nx) @ both + entries
    inverse = _inverse(quadratic[nx:, nx:])
    gain = -inverse @ quadratic[nx:, :nx]
    before = quadratic[:nx, :nx] + quadratic[:nx, nx:] @ gain
    factor = ca.Function("factor", [p, d.symbols, h], [packed(before), ca.vec(gain), packed(inverse)])

    slope, q = ca.SX.sym("p", nx), ca.SX.sym("q", nx + nu)
    k_entries, i_entries = ca.SX.sym("K", nu, nx), ca.SX.sym("I", nu * (nu + 1) // 2)
    of_u = q[nx:] + b.T @ slope
    offset = -symmetric(i_entries, nu) @ of_u
    sweep = ca.Function(
        "sweep",
        [slope, d.symbols, q, k_entries, i_entries],
        [q[:nx] + a.T @ slope + k_entries.T @ of_u, offset],
    )

    dx, k = ca.SX.sym("dx", nx), ca.SX.sym("k", nu)
    du = k_entries @ dx + k
    forward = ca.Function("forward", [dx, d.symbols, k_entries, k], [a @ dx + b @ du, du])

    place, away = ca.SX.sym("place", 3), ca.SX.sym("away", 4)
    gap = model_row(place, away, smooth_m2)
    row = ca.Function("row", [place, away], [gap, ca.densify(ca.gradient(gap, place))])
    last, brake = ca.SX.sym("last", 4), ca.SX.sym("brake")
    clear = end_row(last, away, brake, smooth_m2)
    row_end = ca.Function("row_end", [last, away, brake], [clear, ca.densify(ca.gradient(clear, last))])
    return Stage(linearise, row, row_end, factor, sweep, forward, d.symbols.numel(), hessian)


def model_row(place: Any, away: Any, smooth_m2: float) -> Any:
    """Distance of the body circle to the point, less its reach. `place`: x, y, yaw; `away`: as in `Problem`."""
    dx = place[0] + away[3] * ca.cos(place[2]) - away[0]
    dy = place[1] + away[3] * ca.sin(place[2]) - away[1]
    return ca.sqrt(dx**2 + dy**2 + smooth_m2) - away[2]


def end_row(last: Any, away: Any, brake: Any, smooth_m2: float) -> Any:
    """The same of the place where the robot is at rest, if it brakes straight on. `last`: x, y, yaw, forward speed;
    `brake`: way a squared speed, 1 / (2 deceleration)."""
    return model_row(last[:3], ca.vertcat(away[:3], away[3] + brake * last[3] ** 2), smooth_m2)


class _Varying(NamedTuple):
    symbols: Any
    matrix: Any


def _with_symbols(jacobian: Any) -> tuple[Any, _Varying]:
    """The entries that are no constants, and the same matrix with a symbol in the place of each of them."""
    values = []
    found = ca.SX(jacobian.sparsity())
    for at, entry in enumerate(jacobian.nonzeros()):
        if entry.is_constant():
            found.nz[at] = entry
        else:
            found.nz[at] = ca.SX.sym(f"d{at}")
            values.append((entry, found.nz[at]))
    entries, symbols = (ca.vertcat(*column) for column in zip(*values, strict=True))
    return entries, _Varying(symbols, found)


def _hessian_pattern(size: int) -> tuple[tuple[int, int], ...]:
    """Rows of distance couple x, y and yaw; weights and bounds fill the diagonal."""
    coupled = [(i, j) for j in ROW_STATES for i in ROW_STATES if i <= j]
    return (*coupled, *((i, i) for i in range(size) if i not in ROW_STATES))


def _inverse(matrix: Any) -> Any:
    """Of a small symmetric positive definite matrix, by its Cholesky-like factors without roots."""
    size = matrix.shape[0]
    lower, diagonal = ca.SX.eye(size), [matrix[0, 0]]
    for j in range(size):
        diagonal = [*diagonal[:j], matrix[j, j] - sum((lower[j, m] ** 2 * diagonal[m] for m in range(j)), ca.SX(0))]
        for i in range(j + 1, size):
            lower[i, j] = (
                matrix[i, j] - sum((lower[i, m] * lower[j, m] * diagonal[m] for m in range(j)), ca.SX(0))
            ) / diagonal[j]
    root = ca.SX.eye(size)  # inverse of the lower factor
    for j in range(size):
        for i in range(j + 1, size):
            root[i, j] = -sum((lower[i, m] * root[m, j] for m in range(j, i)), ca.SX(0))
    return root.T @ ca.diag(ca.vertcat(*[1.0 / value for value in diagonal])) @ root
