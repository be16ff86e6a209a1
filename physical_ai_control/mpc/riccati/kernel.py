"""The algorithm of kernel.c in the same order, as scalar loops that numba compiles and plain Python can run.

Read kernel.c for the why of each part: names and their order are the same. What a struct is there is a place in the
flat array `m` here (`M_NAME`; `G_NAME` in `given`, `A_NAME` in `answer`): views would take numba three times as long to
compile, and one array with constant places tells LLVM that nothing overlaps. The header below only serves editors and
checkers: what runs is the text after the mark, put behind generated constants and stage functions (generate.py).
"""
# ruff: noqa: SIM110 - numba wants loops
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

import math
from typing import Any

N = K = NX = NU = ROWS = MOVING = BOUNDED = HESSIAN = COUNT = TRIANGLE = VARYING = QUU = ENDS = 0
G_END = G_OPTIONS = G_WEIGHTS = G_X0 = G_U_LOW = G_U_HIGH = G_REFERENCE = G_X_LOW = G_X_HIGH = G_GUESS_X = 0
G_GUESS_U = G_KEEP_AWAY = A_END = A_INFO = A_STATES = A_INPUTS = A_SLACK = A_GAINS = 0
M_LAM = M_T = M_RESIDUAL = M_BOTH = M_INVERSE = M_WEIGHT = M_PULL = M_BEND = M_CHANGE = M_ALONG = M_X = M_U = 0
M_BASE_X = M_BASE_U = M_REF = M_AFTER = M_D = M_AWAY = M_LIVE = M_G = M_GAP = M_H = M_COST_H = M_Q = M_DX = M_DU = 0
M_SLACK_PULL = M_SLACK_INVERSE = M_SLACK_ROW = M_GAIN = M_QUU = M_STEP = M_END = P = Z = 0
M_BRAKE = M_BRAKE_G = M_BRAKE_H = M_BRAKE_ROW = 0
bounded: tuple[int, ...] = ()
diagonal: tuple[int, ...] = ()
packed_at: tuple[int, ...] = ()
jit: Any = lambda f: f  # noqa: E731
turn: Any = None
linearise_stages: Any = None
row_stages: Any = None
row_end: Any = None
factor: Any = None
sweep: Any = None
forward: Any = None

# --- the generated part ends here ---
HIGH = BOUNDED
U_LOW = 2 * BOUNDED
U_HIGH = U_LOW + NU
ROW = U_HIGH + NU
SLACK = ROW + ROWS
HU = HESSIAN - NU
FAR = 1e3


@jit
def finite_all(values, count):
    total = 0.0
    for i in range(count):
        total += values[i] - values[i]
    return total == 0.0


@jit
def bounds_cross(given):
    for b in bounded:
        for k in range(1, N + 1):
            if given[G_X_LOW + k * NX + b] > given[G_X_HIGH + k * NX + b]:
                return True
    for i in range(NU):
        if given[G_U_LOW + i] > given[G_U_HIGH + i]:
            return True
    return False


@jit
def guessed(given, m):
    share = given[G_OPTIONS + 5]
    keep = 1.0 - share
    if share >= 0.0:
        for i in range(NX):
            last = m[M_X + i * K + N] + share * (m[M_AFTER + i * K + N] - m[M_BASE_X + i * K + N])
            for k in range(N):
                m[M_BASE_X + i * K + k] = keep * m[M_X + i * K + k] + share * m[M_X + i * K + k + 1]
            m[M_BASE_X + i * K + N] = last
        for i in range(NU):
            for k in range(N - 1):
                m[M_BASE_U + i * K + k] = keep * m[M_U + i * K + k] + share * m[M_U + i * K + k + 1]
            m[M_BASE_U + i * K + N - 1] = m[M_U + i * K + N - 1]
        for i in range(COUNT):
            for k in range(N):
                m[M_LAM + i * K + k] = keep * m[M_LAM + i * K + k] + share * m[M_LAM + i * K + k + 1]
        return
    for k in range(N + 1):
        for i in range(NX):
            m[M_BASE_X + i * K + k] = given[G_GUESS_X + k * NX + i]
    for k in range(N):
        for i in range(NU):
            m[M_BASE_U + i * K + k] = given[G_GUESS_U + k * NU + i]


