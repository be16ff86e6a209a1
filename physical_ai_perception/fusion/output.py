"""What leaves: the state as messages, extrapolated to a stamp, and never in steps.

`odom` is continuous by its definition (REP-105). What a late measurement, a recovery or a return from silence corrects
is therefore said at a bounded speed: the rest of it is an offset between what is said and what the filter holds.
"""

from __future__ import annotations

from math import hypot, inf, sqrt
from struct import Struct
from typing import Any, Final, NamedTuple, cast

import numpy as np

from physical_ai_core import messages as m
from physical_ai_perception.fusion import model, rotations
from physical_ai_perception.fusion.anchor import ScaleDoubt
from physical_ai_perception.fusion.model import Kernel
from physical_ai_perception.fusion.motion import MotionFilter
from physical_ai_perception.fusion.rotations import Quaternion
from physical_ai_perception.fusion.state import State

SURE_AHEAD_S: Final = 0.05  # constant motion is as good as the filter over so short a time
RATE_BANDWIDTH_HZ: Final = 100.0
FORGOTTEN_S: Final = 0.5  # after so long without an output nobody expects the next one to be near the last
SLEW_RPS: Final = 0.5
SLEW_TIME_S: Final = 1.0  # a large offset is taken back within about this time
NOTHING_LEFT: Final = 1e-12
INPUTS: Final = Struct(f"{model.VIEW_INPUTS}d")  # a third of what assigning a tuple to an array takes


class Offset(NamedTuple):
    """Said minus held: metres in `odom`, and heading."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw_rad: float = 0.0


NONE: Final = Offset()


class Smoother:
    """Keeps the offset; `slew_mps` bounds how fast it is taken back."""

    def __init__(self, slew_mps: float) -> None:
        self._slew_mps = slew_mps
        self.forget()

    def forget(self) -> None:
        """The next output may be anywhere."""
        self.offset = NONE
        self._stamp_s = -inf
        self._position = (0.0, 0.0, 0.0)
        self._velocity = (0.0, 0.0, 0.0)
        self._yaw = self._yaw_rate = 0.0

    def __call__(self, stamp_s: float, position: list[float], yaw: float, velocity: list[float], rate: float) -> Offset:
        """The offset to add to a pose held for `stamp_s`; `velocity` (3) in `odom`, `rate` of the heading."""
        dt_s = stamp_s - self._stamp_s
        if not 0.0 < dt_s <= FORGOTTEN_S:
            self.offset = NONE
        else:
            (lx, ly, lz), (wx, wy, wz) = self._position, self._velocity
            (x, y, z), (vx, vy, vz), half = position, velocity, 0.5 * dt_s
            gx, gy, gz = x - lx - (vx + wx) * half, y - ly - (vy + wy) * half, z - lz - (vz + wz) * half
            gap = sqrt(gx * gx + gy * gy + gz * gz)
            turn = rotations.wrap(yaw - self._yaw - 0.5 * (rate + self._yaw_rate) * dt_s)
            if gap <= self._slew_mps * dt_s and abs(turn) <= SLEW_RPS * dt_s:  # as nearly always
                self.offset = NONE
            else:
                left, turn_left = _left(gap, self._slew_mps, dt_s), _left(abs(turn), SLEW_RPS, dt_s)
                still = left < NOTHING_LEFT and turn_left < NOTHING_LEFT
                self.offset = NONE if still else Offset(-gx * left, -gy * left, -gz * left, -turn * turn_left)
        o = self.offset
        self._stamp_s, self._yaw, self._yaw_rate = stamp_s, yaw + o.yaw_rad, rate
        self._position = (position[0] + o.x, position[1] + o.y, position[2] + o.z)
        self._velocity = (velocity[0], velocity[1], velocity[2])
        return o


def _left(gap: float, slew: float, dt_s: float) -> float:
    """The part of a gap that may not yet be closed after `dt_s`."""
    allowed = max(slew, gap / SLEW_TIME_S) * dt_s
    return 0.0 if gap <= allowed else 1.0 - allowed / gap


class View:
    """A filter's state as an Odometry message in `odom`."""

    def __init__(self, motion: MotionFilter, gyro_noise: float) -> None:
        self._motion = motion
        self._gyro_noise = gyro_noise
        inputs = np.zeros(model.VIEW_INPUTS)
        self._inputs = memoryview(cast(Any, inputs))
        self._out = np.zeros(model.VIEW)
        self._rate_noise = gyro_noise**2 * RATE_BANDWIDTH_HZ
        self._kernel = Kernel(model.view(motion.state.layout), [motion.state.full, inputs], [self._out])

    def odometry(self, stamp_s: float, smoother: Smoother, scale: ScaleDoubt) -> m.Odometry:
        """The state at `stamp_s`, never before its own stamp."""
        motion, state = self._motion, self._motion.state
        rate = motion.angular_rate()
        dt_s = max(0.0, stamp_s - state.stamp_s)
        doubt = 0.0 if dt_s <= SURE_AHEAD_S else dt_s  # over a silence the motion itself may change
        in_position, in_attitude = doubt**3 / 3.0, self._gyro_noise**2 * dt_s + 0.01 * doubt
        variance = scale.sigma**2 if scale.scales else 0.0
        INPUTS.pack_into(
            self._inputs, 0, dt_s, *rate, in_position, in_attitude, self._rate_noise, variance, *scale.origin
        )
        self._kernel()
        out = self._out.copy()  # the message's own; its parts are views of it
        position, attitude, pose_cov = out[0:3], out[3:7], out[13:49].reshape(6, 6)
        x, y, z, qx, qy, qz, qw = out[0:7].tolist()
        q: Quaternion = (qx, qy, qz, qw)
        offset = smoother(stamp_s, [x, y, z], rotations.yaw(q), state.velocity.tolist(), rate[2])
        if offset is not NONE:
            position += offset[:3]
            attitude = np.array(rotations.multiply(rotations.of_yaw(offset.yaw_rad), q))
            pose_cov[(0, 1, 2, 5), (0, 1, 2, 5)] += np.square(offset)
        twist_cov = out[49:85].reshape(6, 6)
        return m.Odometry(stamp_s, "odom", "base_link", position, attitude, out[7:10], out[10:13], pose_cov, twist_cov)


def planar_sigma_m(state: State) -> float:
    """Root of the summed variances of x and y."""
    variances = state.variances
    return hypot(sqrt(float(variances[0])), sqrt(float(variances[1])))
