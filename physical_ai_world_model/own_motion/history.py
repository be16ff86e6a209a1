"""What the past says, as features: measured against driven speed, accelerations, slope. O(1) a sample, any `dt`."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_world_model.own_motion.dynamics import Base, drive

FEATURES: Final = 14
ACCELERATION_S: Final = 0.1  # time constant of the smoothed derivative
TILT_S: Final = 0.5
GAP_S: Final = 0.5  # after a silence of this length the history begins anew
CLIP: Final = 5.0


class Sample(NamedTuple):
    """Forward, left speed m/s, yaw rate rad/s; the command in force since the last sample; slope's pull (x, y) m/s²."""

    v: float
    u: float
    w: float
    command_v: float
    command_w: float
    pull_x: float = 0.0
    pull_y: float = 0.0


class History:
    """Follows the set points of the base from its commands and makes the features of each sample."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self.begun = False
        self.ramp_v = self.ramp_w = self.drive_v = self.drive_w = 0.0
        self.pull_x = self.pull_y = 0.0  # smoothed, `base_link`
        self._slow = (0.0, 0.0, 0.0)

    def clear(self) -> None:
        """The next sample is the first."""
        self.begun = False

    def advance(self, command_v: float, command_w: float, dt_s: float) -> None:
        """Ramp and lag under a command held for `dt_s`."""
        keep = math.exp(-dt_s / self._base.lag_s)
        b = self._base
        self.ramp_v, self.drive_v = drive(b, self.ramp_v, self.drive_v, command_v, b.ramp_mps2, dt_s, keep)
        self.ramp_w, self.drive_w = drive(b, self.ramp_w, self.drive_w, command_w, b.ramp_rps2, dt_s, keep)

    def observe(self, s: Sample, dt_s: float) -> NDArray[np.float32]:
        """Features (14,) of a sample `dt_s` after the last one."""
        if not self.begun:
            self.begun = True
            self.ramp_v = self.drive_v = s.v
            self.ramp_w = self.drive_w = s.w
            self.pull_x, self.pull_y = s.pull_x, s.pull_y
            self._slow = (s.v, s.u, s.w)
        slow_v, slow_u, slow_w = self._slow
        gain = -math.expm1(-dt_s / ACCELERATION_S)
        slow_v, slow_u, slow_w = (slow_v + gain * (s.v - slow_v), slow_u + gain * (s.u - slow_u),
                                  slow_w + gain * (s.w - slow_w))  # fmt: skip
        self._slow = (slow_v, slow_u, slow_w)
        tilt = -math.expm1(-dt_s / TILT_S)
        self.pull_x += tilt * (s.pull_x - self.pull_x)
        self.pull_y += tilt * (s.pull_y - self.pull_y)
        along = (s.v - slow_v) / ACCELERATION_S - s.w * s.u - self.pull_x  # what the wheels must have done
        across = (s.u - slow_u) / ACCELERATION_S + s.w * s.v - self.pull_y
        around = (s.w - slow_w) / ACCELERATION_S
        slip_v, slip_w = self.drive_v - s.v, self.drive_w - s.w
        slip = math.sqrt(slip_v * slip_v + s.u * s.u + (slip_w * self._base.half_track_m) ** 2)
        slipping = slip / (slip + 0.05)
        row = (
            s.v / 1.5, s.u / 0.3, s.w / 1.5, slip_v / 0.5, slip_w, s.command_v / 1.5, s.command_w / 1.5,
            self.pull_x, self.pull_y, along / 2.0, across / 2.0, around / 5.0,
            2.0 * slipping - 1.0, slipping * math.sqrt(along * along + across * across),
        )  # fmt: skip
        return np.array([min(max(f, -CLIP), CLIP) for f in row], dtype=np.float32)