@jit
def linearised(given, m):
    linearise_stages(m)
    if ENDS:
        m[M_BRAKE] = given[G_OPTIONS + 6]
    for k in range(N + 1):
        for i in range(NX):
            m[M_REF + i * K + k] = given[G_REFERENCE + k * NX + i]
    for r in range(ROWS):
        for k in range(1, N + ENDS):
            at = G_KEEP_AWAY + (k * ROWS + r) * 4
            for i in range(4):
                m[M_AWAY + i * K + k] = given[at + i]
            m[M_LIVE + k] = 1.0 if given[at + 2] > 0.0 else 0.0
        row_stages(m)
        if ENDS:
            row_end(m, N)
            m[M_BRAKE_G + r] = m[M_LIVE + N] * m[M_ALONG + 4 * K + N]
        for k in range(K):
            g0, g1, g2 = (
                m[M_LIVE + k] * m[M_ALONG + K + k],
                m[M_LIVE + k] * m[M_ALONG + 2 * K + k],
                m[M_LIVE + k] * m[M_ALONG + 3 * K + k],
            )
            m[M_GAP + r * K + k] = (
                m[M_LIVE + k] * (m[M_ALONG + k] - 1.0)
                + 1.0
                - g0 * m[M_BASE_X + k]
                - g1 * m[M_BASE_X + K + k]
                - g2 * m[M_BASE_X + 2 * K + k]
            )
            m[M_G + (3 * r) * K + k], m[M_G + (3 * r + 1) * K + k], m[M_G + (3 * r + 2) * K + k] = g0, g1, g2
        if ENDS:
            m[M_GAP + r * K + N] -= m[M_BRAKE_G + r] * m[M_BASE_X + 3 * K + N]
    for k in range(N + 1):
        s, c = turn(m[M_REF + 2 * K + k])
        scale = 2.0 * given[G_WEIGHTS + NX + NU] if k == N else 2.0
        ahead, across = scale * given[G_WEIGHTS], scale * given[G_WEIGHTS + 1]
        m[M_COST_H + k] = ahead * c * c + across * s * s
        m[M_COST_H + K + k] = (ahead - across) * c * s
        m[M_COST_H + 2 * K + k] = ahead * s * s + across * c * c
    for i in range(2, NX + NU):
        for k in range(K):
            m[M_COST_H + diagonal[i] * K + k] = 2.0 * given[G_WEIGHTS + i]
        if i < NX:
            m[M_COST_H + diagonal[i] * K + N] = 2.0 * given[G_WEIGHTS + i] * given[G_WEIGHTS + NX + NU]


