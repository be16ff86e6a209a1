"""What the state-space model's outputs mean: ground, corrections of the measured twist, spread. All of it bounded.

One code for floats (`math`), arrays (`numpy`) and tensors (`torch`), as in `dynamics`. The bounds are what makes the
hybrid safe: whatever the network says, the ground is one that exists and the twist is nearly the measured one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from physical_ai_world_model.own_motion.dynamics import Ground

OUTPUTS: Final = 15
TWIST_BOUND: Final = 0.1  # m/s, m/s, rad/s
GAIN_BOUND: Final = 0.15
PULL_BOUND_MPS2: Final = 0.5
SPREAD_RANGE: Final = 2.5  # natural logarithm, either way
SPREADS: Final = (0.006, 0.012, 0.008)  # m, m/s, m/s²: constant, with t, with t²


class Told(NamedTuple):
    """`spread` along (3) and across (3) the heading: standard deviations that grow with 1, t, t²."""

    ground: Ground
    dv: Any
    du: Any
    dw: Any
    spread: tuple[Any, ...]


def told(z: Sequence[Any], pull_x: Any, pull_y: Any, yaw: Any, xp: Any) -> Told:
    """Outputs `z` (15), the slope's pull in `base_link` as measured, the yaw of `base_link` in the world."""
    ahead = pull_x * (1.0 + 0.5 * xp.tanh(z[1])) + PULL_BOUND_MPS2 * xp.tanh(z[2])
    left = pull_y * (1.0 + 0.5 * xp.tanh(z[1])) + PULL_BOUND_MPS2 * xp.tanh(z[3])
    c, s = xp.cos(yaw), xp.sin(yaw)
    ground = Ground(
        traction=xp.exp(0.5 + 2.0 * xp.tanh(z[0])),  # 0.22 to 12 m/s²
        gain_v=1.0 + GAIN_BOUND * xp.tanh(z[4]),
        gain_w=1.0 + GAIN_BOUND * xp.tanh(z[5]),
        pull_x=ahead * c - left * s,
        pull_y=ahead * s + left * c,
    )
    dv, du, dw = (TWIST_BOUND * xp.tanh(z[k]) for k in (6, 7, 8))
    spread = tuple(SPREADS[k % 3] * xp.exp(SPREAD_RANGE * xp.tanh(z[9 + k])) for k in range(6))
    return Told(ground, dv, du, dw, spread)


def variances(spread: Sequence[Any], t: Any) -> tuple[Any, Any]:
    """Along and across the heading, m², at `t` seconds."""
    along = spread[0] ** 2 + (spread[1] * t) ** 2 + (spread[2] * t * t) ** 2
    across = spread[3] ** 2 + (spread[4] * t) ** 2 + (spread[5] * t * t) ** 2
    return along, across
