"""The ground is a parameter: slippery, patched, sloping; and by default the frozen one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_sim import physics as p
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.ground import gravity, read_patches
from physical_ai_sim.parameters import SimulatorParameters


def yard(**changes: Any) -> SimulatorCore:
    return SimulatorCore(SimulatorParameters(people="none", noise=0.0, **changes))


def drive(core: SimulatorCore, seconds: float, speed: float, yaw_rate: float = 0.0) -> dict[str, Any]:
    """Command at 20 Hz; the last payload of each topic."""
    last: dict[str, Any] = {}
    for _ in range(round(seconds / 0.05)):
        core.handle("cmd_vel", m.Twist(core.stamp_s, "base_link", speed, yaw_rate), core.stamp_s)
        last |= {output.topic: output.data for output in core.advance(core.stamp_s + 0.05)}
    return last


def speed_after(core: SimulatorCore, seconds: float) -> float:
    return float(drive(core, seconds, 1.5)["ground_truth/odometry"].linear_mps[0])


def test_by_default_the_wheels_touch_with_the_frozen_friction_under_plain_gravity() -> None:
    core = yard()
    friction = core._data.contact.friction[:, 0]
    assert len(friction) >= 2 and np.all(friction == p.WHEEL_FRICTION)
    assert core._model.geom("ground").friction[0] == p.GROUND_FRICTION
    assert list(core._model.opt.gravity) == [0.0, 0.0, -9.81]


def test_on_slippery_ground_it_gathers_speed_no_faster_than_friction_allows_and_its_wheels_lie() -> None:
    core = yard(ground_friction=0.08)
    last = drive(core, 1.0, 1.5)
    true_mps = last["ground_truth/odometry"].linear_mps[0]
    assert 0.5 * 0.08 * 9.81 < true_mps < 1.05 * 0.08 * 9.81
    assert last["wheel/odometry"].linear_mps[0] > 1.3


def test_a_patch_is_slippery_only_where_it_is() -> None:
    start = yard().true_pose
    here = f"{start[0]} {start[1]} 1.0 0.06"
    elsewhere = f"{start[0] + 9.0} {start[1]} 1.0 0.06"
    assert speed_after(yard(ground_patches=here), 0.5) < 0.4
    assert speed_after(yard(ground_patches=elsewhere), 0.5) > 0.9
    assert speed_after(yard(ground_friction=0.06, ground_patches=here.replace("0.06", "0.8")), 0.5) > 0.9


def test_on_ice_a_slope_carries_the_robot_downhill_and_on_dry_ground_it_stands() -> None:
    slope = {"ground_slope_rad": 0.1, "ground_slope_direction_rad": 0.0}
    sliding, standing = yard(ground_friction=0.03, **slope), yard(**slope)
    slid, stood = (drive(core, 1.0, 0.0)["ground_truth/odometry"] for core in (sliding, standing))
    assert slid.linear_mps[0] < -0.4
    assert abs(stood.linear_mps[0]) < 0.05


def test_the_imu_feels_the_slope() -> None:
    imu = drive(yard(ground_slope_rad=0.2), 0.5, 0.0)["imu/data"]  # uphill is ahead
    assert imu.linear_acceleration_mps2[0] == pytest.approx(9.81 * np.sin(0.2), abs=0.1)
    assert np.linalg.norm(gravity(0.3, 1.0)) == pytest.approx(9.81)


@pytest.mark.parametrize("text", ["1 2 3", "a b c d", "0 0 -1 0.5", "0 0 1 0", "0 0 nan 0.5", "0 0 1 0.5; 1"])
def test_patches_without_sense_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="patches"):
        read_patches(text)
