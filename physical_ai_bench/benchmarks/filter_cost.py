"""What one propagation and one update of the filter cost, beside another library's filter of the same size."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from physical_ai_core.errors import DependencyError
from physical_ai_perception.fusion import measurements, rotations
from physical_ai_perception.fusion.filter import Filter, Noise
from physical_ai_perception.fusion.model import Layout
from physical_ai_perception.fusion.state import State

ROUNDS = 3000
BLOCK = 50  # rounds of one, then of the other: both see the same noise of the machine
NOISE = Noise(4e-6, 2.5e-3, 4e-10, 2.5e-7, 1e-8)
DT_S = 0.005
RATE, FORCE = [0.01, -0.02, 0.1], [0.1, 0.05, 9.8]
VELOCITY, VARIANCES = [1.0, 0.0, 0.0], [9e-4, 2.5e-3, 2.5e-3]
SIZE = 16


@dataclass(frozen=True)
class Cost:
    """Thread CPU time in microseconds: median and 99th percentile."""

    name: str
    median_us: float
    p99_us: float


def measure() -> list[Cost]:
    """Own filter: propagation alone, with a wheel update, with a fix 0.2 s late; the peer: one round. Raises
    DependencyError when filterpy is missing."""
    own, peer = own_filter(), peer_round()
    times: dict[str, list[int]] = {"propagation": [], "round": [], "peer": [], "late": []}
    late = _late_round()

    def propagate() -> None:
        own.propagate(DT_S, RATE, FORCE, NOISE)

    def both() -> None:
        own.propagate(DT_S, RATE, FORCE, NOISE)
        own.update("wheels", measurements.body_velocity(VELOCITY, VARIANCES, "xyz", 0), own.state.stamp_s)

    works: dict[str, Callable[[], None]] = {"propagation": propagate, "round": both, "peer": peer}
    for _ in range(ROUNDS // BLOCK):
        for name, work in works.items():
            for _ in range(BLOCK):
                begun = time.thread_time_ns()
                work()
                times[name].append(time.thread_time_ns() - begun)
        begun = time.thread_time_ns()
        late()
        times["late"].append(time.thread_time_ns() - begun)
    names = {
        "propagation": "one IMU propagation", "round": "one IMU propagation + one wheel update (3 rows)",
        "peer": "filterpy ExtendedKalmanFilter, the same round", "late": "a fix 0.2 s late (200 Hz IMU, 50 Hz wheels)",
    }  # fmt: skip
    return [Cost(names[name], *(float(v) for v in np.percentile(times[name], [50, 99]) / 1e3)) for name in names]


def own_filter() -> Filter:
    """The filter of `map`: 16 error states."""
    state = State(0.0, Layout(1))
    state.covariance = np.diag([0.1] * 15 + [4e-4])
    return Filter(state, 9.80665, 0.999, 4.0)


def _late_round() -> Callable[[], None]:
    """A filter that keeps running, and is then told where it was 0.2 s ago."""
    f = own_filter()
    fix = np.eye(3) * 0.25

    def work() -> None:
        f.update("gnss", measurements.antenna_position(f.state.position, np.zeros(3), fix, "xy"), f.state.stamp_s - 0.2)

    def drive() -> None:
        for step in range(80):
            f.propagate(DT_S, RATE, FORCE, NOISE)
            if step % 4 == 0:
                f.update("wheels", measurements.body_velocity(VELOCITY, VARIANCES, "xyz", 0), f.state.stamp_s)

    drive()
    return work


def peer_round() -> Callable[[], None]:
    """The same error-state round with filterpy: nominal state and transition in numpy as its users write them."""
    try:
        from filterpy.kalman import ExtendedKalmanFilter
    except ImportError as error:
        raise DependencyError("filterpy", "bench") from error
    ekf: Any = ExtendedKalmanFilter(dim_x=SIZE, dim_z=3)
    ekf.P = np.diag([0.1] * 15 + [4e-4])
    ekf.R = np.diag(VARIANCES)
    rate, force, gravity = np.array(RATE), np.array(FORCE), np.array([0.0, 0.0, -9.80665])
    nominal: dict[str, Any] = {name: np.zeros(3) for name in ("p", "v", "gyro", "accel")}
    nominal["q"] = rotations.IDENTITY
    draws = np.repeat([NOISE.accel * DT_S**3 / 3, NOISE.accel * DT_S, NOISE.gyro * DT_S, 2e-12, 1.25e-9], 3)
    ekf.Q = np.diag(np.append(draws, 5e-11))
    jacobian = np.zeros((3, SIZE))

    def predicted(x: Any, measured: Any) -> Any:
        return jacobian @ x + measured

    def work() -> None:
        turn = rotations.matrix(nominal["q"])
        world = turn @ (force - nominal["accel"]) + gravity
        f = ekf.F = np.eye(SIZE)
        f[0:3, 3:6] = np.eye(3) * DT_S
        f[0:3, 6:9] = -rotations.skew(nominal["v"]) * DT_S
        f[3:6, 6:9] = rotations.skew(gravity) * DT_S
        f[3:6, 12:15] = f[6:9, 9:12] = -turn * DT_S
        nominal["p"] = nominal["p"] + DT_S * nominal["v"]
        nominal["v"] = nominal["v"] + DT_S * world
        step = rotations.exponential(*((rate - nominal["gyro"]) * DT_S).tolist())
        nominal["q"] = rotations.normalised(rotations.multiply(nominal["q"], step))
        ekf.predict()
        jacobian[:, 3:6] = turn.T
        body = turn.T @ nominal["v"]
        jacobian[0, 15] = body[0]
        ekf.update(np.array(VELOCITY), lambda x: jacobian, predicted, hx_args=(body,))
        error = ekf.x.ravel()
        nominal["p"], nominal["v"] = nominal["p"] + error[0:3], nominal["v"] + error[3:6]
        nominal["q"] = rotations.normalised(
            rotations.multiply(rotations.exponential(*error[6:9].tolist()), nominal["q"])
        )
        nominal["gyro"], nominal["accel"] = nominal["gyro"] + error[9:12], nominal["accel"] + error[12:15]
        ekf.x = np.zeros(SIZE)

    return work