@jit
def begun(given, m, mu, reach):
    for i in range(NU * NX * K):
        m[M_GAIN + i] = 0.0
    for i in range(NU * K):
        m[M_STEP + i], m[M_U + i] = 0.0, m[M_BASE_U + i]
    for i in range(NX):
        m[M_X + i * K] = given[G_X0 + i]
        m[Z + i] = m[M_X + i * K] - m[M_BASE_X + i * K]
    for k in range(N):
        forward(m, k)
        for i in range(NX):
            m[M_X + i * K + k + 1] = m[M_AFTER + i * K + k] + m[Z + i]
            m[Z + i] = m[M_X + i * K + k + 1] - m[M_BASE_X + i * K + k + 1]
    for i in range(NX):
        m[Z + i] = 0.0
    for i in range(ROW * K):
        m[M_RESIDUAL + i] = FAR
    for b in range(BOUNDED):
        i = bounded[b]
        for k in range(1, N + 1):
            m[M_RESIDUAL + b * K + k] = m[M_X + i * K + k] - given[G_X_LOW + k * NX + i]
            m[M_RESIDUAL + (HIGH + b) * K + k] = given[G_X_HIGH + k * NX + i] - m[M_X + i * K + k]
    for i in range(NU):
        for k in range(N):
            m[M_RESIDUAL + (U_LOW + i) * K + k] = m[M_U + i * K + k] - given[G_U_LOW + i]
            m[M_RESIDUAL + (U_HIGH + i) * K + k] = given[G_U_HIGH + i] - m[M_U + i * K + k]
    for s in range(2):
        first, last = (MOVING, ROWS) if s else (0, MOVING)
        if ENDS:
            for r in range(first, last):
                m[M_GAP + r * K + N] += m[M_BRAKE_G + r] * m[M_X + 3 * K + N]
        for k in range(K):
            deep = 0.0
            for r in range(first, last):
                value = (
                    m[M_GAP + r * K + k]
                    + m[M_G + (3 * r) * K + k] * m[M_X + k]
                    + m[M_G + (3 * r + 1) * K + k] * m[M_X + K + k]
                    + m[M_G + (3 * r + 2) * K + k] * m[M_X + 2 * K + k]
                )
                m[M_RESIDUAL + (ROW + r) * K + k] = value
                deep = max(deep, -value)
            value = deep - reach * m[M_LAM + (SLACK + s) * K + k]
            slack = 0.5 * (value + math.sqrt(value * value + 4.0 * reach * mu))
            m[M_T + (SLACK + s) * K + k], m[M_LAM + (SLACK + s) * K + k], m[M_RESIDUAL + (SLACK + s) * K + k] = (
                slack,
                mu / slack,
                0.0,
            )
            for r in range(first, last):
                m[M_RESIDUAL + (ROW + r) * K + k] += slack
    worst = 0.0
    for i in range(SLACK):
        for k in range(K):
            value = m[M_RESIDUAL + i * K + k] - reach * m[M_LAM + i * K + k]
            at = 0.5 * (value + math.sqrt(value * value + 4.0 * reach * mu))
            m[M_T + i * K + k], m[M_LAM + i * K + k] = at, mu / at
            m[M_RESIDUAL + i * K + k] -= at
            worst = max(worst, abs(m[M_RESIDUAL + i * K + k]))
    return worst


@jit
def braked(m, s, with_hessian):
    inverse, first, last = m[M_SLACK_INVERSE + s * K + N], MOVING if s else 0, ROWS if s else MOVING
    q = a = h0 = h1 = h2 = h3 = 0.0
    for r in range(first, last):
        g = m[M_BRAKE_G + r]
        v = g * m[M_WEIGHT + (ROW + r) * K + N]
        q += g * m[M_PULL + (ROW + r) * K + N]
        a += v
        h0 += v * m[M_G + (3 * r) * K + N]
        h1 += v * m[M_G + (3 * r + 1) * K + N]
        h2 += v * m[M_G + (3 * r + 2) * K + N]
        h3 += v * g
    if with_hessian:
        m[M_BRAKE_ROW + s] = a
        m[M_BRAKE_H] += h0 - m[M_SLACK_ROW + (3 * s) * K + N] * a * inverse
        m[M_BRAKE_H + 1] += h1 - m[M_SLACK_ROW + (3 * s + 1) * K + N] * a * inverse
        m[M_BRAKE_H + 2] += h2 - m[M_SLACK_ROW + (3 * s + 2) * K + N] * a * inverse
        m[M_BRAKE_H + 3] += h3 - a * a * inverse
    m[M_Q + 3 * K + N] += m[M_BRAKE_ROW + s] * m[M_SLACK_PULL + s * K + N] * inverse - q


