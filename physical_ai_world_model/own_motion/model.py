"""The robot's own next seconds as the core asks for them: the hybrid, and the kinematic model where it cannot be had.

Example:
    own = OwnMotion(lag_s=0.15)
    own.command(stamp_s, v, w)                             # each cmd_vel
    own.observe(stamp_s, pose, np.array([v, u, w]), pull)  # each state/odometry
    ahead = own.predict(stamp_s, times_s)  # poses (t, 3), covariance (t, 2, 2), and why if not the hybrid
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.errors import ModelError
from physical_ai_core.geometry import Array, wrap
from physical_ai_core.models.slots import PACKAGE
from physical_ai_core.own_motion import MotionState
from physical_ai_world_model.own_motion import weights as files
from physical_ai_world_model.own_motion.dynamics import STEP_S, Base, Motion, roll_out
from physical_ai_world_model.own_motion.history import GAP_S, History, Sample
from physical_ai_world_model.own_motion.kinematic import follow_commands
from physical_ai_world_model.own_motion.telling import Told, told, variances
from physical_ai_world_model.own_motion.trust import Trust
from physical_ai_world_model.ssm.recurrence import Recurrence, Wanted

SETTLE_S: Final = 0.5  # history before the hybrid speaks
LONGEST_S: Final = 10.0  # of a prediction, with the age of the state
COMMANDS: Final = 256  # remembered, from the newest backwards
KINEMATIC_SPREAD: Final = (0.02, 0.10, 0.05)  # m, m/s, m/s²: on ground of any kind
PLAUSIBLE: Final = (10.0, 10.0, 20.0)  # m/s, m/s, rad/s: beyond it a twist or command is no measurement


class Ahead(NamedTuple):
    """Poses (t, 3) in the frame of the observed pose, covariance (t, 2, 2) of x and y; no `reason`: the hybrid."""

    poses: Array
    covariance: Array
    reason: str


class OwnMotion:
    """O(1) a sample and a prediction. Bad input is refused and counted, and never reaches the state."""

    def __init__(
        self, lag_s: float, input_delay_s: float = 0.0, folder: Path | None = None, backend: Wanted = "auto",
        silence_s: float = 0.25,
    ) -> None:  # fmt: skip
        """`lag_s` of the kinematic model; a command takes effect `input_delay_s` after its stamp; after
        `silence_s` without one the base brakes by itself (infinity: it goes on).

        `folder` of the weights, or their file; those of the package when None.
        """
        self._lag_s, self._delay_s, self._silence_s = lag_s, input_delay_s, silence_s
        self.refused = 0
        self.missing = ""  # why there is no hybrid at all
        self.step_cost = ""  # which engine runs the recurrence
        self.sha256 = ""  # of the weights that are used
        self.origin = PACKAGE if folder is None else str(folder)
        self.warning = ""  # why other weights speak than were asked for
        try:
            self._weights = files.load(folder or files.default_folder())
            self._recurrence = Recurrence(self._weights.tensors, self._weights.shape, backend)
        except ModelError as error:
            self.missing = error.cause
        base = Base() if self.missing else self._weights.base
        self._base, self._history = base, History(base)
        if not self.missing:
            self._head = self._weights.tensors["head.weight"].astype(float), self._weights.tensors["head.bias"]
            self._state = self._recurrence.new_state(1)
            self.sha256 = self._weights.sha256
            self._trust = Trust()
            self.step_cost = str(self._recurrence.backend)
            self._times = np.array([0.0, *self._weights.calibration["t_s"]])
            factors = self._weights.calibration["factor"]
            self._factors = np.array([factors[0], *factors])
        self.clear()

    @property
    def source(self) -> str:
        """Whose weights speak, and the beginning of their hash: for heartbeat and diagnostics."""
        return "none" if self.missing else f"{self.origin} {self.sha256[:12]}"

    def silence(self, because: str) -> None:
        """The hybrid keeps silent from now on; the kinematic model goes on from where it is."""
        self.missing = self.missing or because

    def clear(self) -> None:
        """Forget the past."""
        self._commands: deque[tuple[float, float, float]] = deque(maxlen=COMMANDS)
        self._table, self._end = np.zeros((4 * COMMANDS, 3)), 0  # the same as rows: the last ones before `_end`
        self._stamp_s, self._since_s = -math.inf, math.inf
        self._pose, self._twist = np.zeros(3), np.zeros(3)
        self._z: list[float] = []
        self._restart()

    def command(self, stamp_s: float, v: float, w: float) -> None:
        """A command was given at `stamp_s`; later ones replace it from their stamps on."""
        if not (_plausible(v, 0) and _plausible(w, 2) and math.isfinite(stamp_s)):
            self.refused += 1
            return
        effect_s = stamp_s + self._delay_s
        while self._commands and self._commands[-1][0] >= effect_s:  # the clock was set back, or the same stamp again
            self._commands.pop()
            self._end -= 1
        self._append(effect_s, float(v), float(w))

    def _append(self, effect_s: float, v: float, w: float) -> None:
        if self._end == len(self._table):
            self._table[:COMMANDS] = self._table[-COMMANDS:]
            self._end = COMMANDS
        self._commands.append((effect_s, v, w))
        self._table[self._end] = effect_s, v, w
        self._end += 1

    def _heed_silence(self, now_s: float) -> None:
        """A base whose commands fell silent has braked by itself since."""
        if self._commands:
            effect_s, v, w = self._commands[-1]
            if now_s - effect_s > self._silence_s and (v, w) != (0.0, 0.0):
                self._append(effect_s + self._silence_s, 0.0, 0.0)

    def observe(self, stamp_s: float, pose: Array, twist: Array, pull_mps2: Array | None = None) -> None:
        """The measured state: `[x, y, yaw]` in any fixed frame, `[forward, left, turn]` in `base_link`.

        `pull_mps2` (2,): gravity ahead and left by the measured attitude (`gravity_in_base`); None: unknown.
        """
        pull = np.zeros(2) if pull_mps2 is None else np.asarray(pull_mps2, dtype=float)
        numbers = (*pose, *twist, *pull)
        good = all(map(math.isfinite, numbers)) and all(_plausible(value, k) for k, value in enumerate(twist))
        if not (good and math.isfinite(stamp_s)):
            self.refused += 1
            return
        dt_s = stamp_s - self._stamp_s
        if -GAP_S < dt_s <= 0.0:  # late or repeated: what is newer is known
            self.refused += dt_s < 0.0
            return
        if not 0.0 < dt_s <= GAP_S:
            self._restart()
            self._since_s, dt_s = stamp_s, 0.0
        self._heed_silence(stamp_s)
        if self._history.begun:
            self._set_points_until(stamp_s, dt_s)
        self._pose, self._twist = np.array(pose, dtype=float), np.array(twist, dtype=float)
        v, u, w = (float(value) for value in twist)
        held = self._command_at(stamp_s, before=True) or (v, w)
        sample = Sample(v, u, w, held[0], held[1], float(np.clip(pull[0], -5, 5)), float(np.clip(pull[1], -5, 5)))
        features = self._history.observe(sample, dt_s)
        self._stamp_s = stamp_s
        if self.missing:
            return
        hidden = self._recurrence.step(features[None], np.array([dt_s]), self._state)[0]
        weight, bias = self._head
        z = weight @ hidden + bias
        if not np.isfinite(z).all():
            self._restart()
            self._since_s = stamp_s
            return
        self._z = [float(value) for value in z]
        self._doubt(stamp_s)

    def predict(self, stamp_s: float, times_s: Array, commands: tuple[Array, Array] | None = None) -> Ahead:
        """Poses at `stamp_s + times_s` (rising). `commands`: stamps (k,) and (v, w) (k, 2), each held until the next,
        from the first on instead of the command in force; what is no such sequence is left out and counted."""
        times = np.asarray(times_s, dtype=float)
        self._heed_silence(stamp_s)
        reason = self.fallback(stamp_s)
        age = stamp_s - self._stamp_s if math.isfinite(stamp_s) and math.isfinite(self._stamp_s) else 0.0
        at = np.clip(np.nan_to_num(age + times, nan=0.0), 0.0, LONGEST_S)
        steps = max(1, math.ceil(float(at.max(initial=0.0)) / STEP_S - 1e-9))
        if commands is not None and not _usable(*commands):
            self.refused += 1
            commands = None
        rows = self._ahead(self._origin_s(), self._speeds(), steps, STEP_S, commands)
        grid = STEP_S * np.arange(steps + 1)
        if reason:
            poses = follow_commands(self._pose, self._twist[[0, 2]], np.array(rows), self._lag_s, STEP_S)
            along, across = variances((*KINEMATIC_SPREAD, *KINEMATIC_SPREAD), at)
        else:
            said = self._told()
            path = roll_out(self._base, self._start(said), said.ground, rows, STEP_S, math)
            poses = np.array([(s.x, s.y, s.yaw) for s in path])
            along, across = variances(said.spread, at)
            factor = np.interp(at, self._times, self._factors)
            factor = factor * self._trust.inflation
            along, across = along * factor, across * factor
        yaw = np.interp(at, grid, np.unwrap(poses[:, 2]))
        xy = [np.interp(at, grid, poses[:, k]) for k in (0, 1)]
        c, s = np.cos(yaw), np.sin(yaw)
        sxy = (along - across) * c * s
        covariance = np.stack([along * c * c + across * s * s, sxy, sxy, along * s * s + across * c * c], -1)
        return Ahead(np.column_stack([*xy, wrap(yaw)]), covariance.reshape(-1, 2, 2), reason)

    def pose_at(self, stamp_s: float) -> MotionState:
        """The state at a stamp under the commands given so far: for delay compensation, ask for the moment in which a
        command issued now takes effect (`now + input_delay_s`)."""
        reason = self.fallback(stamp_s)
        age = stamp_s - self._stamp_s if math.isfinite(stamp_s) and math.isfinite(self._stamp_s) else 0.0
        age = min(max(age, 0.0), LONGEST_S)
        steps = max(1, math.ceil(age / STEP_S - 1e-9))
        rows = self._ahead(self._origin_s(), self._speeds(), steps, max(age, 1e-6) / steps)
        if reason:
            poses = follow_commands(self._pose, self._twist[[0, 2]], np.array(rows), self._lag_s, age / steps)
            twist = self._twist.copy()
            for row in rows:
                twist[[0, 2]] = np.array(row) + (twist[[0, 2]] - row) * math.exp(-age / steps / self._lag_s)
            return MotionState(poses[-1], twist, reason)
        said = self._told()
        end = roll_out(self._base, self._start(said), said.ground, rows, age / steps, math)[-1]
        return MotionState(np.array([end.x, end.y, wrap(end.yaw)]), np.array([end.v, end.u, end.w]), "")

    def effect_stamp_s(self, now_s: float) -> float:
        """When a command issued now takes effect."""
        return now_s + self._delay_s

    def fallback(self, stamp_s: float) -> str:
        """Why the kinematic model speaks for `stamp_s`; empty for the hybrid."""
        if self.missing:
            return self.missing
        if not math.isfinite(self._stamp_s):
            return "no state has been heard"
        if not math.isfinite(stamp_s) or abs(stamp_s - self._stamp_s) > GAP_S:
            return "the state is too old"
        if not self._z or self._stamp_s - self._since_s < SETTLE_S:
            return "the history is too short"
        return self._trust.reason

    def _restart(self) -> None:
        self._history.clear()
        self._z = []
        if not self.missing:
            self._state[...] = 0.0
            self._trust.clear()

    def _set_points_until(self, stamp_s: float, dt_s: float) -> None:
        """Drive the set points through every command that took effect since the last sample."""
        at = stamp_s - dt_s
        while at < stamp_s:
            following = math.inf
            for effect_s, _, _ in reversed(self._commands):
                if effect_s <= at:
                    break
                following = effect_s
            held = self._command_at(at) or (self._history.ramp_v, self._history.ramp_w)
            until = min(following, stamp_s)
            self._history.advance(held[0], held[1], until - at)
            at = until

    def _command_at(self, stamp_s: float, before: bool = False) -> tuple[float, float] | None:
        """The command in force at (or just before) a stamp; None before the first."""
        for effect_s, v, w in reversed(self._commands):
            if effect_s < stamp_s or (effect_s == stamp_s and not before):
                return v, w
        return None

    def _ahead(
        self, from_s: float, twist: tuple[float, float], steps: int, step_s: float,
        commands: tuple[Array, Array] | None = None,
    ) -> list[tuple[float, float]]:  # fmt: skip
        """The mean command of each step; `twist` before the first that has been heard."""
        rows = self._table[self._end - len(self._commands) : self._end]
        stamps, values = rows[:, 0], rows[:, 1:]
        if commands is not None:
            said = np.asarray(commands[0], dtype=float) + self._delay_s
            kept = int((stamps < said[0]).sum())
            bound = (PLAUSIBLE[0], PLAUSIBLE[2])
            stamps = np.concatenate([stamps[:kept], said])
            values = np.vstack([values[:kept], np.clip(commands[1], np.negative(bound), bound)])
        if not len(stamps):
            return [twist] * steps
        # The integral of what is held from knot to knot, at the edges of the steps.
        edges = from_s + step_s * np.arange(steps + 1.0)
        knots = np.concatenate([
            [min(from_s, stamps[0]) - 1.0], stamps, [max(edges[-1], stamps[-1]) + 1.0]
        ])  # fmt: skip
        held = np.concatenate([[twist], values])
        total = np.vstack([np.zeros(2), np.cumsum(held * np.diff(knots)[:, None], axis=0)])
        mean = [np.diff(np.interp(edges, knots, column)) / step_s for column in total.T]
        return list(zip(mean[0].tolist(), mean[1].tolist(), strict=True))

    def _origin_s(self) -> float:
        return self._stamp_s if math.isfinite(self._stamp_s) else 0.0

    def _speeds(self) -> tuple[float, float]:
        return float(self._twist[0]), float(self._twist[2])

    def _told(self) -> Told:
        h = self._history
        return told(self._z, h.pull_x, h.pull_y, float(self._pose[2]), math)

    def _start(self, said: Told) -> Motion:
        v, u, w = (float(value) for value in self._twist)
        h, (x, y, yaw) = self._history, (float(value) for value in self._pose)
        return Motion(x, y, yaw, v + said.dv, u + said.du, w + said.dw, h.ramp_v, h.ramp_w, h.drive_v, h.drive_w)

    def _doubt(self, stamp_s: float) -> None:
        """Compare what would have been said some time ago, under the commands that came, with where the robot is."""
        trust = self._trust
        if trust.due(stamp_s) and trust.kept is not None:
            since_s, start, said = trust.kept
            lead_s = stamp_s - since_s
            steps = math.ceil(lead_s / STEP_S)
            rows = self._ahead(since_s, (start.v, start.w), steps, lead_s / steps)
            end = roll_out(self._base, start, said.ground, rows, lead_s / steps, math)[-1]
            first, twist = np.array([start.x, start.y, start.yaw]), np.array([start.v, start.w])
            simple = follow_commands(first, twist, np.array(rows), self._lag_s, lead_s / steps)[-1]
            along, across = variances(said.spread, lead_s)
            factor = float(np.interp(lead_s, self._times, self._factors))
            trust.take(self._pose, end, simple, (factor * along, factor * across), lead_s)
            trust.kept = None
        if trust.kept is None and stamp_s - self._since_s >= SETTLE_S:
            said = self._told()
            trust.kept = (stamp_s, self._start(said), said)


def _usable(stamps_s: Array, values: Array) -> bool:
    """Whether a sequence of commands is one: finite, one row a stamp, stamps that rise."""
    fits = len(stamps_s) > 0 and np.shape(values) == (len(stamps_s), 2)
    return fits and bool(np.isfinite(stamps_s).all() and np.isfinite(values).all() and (np.diff(stamps_s) > 0.0).all())


def _plausible(value: float, which: int) -> bool:
    return math.isfinite(value) and abs(value) <= PLAUSIBLE[which]
