"""The equations of the filter, written once as casadi expressions and compiled to its virtual machine.

Each kernel is straight-line arithmetic over the non-zero elements only: the transition is block sparse, a measurement
touches a few columns, of the covariance one triangle is kept. Jacobians of measurements are derived, not typed.
A whole propagation or update is one call of a few microseconds, bit for bit the same in every run, without a compiler.

Filter vector ("full"): nominal state x = [position 3, velocity 3, attitude quaternion xyzw 4, gyro bias 3,
accelerometer bias 3, wheel scales k], then the upper triangle of the error covariance, column by column.
Error state (n = 15 + k): position p + dp; attitude Exp(a) R with a rotation vector a of the world frame; scale
(1 + s) exp(ds); velocity Exp(a) v + dv, its forward part times exp(-ds) of the first wheels; biases by addition. So the
velocity turns with the attitude and shrinks as the scale grows: what wheels and IMU see depends neither on the heading
nor on the scale, as in truth, while with a plain velocity error every update would seem to teach a little of both.
References: A. Barrau, S. Bonnabel, The invariant extended Kalman filter as a stable observer, 2017; J. Sola, Quaternion
kinematics for the error-state Kalman filter, 2017, chapter 7.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import casadi as ca
import numpy as np

from physical_ai_core.geometry import Array

TINY: Final = 1e-24
# No single row shrinks a variance by more than this: below it the subtraction would leave rounding errors of either
# sign. A first fix after total ignorance needs two messages instead of one.
SHARPEST: Final = 1e-7
CONTROLS: Final = 12  # dt, rate 3, force 3, densities of gyro, accelerometer, their biases, wheel scale
VIEW_INPUTS: Final = 11  # dt, rate 3, doubt in position m^2, attitude rad^2, rate (rad/s)^2, scale, its origin 3
VIEW: Final = 85  # position 3, quaternion 4, body velocity 3, rate 3, covariances of pose and body twist 36 each


class Layout(NamedTuple):
    """Sizes for `scales` wheel odometries with a learnt forward scale."""

    scales: int

    @property
    def nominal(self) -> int:
        return 16 + self.scales

    @property
    def error(self) -> int:
        return 15 + self.scales

    @property
    def full(self) -> int:
        return self.nominal + self.error * (self.error + 1) // 2


class Key(NamedTuple):
    """Names one measurement kernel: `rows` chooses components, `scale` a wheel scale (-1: none)."""

    what: str
    rows: str
    scale: int = -1


class Expression(NamedTuple):
    """Innovation (m, 1) and noise: a column of variances, or a covariance (m, m)."""

    innovation: Any
    noise: Any


class Split(NamedTuple):
    """The parts of a nominal state, as expressions."""

    position: Any
    velocity: Any
    attitude: Any
    gyro_bias: Any
    accel_bias: Any
    scales: Any


# --- expressions ---


def product(a: Any, b: Any) -> Any:
    """Hamilton product."""
    return ca.vertcat(a[3] * b[:3] + b[3] * a[:3] + ca.cross(a[:3], b[:3]), a[3] * b[3] - ca.dot(a[:3], b[:3]))


def exponential(turn: Any) -> Any:
    """Quaternion of a rotation vector."""
    angle = ca.sqrt(ca.sumsqr(turn) + TINY)
    return ca.vertcat(turn * (ca.sin(0.5 * angle) / angle), ca.cos(0.5 * angle))


def unit(q: Any) -> Any:
    """Unit length, w >= 0."""
    return q * ca.if_else(q[3] < 0.0, -1.0, 1.0) / ca.sqrt(ca.sumsqr(q))


def rotation(q: Any) -> Any:
    """Rotation matrix of a unit quaternion."""
    x, y, z, w = q[0], q[1], q[2], q[3]
    return ca.vertcat(
        ca.horzcat(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        ca.horzcat(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        ca.horzcat(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )


def wrapped(angle: Any) -> Any:
    """An angle in [-pi, pi]."""
    return ca.atan2(ca.sin(angle), ca.cos(angle))


def split(x: Any) -> Split:
    """The parts of a nominal state."""
    return Split(x[0:3], x[3:6], x[6:10], x[10:13], x[13:16], x[16:])


def moved(x: Any, error: Any, first_order: bool = False) -> Any:
    """The nominal state moved by an error; `first_order` where only derivatives at zero are asked for."""
    s = split(x)
    a = error[6:9]
    turn = ca.vertcat(0.5 * a, 1.0) if first_order else exponential(a)
    attitude = product(turn, s.attitude)
    velocity = s.velocity + ca.cross(a, s.velocity) if first_order else rotation(turn) @ s.velocity
    scales = [(1.0 + s.scales[i]) * ca.exp(error[15 + i]) - 1.0 for i in range(s.scales.shape[0])]
    if scales:
        forward = rotation(attitude)[:, 0]
        velocity = velocity + forward * ca.dot(forward, velocity) * (ca.exp(-error[15]) - 1.0)
    return ca.vertcat(
        s.position + error[0:3], velocity + error[3:6], attitude if first_order else unit(attitude),
        s.gyro_bias + error[9:12], s.accel_bias + error[12:15], *scales,
    )  # fmt: skip


# --- measurements: innovation = measured - predicted, from the nominal state and the kernel's arguments ---


def _velocity(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: velocity 3, variances 3. Wheels see the forward speed by their scale."""
    body = rotation(s.attitude).T @ s.velocity
    if key.scale >= 0:
        body = ca.vertcat(body[0] * (1.0 + s.scales[key.scale]), body[1:])
    rows = ["xyz".index(row) for row in key.rows]
    return Expression((a[:3] - body)[rows], a[3:6][rows])