@jit
def condensed(given, m, with_hessian):
    for k in range(N + 1):
        e0, e1 = m[M_X + k] - m[M_REF + k], m[M_X + K + k] - m[M_REF + K + k]
        m[M_Q + k] = m[M_COST_H + k] * e0 + m[M_COST_H + K + k] * e1
        m[M_Q + K + k] = m[M_COST_H + K + k] * e0 + m[M_COST_H + 2 * K + k] * e1
    for i in range(2, NX):
        for k in range(N + 1):
            m[M_Q + i * K + k] = m[M_COST_H + diagonal[i] * K + k] * (m[M_X + i * K + k] - m[M_REF + i * K + k])
    for i in range(NU):
        for k in range(N):
            m[M_Q + (NX + i) * K + k] = (
                m[M_COST_H + (HU + i) * K + k] * m[M_U + i * K + k]
                - m[M_PULL + (U_LOW + i) * K + k]
                + m[M_PULL + (U_HIGH + i) * K + k]
            )
    for b in range(BOUNDED):
        for k in range(N + 1):
            m[M_Q + bounded[b] * K + k] += m[M_PULL + (HIGH + b) * K + k] - m[M_PULL + b * K + k]
    if with_hessian:
        for i in range(HESSIAN * K):
            m[M_H + i] = m[M_COST_H + i]
        for b in range(BOUNDED):
            for k in range(N + 1):
                m[M_H + diagonal[bounded[b]] * K + k] += m[M_WEIGHT + b * K + k] + m[M_WEIGHT + (HIGH + b) * K + k]
        for i in range(NU):
            for k in range(N):
                m[M_H + (HU + i) * K + k] += m[M_WEIGHT + (U_LOW + i) * K + k] + m[M_WEIGHT + (U_HIGH + i) * K + k]
        if ENDS:
            for i in range(4):
                m[M_BRAKE_H + i] = 0.0
    for s in range(2):
        first, last = (MOVING, ROWS) if s else (0, MOVING)
        one, two = given[G_WEIGHTS + NX + NU + 1 + s], given[G_WEIGHTS + NX + NU + 3 + s]
        if first == last:
            continue
        for k in range(K):
            by, total = (
                m[M_PULL + (SLACK + s) * K + k] - one - two * m[M_T + (SLACK + s) * K + k],
                two + m[M_WEIGHT + (SLACK + s) * K + k],
            )
            q0 = q1 = q2 = a0 = a1 = a2 = h0 = h1 = h2 = h3 = h4 = h5 = 0.0
            for r in range(first, last):
                p, v = m[M_PULL + (ROW + r) * K + k], m[M_WEIGHT + (ROW + r) * K + k]
                g0, g1, g2 = m[M_G + (3 * r) * K + k], m[M_G + (3 * r + 1) * K + k], m[M_G + (3 * r + 2) * K + k]
                by += p
                q0 += g0 * p
                q1 += g1 * p
                q2 += g2 * p
                if with_hessian:
                    v0, v1, v2 = v * g0, v * g1, v * g2
                    total += v
                    a0 += v0
                    a1 += v1
                    a2 += v2
                    h0 += v0 * g0
                    h1 += v0 * g1
                    h2 += v1 * g1
                    h3 += v0 * g2
                    h4 += v1 * g2
                    h5 += v2 * g2
            if with_hessian:
                inverse = 1.0 / total
                b0, b1 = a0 * inverse, a1 * inverse
                m[M_SLACK_INVERSE + s * K + k] = inverse
                (
                    m[M_SLACK_ROW + (3 * s) * K + k],
                    m[M_SLACK_ROW + (3 * s + 1) * K + k],
                    m[M_SLACK_ROW + (3 * s + 2) * K + k],
                ) = a0, a1, a2
                m[M_H + k] += h0 - a0 * b0
                m[M_H + K + k] += h1 - a1 * b0
                m[M_H + 2 * K + k] += h2 - a1 * b1
                m[M_H + 3 * K + k] += h3 - a2 * b0
                m[M_H + 4 * K + k] += h4 - a2 * b1
                m[M_H + 5 * K + k] += h5 - a2 * a2 * inverse
            m[M_SLACK_PULL + s * K + k] = by
            by = by * m[M_SLACK_INVERSE + s * K + k]
            m[M_Q + k] += m[M_SLACK_ROW + (3 * s) * K + k] * by - q0
            m[M_Q + K + k] += m[M_SLACK_ROW + (3 * s + 1) * K + k] * by - q1
            m[M_Q + 2 * K + k] += m[M_SLACK_ROW + (3 * s + 2) * K + k] * by - q2
        if ENDS:
            braked(m, s, with_hessian)


