"""The error-state Kalman filter: propagation, gated updates at their own time, recovery from a long rejection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple, cast

import numpy as np
from scipy.special import chdtri

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import model
from physical_ai_perception.fusion.measurements import Measurement
from physical_ai_perception.fusion.model import CONTROLS, Kernel, Key
from physical_ai_perception.fusion.state import State
from physical_ai_perception.fusion.timeline import Correction, Operation, Step, Timeline

MOST_ROWS: Final = 6
BOUND_EVERY_S: Final = 0.1  # of propagation, between looks at the bounds of the covariance
RECOVERY_COUNT: Final = 5  # a single late outlier is not a long rejection
SAME_TIME_S: Final = 1e-6
INPUTS: Final = Struct(f"{CONTROLS}d")  # half of what assigning a list to an array takes


class Noise(NamedTuple):
    """Spectral densities of what drives the error state (SI units squared per Hz; walks squared per second)."""

    gyro: float
    accel: float
    gyro_walk: float
    accel_walk: float
    scale_walk: float = 0.0


@dataclass
class Gate:
    """What one source's innovations did: `rejected` in total, and since when without a break."""

    accepted: int = 0
    rejected: int = 0
    recovered: int = 0
    late: int = 0  # taken at an earlier time than the state's
    too_late: int = 0  # older than the filter remembers
    streak: int = 0
    streak_since_s: float = 0.0
    distance: float = 0.0  # squared Mahalanobis distance of the last innovation over its degrees of freedom


