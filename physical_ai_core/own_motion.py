"""What a controller asks of a model of its own robot: where it will be when a command issued now takes effect.

A composition root lends the world model's own-motion model to the controller under this form; without one the
controller moves its odometry on by a first-order lag.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from physical_ai_core.geometry import Array


class MotionState(NamedTuple):
    """`pose` `[x, y, yaw]` in the frame of what was observed, `twist` `[forward, left, turn]` in `base_link`.

    `reason`: why the model would rather not be asked (a simpler one spoke); empty where it stands by its word.
    """

    pose: Array
    twist: Array
    reason: str


class OwnMotionModel(Protocol):
    """Learns from every state and command; units m, rad, s; refuses what is late or not finite by itself."""

    @property
    def source(self) -> str:
        """Whose weights it runs, and the beginning of their hash."""
        ...

    def clear(self) -> None:
        """Forget the past: the clock was set back."""
        ...

    def command(self, stamp_s: float, v: float, w: float) -> None:
        """The base was given forward speed `v` and yaw rate `w` at `stamp_s`."""
        ...

    def observe(self, stamp_s: float, pose: Array, twist: Array, pull_mps2: Array | None = None) -> None:
        """The state at a stamp; `pull_mps2` (2,): gravity ahead and left, None where the attitude is unknown."""
        ...

    def pose_at(self, stamp_s: float) -> MotionState:
        """The state at a later stamp, under the commands given so far."""
        ...