@jit
def factored(m):
    for i in range(TRIANGLE):
        m[P + i] = 0.0
    for i in range(HU):
        m[P + packed_at[i]] = m[M_H + i * K + N]
    if ENDS:
        for i in range(4):
            m[P + 6 + i] += m[M_BRAKE_H + i]
    for k in range(N - 1, -1, -1):
        factor(m, k)


@jit
def directed(m):
    for i in range(NX):
        m[P + i], m[Z + i] = m[M_Q + i * K + N], 0.0
    for k in range(N - 1, -1, -1):
        sweep(m, k)
    for k in range(N):
        forward(m, k)
        for i in range(NX):
            m[M_DX + i * K + k + 1] = m[Z + i]
    for b in range(BOUNDED):
        for k in range(K):
            m[M_CHANGE + b * K + k], m[M_CHANGE + (HIGH + b) * K + k] = (
                m[M_DX + bounded[b] * K + k],
                -m[M_DX + bounded[b] * K + k],
            )
    for i in range(NU):
        for k in range(K):
            m[M_CHANGE + (U_LOW + i) * K + k], m[M_CHANGE + (U_HIGH + i) * K + k] = (
                m[M_DU + i * K + k],
                -m[M_DU + i * K + k],
            )
    for s in range(2):
        first, last = (MOVING, ROWS) if s else (0, MOVING)
        for k in range(K):
            m[M_CHANGE + (SLACK + s) * K + k] = 0.0
        if first == last:
            continue
        for k in range(K):
            z0, z1, z2 = m[M_DX + k], m[M_DX + K + k], m[M_DX + 2 * K + k]
            along = (
                m[M_SLACK_ROW + (3 * s) * K + k] * z0
                + m[M_SLACK_ROW + (3 * s + 1) * K + k] * z1
                + m[M_SLACK_ROW + (3 * s + 2) * K + k] * z2
            )
            by = m[M_SLACK_INVERSE + s * K + k] * (m[M_SLACK_PULL + s * K + k] - along)
            m[M_CHANGE + (SLACK + s) * K + k] = by
            for r in range(first, last):
                m[M_CHANGE + (ROW + r) * K + k] = (
                    by
                    + m[M_G + (3 * r) * K + k] * z0
                    + m[M_G + (3 * r + 1) * K + k] * z1
                    + m[M_G + (3 * r + 2) * K + k] * z2
                )
        if ENDS:
            z3 = m[M_DX + 3 * K + N]
            less = -m[M_SLACK_INVERSE + s * K + N] * m[M_BRAKE_ROW + s] * z3
            m[M_CHANGE + (SLACK + s) * K + N] += less
            for r in range(first, last):
                m[M_CHANGE + (ROW + r) * K + N] += less + m[M_BRAKE_G + r] * z3


@jit
def advanced(given, m, mu):
    size = COUNT * K
    for i in range(size):
        m[M_BOTH + i] = 1.0 / (m[M_T + i] * m[M_LAM + i])
        m[M_INVERSE + i] = m[M_BOTH + i] * m[M_LAM + i]
        m[M_WEIGHT + i] = m[M_LAM + i] * m[M_INVERSE + i]
        m[M_PULL + i] = -m[M_WEIGHT + i] * m[M_RESIDUAL + i]
    condensed(given, m, True)
    factored(m)
    directed(m)
    cross = ratio = 0.0
    for i in range(size):
        dt = m[M_CHANGE + i] + m[M_RESIDUAL + i]
        e = dt * m[M_INVERSE + i]
        m[M_BEND + i] = -dt * (m[M_LAM + i] + m[M_WEIGHT + i] * dt)
        cross += m[M_BEND + i]
        ratio = max(ratio, max(-e, 1.0 + e))
    a = 1.0 / max(ratio, 1.0)
    share = 1.0 - a + a * a * cross / (size * mu)
    target = mu * min(max(share * share * share, 1e-4), 1.0)
    heed = math.sqrt(a)
    for i in range(size):
        m[M_BEND + i] *= heed
        m[M_PULL + i] = (target - m[M_BEND + i]) * m[M_INVERSE + i] - m[M_WEIGHT + i] * m[M_RESIDUAL + i]
    condensed(given, m, False)
    directed(m)
    ratio = 0.0
    for i in range(size):
        dt = m[M_CHANGE + i] + m[M_RESIDUAL + i]
        e, aim = dt * m[M_INVERSE + i], (target - m[M_BEND + i]) * m[M_BOTH + i]
        m[M_CHANGE + i] = dt
        m[M_ALONG + i] = m[M_LAM + i] * (aim - 1.0 - e)
        ratio = max(ratio, max(-e, 1.0 + e - aim))
    s = 0.995 / ratio if ratio > 0.995 else 1.0
    total = 0.0
    for i in range(size):
        m[M_T + i] += s * m[M_CHANGE + i]
        m[M_LAM + i] += s * m[M_ALONG + i]
        m[M_RESIDUAL + i] *= 1.0 - s
        total += m[M_T + i] * m[M_LAM + i]
    for i in range(NX * K):
        m[M_X + i] += s * m[M_DX + i]
    for i in range(NU * K):
        m[M_U + i] += s * m[M_DU + i]
    return 1.0 - s, total / size