class Filter:
    """One instance; `state` may be read at any time, and is finite at any time.

    A measurement older than the state is applied where it belongs: the state then is restored, what followed is done
    again. `remember_s` bounds how far back; KEPT operations bound the work.

    Example:
        f = Filter(State(0.0, Layout(1)), gravity_mps2=9.81, gate_probability=0.999, recovery_s=4.0)
        f.propagate(0.005, [0.0, 0.0, 0.1], [0.0, 0.0, 9.81], noise)
        f.update("wheel/odometry", measurements.body_velocity([1.0, 0.0, 0.0], [1e-3] * 3), stamp_s)
    """

    def __init__(
        self, state: State, gravity_mps2: float, gate_probability: float, recovery_s: float, remember_s: float = 1.0
    ) -> None:
        self.state = state
        self.gates: dict[str, Gate] = {}
        self.faults = 0  # updates undone because they would have left a number that is none
        self.timeline = Timeline(state.layout.full, remember_s)
        self._gate_probability = gate_probability
        self._recovery_s = recovery_s
        self._unbounded_s = 0.0
        self._after = np.zeros(state.layout.full)  # what a kernel writes, until it is believed
        self._verdict = np.zeros(2)  # squared Mahalanobis distance, and a number that is none where a new one is
        controls = np.zeros(CONTROLS)
        self._controls = memoryview(cast(Any, controls))
        propagation = model.propagation(state.layout, gravity_mps2)
        self._propagation = Kernel(propagation, [state.full, controls], [self._after])
        self._kernels: dict[Key, tuple[memoryview, Struct, Kernel]] = {}
        self.timeline.begin(state.stamp_s, state.full)

    def restart(self) -> None:
        """The state was changed from outside (its time, too, perhaps): what was before it is forgotten."""
        self.timeline.begin(self.state.stamp_s, self.state.full)

    def propagate(self, dt_s: float, rate: list[float], force: list[float], noise: Noise) -> None:
        """Move on by `dt_s` > 0 under a body rate and a specific force, both with bias."""
        controls = [dt_s, *rate, *force, *noise]
        self._step(controls)
        self.timeline.add(self.state.stamp_s, Step(controls), self.state.full)

    def update(
        self, source: str, measurement: Measurement, stamp_s: float, gated: bool = True, gate_probability: float = 0.0,
        wider: Measurement | None = None, recovery_s: float = 0.0,
    ) -> bool:  # fmt: skip
        """Take a measurement; False when it was rejected or came too late. A source rejected for long is let in.

        `gate_probability`, `recovery_s` 0: the filter's own. `wider`: the same measurement with noise that makes it
        plausible, taken where the gate rejects it as it is (False all the same).
        """
        gate = self.gates.get(source)
        if gate is None:
            gate = self.gates[source] = Gate()
        limit = _limit(measurement.rows, gate_probability or self._gate_probability) if gated else np.inf
        operation = Correction(source, measurement, gated)
        if stamp_s >= self.state.stamp_s - SAME_TIME_S:
            recovered = gate.recovered
            taken = self._judge(gate, measurement, stamp_s, limit, recovery_s)
            if taken:
                operation = operation if gate.recovered == recovered else operation._replace(gated=False, opened=True)
                self.timeline.add(self.state.stamp_s, operation, self.state.full)
            elif wider is not None and self._evaluate(wider) >= 0.0 and self._accept():
                self.timeline.add(self.state.stamp_s, Correction(source, wider, False), self.state.full)
            return taken
        return self._late(gate, operation, stamp_s, limit)

    def revise(self, since_s: float, until_s: float, rate: list[float], force: list[float], noise: Noise) -> bool:
        """Replace what drove the state in (since, until] by what was really there; False: too long ago."""
        index = self.timeline.before(since_s + SAME_TIME_S)
        if index < 0:
            return False
        now_s, driven = self.state.stamp_s, [*rate, *force, *noise]
        pending = self.timeline.after(index)
        self.state.stamp_s, self.state.full[:] = self.timeline.state(index)
        self.timeline.cut(index)
        for operation in pending:
            if isinstance(operation, Step):
                for controls in _revised(operation.controls, self.state.stamp_s, until_s, driven):
                    self._again(Step(controls))
            else:
                self._again(operation)
        self.state.stamp_s = now_s
        return True

    def doubt(self, source: str, since_s: float, widened: Callable[[Measurement], Measurement]) -> None:
        """What `source` said since then is taken once more, with more noise: it was wrong before that could be seen."""
        timeline, now_s = self.timeline, self.state.stamp_s
        index = timeline.reaching(since_s)
        pending = timeline.after(index)
        self.state.stamp_s, self.state.full[:] = timeline.state(index)
        timeline.cut(index)
        for operation in pending:
            if isinstance(operation, Correction) and operation.source == source:
                operation = Correction(source, widened(operation.measurement), False)
            self._again(operation)
        self.state.stamp_s = now_s

    # --- one operation ---

    def _step(self, controls: list[float]) -> None:
        INPUTS.pack_into(self._controls, 0, *controls)
        self._propagation()
        state = self.state
        state.full[:] = self._after
        state.stamp_s += controls[0]
        self._unbounded_s += controls[0]
        if self._unbounded_s >= BOUND_EVERY_S:
            self._unbounded_s = 0.0
            state.bound()

    def _evaluate(self, measurement: Measurement) -> float:
        """Squared Mahalanobis distance; the corrected state waits in `_after`."""
        bound = self._kernels.get(measurement.key)
        if bound is None:
            count = model.MEASUREMENTS[measurement.key.what][0]
            arguments, function = np.zeros(count), model.correction(self.state.layout, measurement.key)
            kernel = Kernel(function, [self.state.full, arguments], [self._after, self._verdict])
            bound = self._kernels[measurement.key] = memoryview(cast(Any, arguments)), Struct(f"{count}d"), kernel
        memory, inputs, kernel = bound
        inputs.pack_into(memory, 0, *measurement.arguments)
        kernel()
        return self._verdict.item(0)

    def _judge(
        self, gate: Gate, measurement: Measurement, stamp_s: float, limit: float, recovery_s: float = 0.0
    ) -> bool:
        distance = self._evaluate(measurement)
        if not distance >= 0.0:  # NaN, or a spread that is not positive: never let in
            gate.rejected += 1
            return False
        gate.distance = distance / measurement.rows
        if distance > limit:
            if not self._long_rejected(gate, stamp_s, recovery_s or self._recovery_s):
                return False
            self._open(measurement)
            gate.recovered += 1
            self._evaluate(measurement)
        if not self._accept():
            return False
        gate.streak = 0
        gate.accepted += 1
        return True

    def _accept(self) -> bool:
        total = self._verdict.item(1)
        if total - total != 0.0:
            self.faults += 1
            return False
        self.state.full[:] = self._after
        return True

    # --- going back in time ---

    def _late(self, gate: Gate, operation: Correction, stamp_s: float, limit: float) -> bool:
        timeline, state = self.timeline, self.state
        index = timeline.before(stamp_s)
        if index < 0:
            gate.too_late += 1
            return False
        now_s, now = state.stamp_s, state.full.copy()
        pending = timeline.after(index)
        state.stamp_s, state.full[:] = timeline.state(index)
        before: list[Operation] = []
        if pending and isinstance(pending[0], Step) and stamp_s - state.stamp_s > SAME_TIME_S:
            first, rest = _divided(pending[0].controls, stamp_s - state.stamp_s)
            before, pending[:1] = [Step(first)], rest
            self._step(first)
        reached_s, recovered = state.stamp_s, gate.recovered
        if not self._judge(gate, operation.measurement, stamp_s, limit):
            state.stamp_s, state.full[:] = now_s, now
            return False
        gate.late += 1
        if gate.recovered != recovered:
            operation = operation._replace(gated=False, opened=True)
        corrected = state.full.copy()
        timeline.cut(index)
        state.stamp_s, state.full[:] = timeline.state(index)
        for step in before:
            self._again(step)
        state.stamp_s, state.full[:] = reached_s, corrected
        timeline.add(reached_s, operation, corrected)
        for done in pending:
            self._again(done)
        state.stamp_s = now_s
        return True

    def _again(self, operation: Operation) -> None:
        """Do an operation once more. What was believed is believed again, unless it now contradicts by far."""
        if isinstance(operation, Step):
            self._step(operation.controls)
        else:
            if operation.opened:
                self._open(operation.measurement)
            distance = self._evaluate(operation.measurement)
            limit = 4.0 * _limit(operation.measurement.rows, self._gate_probability) if operation.gated else np.inf
            if not distance <= limit or not self._accept():
                return
        self.timeline.add(self.state.stamp_s, operation, self.state.full)

    # --- recovery ---

    def _long_rejected(self, gate: Gate, stamp_s: float, recovery_s: float) -> bool:
        gate.rejected += 1
        if gate.streak == 0:
            gate.streak_since_s = stamp_s
        gate.streak += 1
        return gate.streak >= RECOVERY_COUNT and stamp_s - gate.streak_since_s >= recovery_s

    def _open(self, measurement: Measurement) -> None:
        """Admit that what is measured first of all (position, velocity, attitude …) may be wrong by the innovation."""
        innovation, jacobian, _ = self.innovation(measurement)
        covariance = self.state.covariance
        blocks = sorted({int(column) // 3 * 3 for column in np.flatnonzero(jacobian.any(axis=0))})
        # A pose names position and heading; anything else opens only the first block it depends on.
        chosen = blocks if measurement.key.what == "pose" else blocks[:1]
        columns = np.concatenate([np.arange(block, min(block + 3, len(covariance))) for block in chosen])
        along = np.linalg.lstsq(jacobian[:, columns], innovation, rcond=None)[0]
        covariance[np.ix_(columns, columns)] += np.outer(along, along)
        self.state.covariance = covariance
        self.state.bound()

    def innovation(self, measurement: Measurement) -> tuple[Array, Array, Array]:
        """Innovation (m,), Jacobian (m, n) and noise (m, m) of a measurement against the present state."""
        function = model.innovation(self.state.layout, measurement.key)
        away, jacobian, noise = function(self.state.full, measurement.arguments)
        return np.asarray(away).ravel(), np.asarray(jacobian), np.asarray(noise)


@lru_cache(maxsize=256)
def _limit(rows: int, probability: float) -> float:
    """Chi-square quantile."""
    return float(chdtri(rows, 1.0 - probability))


def _divided(controls: list[float], first_s: float) -> tuple[list[float], list[Operation]]:
    """A step in two: the first `first_s` long, and what is left."""
    left_s = controls[0] - first_s
    if left_s <= SAME_TIME_S:
        return controls, []
    return [first_s, *controls[1:]], [Step([left_s, *controls[1:]])]


def _revised(controls: list[float], from_s: float, until_s: float, driven: list[float]) -> list[list[float]]:
    """A step from `from_s` on, with other inputs up to `until_s`."""
    inside_s = min(until_s - from_s, controls[0])
    if inside_s <= SAME_TIME_S:
        return [controls]
    left_s = controls[0] - inside_s
    first = [inside_s if left_s > SAME_TIME_S else controls[0], *driven]
    return [first] if left_s <= SAME_TIME_S else [first, [left_s, *controls[1:]]]