def _at_rest(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: variance. The velocity is zero, by whatever scale."""
    return _velocity(s, ca.vertcat(ca.SX(3, 1), ca.repmat(a[0], 3)), key)


def _gyro_bias(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: what the gyro reads without turning 3, variance."""
    rows = ["xyz".index(row) for row in key.rows]
    return Expression((a[:3] - s.gyro_bias)[rows], ca.repmat(a[3], len(rows)))


def _gravity(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: specific force 3, variance, gravity. Without acceleration it shows the vertical."""
    up = rotation(s.attitude).T[:, 2] * a[4]
    return Expression(a[:3] - up - s.accel_bias, ca.repmat(a[3], 3))


def _attitude(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: quaternion 4, variances about the world axes 3. `rows` rp: level only; rpy: heading too."""
    if key.rows == "rp":  # where the measured attitude sees the vertical; knows nothing of the heading
        up = rotation(s.attitude) @ rotation(a[:4])[2, :].T
        return Expression(ca.vertcat(up[1], -up[0]), a[4:6])
    conjugate = ca.vertcat(-s.attitude[:3], s.attitude[3])
    turn = product(a[:4], conjugate)
    turn = turn * ca.if_else(turn[3] < 0.0, -1.0, 1.0)
    length = ca.sqrt(ca.sumsqr(turn[:3]) + TINY)
    return Expression(turn[:3] * (2.0 * ca.atan2(length, turn[3]) / length), a[4:7])


def _position(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: position 3, lever arm in base_link 3, covariance 9."""
    here = s.position + rotation(s.attitude) @ a[3:6]
    rows = ["xyz".index(row) for row in key.rows]
    return Expression((a[:3] - here)[rows], ca.reshape(a[6:15], 3, 3)[rows, rows])


def _pose(s: Split, a: Any, key: Key) -> Expression:
    """Arguments: x, y, yaw; covariance 9. `rows` of x, y, t (heading)."""
    q = s.attitude
    heading = ca.atan2(2.0 * (q[3] * q[2] + q[0] * q[1]), 1.0 - 2.0 * (q[1] * q[1] + q[2] * q[2]))
    rows = ["xyt".index(row) for row in key.rows]
    away = ca.vertcat(a[0] - s.position[0], a[1] - s.position[1], wrapped(a[2] - heading))
    return Expression(away[rows], ca.reshape(a[3:12], 3, 3)[rows, rows])


MEASUREMENTS: Final[dict[str, tuple[int, Callable[[Split, Any, Key], Expression]]]] = {
    "velocity": (6, _velocity),
    "at rest": (1, _at_rest),
    "gyro bias": (4, _gyro_bias),
    "gravity": (5, _gravity),
    "attitude": (7, _attitude),
    "position": (15, _position),
    "pose": (12, _pose),
}


# --- kernels ---


def _unpacked(layout: Layout, full: Any) -> tuple[Any, Any]:
    triangle = ca.SX(ca.Sparsity.upper(layout.error), full[layout.nominal :])
    return full[: layout.nominal], ca.triu2symm(triangle)


def _packed(x: Any, covariance: Any) -> Any:
    n = covariance.shape[0]
    elements = [covariance[row, column] for column in range(n) for row in range(column + 1)]
    return ca.vertcat(x, *elements)


def _compiled(name: str, inputs: list[Any], outputs: list[Any]) -> Any:
    return ca.Function(name, inputs, outputs, {"cse": True})


@lru_cache(maxsize=16)
def propagation(layout: Layout, gravity_mps2: float) -> Any:
    """(full, controls) → full: exact for a constant rate, midpoint attitude for the force, covariance first order."""
    full, u = ca.SX.sym("full", layout.full), ca.SX.sym("u", CONTROLS)
    x, covariance = _unpacked(layout, full)
    s, dt = split(x), u[0]
    turn = (u[1:4] - s.gyro_bias) * dt
    middle = rotation(product(s.attitude, exponential(0.5 * turn)))
    force = middle @ (u[4:7] - s.accel_bias)
    acceleration = ca.vertcat(force[:2], force[2] - gravity_mps2)
    after = ca.vertcat(
        s.position + dt * (s.velocity + 0.5 * dt * acceleration), s.velocity + dt * acceleration,
        unit(product(s.attitude, exponential(turn))), s.gyro_bias, s.accel_bias, s.scales,
    )  # fmt: skip
    f = _transition(layout, dt, middle, s.velocity, u[1:4] - s.gyro_bias, gravity_mps2)
    gyro, drawn = u[7] * dt, ca.SX(layout.error, 3)  # how the gyro's noise enters attitude and, through it, velocity
    drawn[3:6, :], drawn[6:9, :] = ca.skew(s.velocity), ca.SX.eye(3)
    q = ca.vertcat(
        ca.repmat(u[8] * dt**3 / 3.0, 3), ca.repmat(u[8] * dt, 3), ca.SX(3, 1), ca.repmat(u[9] * dt, 3),
        ca.repmat(u[10] * dt, 3), ca.repmat(u[11] * dt, layout.scales),
    )  # fmt: skip
    covariance = f @ covariance @ f.T + ca.diag(q) + gyro * (ca.sparsify(drawn) @ ca.sparsify(drawn).T)
    if layout.scales:  # a change of the scale is none of the true velocity
        ahead = middle[:, 0] * ca.dot(middle[:, 0], s.velocity)
        covariance[3:6, 15] += u[11] * dt * ahead
        covariance[15, 3:6] += u[11] * dt * ahead.T
        covariance[3:6, 3:6] += u[11] * dt * (ahead @ ahead.T)
    return _compiled("propagate", [full, u], [_packed(after, covariance)])


@lru_cache(maxsize=4)
def transition(layout: Layout, gravity_mps2: float) -> Any:
    """(full, controls) → error transition (n, n), as `propagation` uses it; for tests."""
    full, u = ca.SX.sym("full", layout.full), ca.SX.sym("u", CONTROLS)
    s = split(full[: layout.nominal])
    middle = rotation(product(s.attitude, exponential(0.5 * (u[1:4] - s.gyro_bias) * u[0])))
    f = _transition(layout, u[0], middle, s.velocity, u[1:4] - s.gyro_bias, gravity_mps2)
    return _compiled("transition", [full, u], [ca.densify(f)])


def _transition(layout: Layout, dt: Any, turn: Any, velocity: Any, rate: Any, gravity_mps2: float) -> Any:
    f, swing = ca.SX.eye(layout.error), ca.skew(velocity)
    f[0:3, 3:6] = ca.SX.eye(3) * dt
    f[0:3, 6:9] = -swing * dt
    f[3:6, 6:9] = ca.sparsify(ca.skew(ca.SX([0.0, 0.0, -gravity_mps2]))) * dt
    f[3:6, 9:12] = -(swing @ turn) * dt
    f[3:6, 12:15] = -turn * dt
    f[6:9, 9:12] = -turn * dt
    if layout.scales:
        # What the forward acceleration tells about the scale is left out: its bias would tell more than it does.
        speed = ca.dot(turn[:, 0], velocity)
        f[0:3, 15] = -turn[:, 0] * speed * dt
        f[3:6, 15] = turn @ ca.vertcat(0.0, rate[2], -rate[1]) * speed * dt
    return ca.sparsify(f)


@lru_cache(maxsize=64)
def correction(layout: Layout, key: Key) -> Any:
    """(full, arguments) → full, [squared Mahalanobis distance, sum of the new full (finite if all of it is)].

    Row by row, of the covariance one triangle: symmetric by construction.
    """
    full, a, x, covariance, innovation, jacobian, noise = _measured(layout, key)
    if noise.shape[1] > 1:  # correlated rows: in units of their own noise they are not
        innovation, jacobian = _whitened(noise, innovation, jacobian)
        noise = ca.SX.ones(noise.shape[0])
    error, distance = ca.SX.zeros(layout.error), 0.0
    for row in range(noise.shape[0]):
        h = jacobian[row, :].T
        cross = covariance @ h
        predicted = ca.dot(h, cross)
        spread = predicted + ca.fmax(noise[row], SHARPEST * predicted)
        gain = cross / spread
        left = innovation[row] - ca.dot(h, error)
        distance += left * left / spread
        error += gain * left
        covariance = ca.triu2symm(ca.triu(covariance - gain @ cross.T))
    after = _packed(moved(x, error), covariance)
    return _compiled("correct", [full, a], [after, ca.vertcat(distance, ca.sum1(after))])


@lru_cache(maxsize=64)
def innovation(layout: Layout, key: Key) -> Any:
    """(full, arguments) → innovation (m), Jacobian (m, n), noise (m, m)."""
    full, a, _, _, away, jacobian, noise = _measured(layout, key)
    noise = ca.diag(noise) if noise.shape[1] == 1 else noise
    return _compiled("innovation", [full, a], [away, ca.densify(jacobian), ca.densify(noise)])


def _measured(layout: Layout, key: Key) -> tuple[Any, ...]:
    count, model = MEASUREMENTS[key.what]
    full, a = ca.SX.sym("full", layout.full), ca.SX.sym("a", count)
    x, covariance = _unpacked(layout, full)
    error = ca.SX.sym("e", layout.error)
    away, noise = model(split(moved(x, error, first_order=True)), a, key)
    zero = ca.SX.zeros(layout.error)
    slope = ca.substitute(-ca.jacobian(away, error), error, zero)
    slope = ca.sparsify(ca.cse(ca.simplify(slope)))
    return full, a, x, covariance, ca.substitute(away, error, zero), slope, noise


def _whitened(noise: Any, innovation: Any, jacobian: Any) -> tuple[Any, Any]:
    """Rows divided by the Cholesky factor of their noise."""
    count = noise.shape[0]
    lower = [[ca.SX(0)] * count for _ in range(count)]
    rows: list[Any] = []
    values: list[Any] = []
    for i in range(count):
        for j in range(i):
            lower[i][j] = (noise[i, j] - sum(lower[i][k] * lower[j][k] for k in range(j))) / lower[j][j]
        lower[i][i] = ca.sqrt(noise[i, i] - sum(lower[i][k] ** 2 for k in range(i)))
        row, value = jacobian[i, :], innovation[i]
        for k in range(i):
            row, value = row - lower[i][k] * rows[k], value - lower[i][k] * values[k]
        rows.append(row / lower[i][i])
        values.append(value / lower[i][i])
    return ca.vertcat(*values), ca.sparsify(ca.vertcat(*rows))


@lru_cache(maxsize=4)
def view(layout: Layout) -> Any:
    """(full, view inputs) → VIEW numbers: the state after `dt` of constant body motion. A scale error of that variance
    made the way from the origin longer."""
    full, u = ca.SX.sym("full", layout.full), ca.SX.sym("u", VIEW_INPUTS)
    x, covariance = _unpacked(layout, full)
    s, dt = split(x), u[0]
    turn_back = rotation(s.attitude).T
    linear = turn_back @ s.velocity
    half = exponential(0.5 * dt * u[1:4])
    position = s.position + dt * (rotation(product(s.attitude, half)) @ linear)
    attitude = unit(product(s.attitude, exponential(dt * u[1:4])))
    pick = ca.SX(6, layout.error)
    pick[0:3, 0:3], pick[3:6, 6:9] = ca.SX.eye(3), ca.SX.eye(3)
    pick[0:3, 3:6], pick[0:3, 6:9] = dt * ca.SX.eye(3), -dt * ca.skew(s.velocity)
    if layout.scales:
        pick[0:3, 15] = -dt * linear[0] * turn_back[0, :].T
    pick = ca.sparsify(pick)
    way = ca.vertcat(s.position - u[8:11], 0.0, 0.0, 0.0)
    pose = pick @ covariance @ pick.T + ca.diag(ca.vertcat(ca.repmat(u[4], 3), ca.repmat(u[5], 3)))
    pose += u[7] * (way @ way.T)
    twist, shown = ca.SX(6, 6), ca.SX(3, layout.error)
    shown[:, 3:6] = turn_back
    if layout.scales:
        shown[0, 15] = -linear[0]
    twist[:3, :3] = shown @ covariance @ shown.T + u[7] * (linear @ linear.T)
    twist[3:, 3:] = covariance[9:12, 9:12] + u[6] * ca.SX.eye(3)
    said = ca.vertcat(position, attitude, linear, u[1:4], ca.vec(pose), ca.vec(twist))
    return _compiled("view", [full, u], [ca.densify(said)])


USUAL: Final = (
    Key("velocity", "xyz"), Key("velocity", "xyz", 0), Key("at rest", "xyz"), Key("at rest", "xyz", 0),
    Key("gyro bias", "xyz"), Key("gravity", "xyz"), Key("attitude", "rp"), Key("attitude", "rpy"),
    Key("position", "xy"), Key("position", "z"),
    Key("pose", "xyt"),
)  # fmt: skip


def prepare(layout: Layout, gravity_mps2: float) -> None:
    """Compile what a robot usually needs; each of these costs some 20 ms when it is first wanted."""
    propagation(layout, gravity_mps2)
    view(layout)
    for key in USUAL:
        if key.scale < layout.scales:
            correction(layout, key)


class Kernel:
    """A compiled expression bound to arrays: calling it reads `inputs` and writes `outputs`, nothing is allocated."""

    def __init__(self, function: Any, inputs: list[Array], outputs: list[Array]) -> None:
        self._kept = (function, inputs, outputs)
        self._buffer, call = function.buffer()
        for index, array in enumerate(inputs):
            self._buffer.set_arg(index, memoryview(cast(Any, array)))
        for index, array in enumerate(outputs):
            self._buffer.set_res(index, memoryview(cast(Any, array)))
        self._call: Callable[[], None] = call  # of use only while the buffer lives, so never handed out

    def __call__(self) -> None:
        self._call()


@lru_cache(maxsize=16)
def triangle(layout: Layout) -> tuple[Any, Any, Any]:
    """Row and column of each packed element of the covariance, in the order in which they lie; which are diagonal."""
    column, row = np.tril_indices(layout.error)
    return row, column, np.flatnonzero(row == column)