@jit
def told(given, answer, m):
    cost = moved = 0.0
    for k in range(N + 1):
        e0, e1 = m[M_X + k] - m[M_REF + k], m[M_X + K + k] - m[M_REF + K + k]
        cost += 0.5 * (m[M_COST_H + k] * e0 * e0 + m[M_COST_H + 2 * K + k] * e1 * e1) + m[M_COST_H + K + k] * e0 * e1
        for i in range(NX):
            answer[A_STATES + k * NX + i] = m[M_X + i * K + k]
            moved = max(moved, abs(m[M_X + i * K + k] - m[M_BASE_X + i * K + k]))
            if i > 1:
                e = m[M_X + i * K + k] - m[M_REF + i * K + k]
                cost += 0.5 * m[M_COST_H + diagonal[i] * K + k] * e * e
    for k in range(N):
        for i in range(NU):
            answer[A_INPUTS + k * NU + i] = m[M_U + i * K + k]
            cost += 0.5 * m[M_COST_H + (HU + i) * K + k] * m[M_U + i * K + k] * m[M_U + i * K + k]
            for j in range(NX):
                answer[A_GAINS + (k * NU + i) * NX + j] = m[M_GAIN + k * (NU * NX) + j * NU + i]
    for k in range(N + ENDS):
        for s in range(2):
            slack = m[M_T + (SLACK + s) * K + k] if (ROWS - MOVING if s else MOVING) > 0 else 0.0
            answer[A_SLACK + k * 2 + s] = slack
            cost += slack * (given[G_WEIGHTS + NX + NU + 1 + s] + 0.5 * given[G_WEIGHTS + NX + NU + 3 + s] * slack)
    answer[A_INFO + 4] = cost
    answer[A_INFO + 5] = moved


@jit
def riccati_solve(given, answer, m):
    most, mu_end, tolerance = int(given[G_OPTIONS + 4]), given[G_OPTIONS + 1], given[G_OPTIONS + 2]
    for i in range(8):
        answer[A_INFO + i] = 0.0
    answer[A_INFO + 3] = 2.0
    if not finite_all(given, G_END) or bounds_cross(given):
        return 2
    mu, left, count = given[G_OPTIONS], 1.0, 0
    guessed(given, m)
    linearised(given, m)
    worst = begun(given, m, mu, given[G_OPTIONS + 3])
    while count < most and (count == 0 or mu > mu_end or worst > tolerance or left > 1e-2):
        by, mu = advanced(given, m, mu)
        worst *= by
        left *= by
        count += 1
    told(given, answer, m)
    answer[A_INFO], answer[A_INFO + 1], answer[A_INFO + 2] = count, mu, worst
    answer[A_INFO + 3] = 1.0 if mu > mu_end or worst > tolerance or left > 1e-2 else 0.0
    if not finite_all(answer, A_END):
        for i in range(M_END):
            m[i] = 0.0
        answer[A_INFO + 3] = 3.0
    return int(answer[A_INFO + 3])
