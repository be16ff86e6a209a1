"""Whatever a sensor sends, nothing that is no number leaves, and the culprit is named."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from flat_world import World, fix, imu, room, scan, wheels
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters

DATUM = (35.6586, 139.7454, 40.0)
WORLD = World(np.array([[4.0, 0.5, 0.2]]), room())
SCAN = scan(WORLD, np.zeros(3), 0.0)
HERE = np.array([2.4, 4.0, 0.4])


def messages_at(stamp_s: float) -> dict[str, Any]:
    """One good message of every sensor."""
    return {
        "imu/data": imu(stamp_s),
        "wheel/odometry": wheels(stamp_s),
        "gps/fix": fix(stamp_s, HERE, DATUM),
        "scan": replace(SCAN, stamp_s=stamp_s),
        "initialpose": m.Pose(stamp_s, "map", np.array([2.5, 4.0, 0.0]), quaternion_of_yaw(0.0), np.eye(6) * 0.01),
    }


def run(core: PerceptionCore, seconds: float, start_s: float = 100.0, spoil: Any = None) -> list[Output]:
    """20 Hz of everything; `spoil(topic, data)` may change a message."""
    said: list[Output] = []
    for stamp_s in np.arange(start_s, start_s + seconds, 0.05).tolist():
        for topic, data in messages_at(stamp_s).items():
            if topic == "initialpose":
                continue
            for sent in [data] if spoil is None else spoil(topic, data):
                said.extend(core.handle(topic, sent, sent.stamp_s))
        said.extend(core.tick(stamp_s))
    return said


def numbers(data: Any) -> list[float]:
    """Every float of a payload, stamps among them."""
    if isinstance(data, np.ndarray):
        if data.dtype.names:
            return [float(v) for name in data.dtype.names for v in data[name]]
        return [float(v) for v in data.ravel()]
    if is_dataclass(data):
        return [v for f in fields(data) for v in numbers(getattr(data, f.name))]
    return [float(data)] if isinstance(data, (float, int)) else []


def all_finite(said: list[Output]) -> bool:
    return all(np.isfinite(numbers(output.data)).all() for output in said)


def spoiled(data: Any, value: float) -> Any:
    """The message with every number of its content replaced."""
    changes: dict[str, Any] = {}
    for f in fields(data):
        found = getattr(data, f.name)
        if f.name == "stamp_s":
            continue
        if isinstance(found, np.ndarray):
            changes[f.name] = np.full_like(found, value)
        elif isinstance(found, float):
            changes[f.name] = value
    return replace(data, **changes)


SENSORS = ("imu/data", "wheel/odometry", "gps/fix", "scan")


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30, 1e308])
def test_a_sensor_whose_content_turns_to_nonsense_is_named_and_nothing_bad_leaves(sensor: str, value: float) -> None:
    core = PerceptionCore(PerceptionParameters())
    run(core, 1.0)
    with np.errstate(all="ignore"):
        said = run(core, 1.5, 101.0, lambda topic, d: [spoiled(d, value)] if topic == sensor else [d])
        health = core.health()
    assert all_finite(said)
    assert sensor in health.message
    assert core.guard.source(sensor).refused_total > 0
    assert any(output.topic == "state/odometry" for output in said)
    assert core.handle("scan", replace(SCAN, stamp_s=102.6), 102.6) or sensor == "scan"


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -2.0])
def test_a_sensor_whose_stamps_jump_is_named_and_the_state_stays(sensor: str, jump_s: float) -> None:
    core = PerceptionCore(PerceptionParameters())
    run(core, 1.0)
    said = run(core, 1.5, 101.0, lambda topic, d: [replace(d, stamp_s=d.stamp_s + jump_s * (topic == sensor))])
    assert all_finite(said)
    assert f"{sensor}:" in core.health().message
    assert np.linalg.norm([o.data.position_m for o in said if o.topic == "state/odometry"][-1]) < 0.05


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_doubled_sensor_is_taken_once(sensor: str) -> None:
    core = PerceptionCore(PerceptionParameters())
    run(core, 1.0, spoil=lambda topic, d: [d, d] if topic == sensor else [d])
    source = core.guard.source(sensor)
    assert source.refused == {"stamp repeated": 20}
    assert source.taken + source.refused.get("no motion sensor yet", 0) == 20


@pytest.mark.parametrize("sensor", ["imu/data", "wheel/odometry", "scan"])
def test_a_sensor_that_is_absent_is_named(sensor: str) -> None:
    core = PerceptionCore(PerceptionParameters())
    said = run(core, 2.0, spoil=lambda topic, d: [] if topic == sensor else [d])
    assert f"{sensor} has not been heard" in core.health().message
    assert any(output.topic == "state/odometry" for output in said)


def test_a_frame_without_a_mount_is_named_once_and_its_sensor_left_out() -> None:
    core = PerceptionCore(PerceptionParameters())
    run(core, 1.0, spoil=lambda topic, d: [replace(d, frame_id="mast")] if topic == "scan" else [d])
    message = core.health().message
    assert message.count("has no mount on robot") == 1 and "'mast'" in message
    assert core.guard.source("scan").taken == 0


def test_zero_covariances_mean_not_given() -> None:
    core = PerceptionCore(PerceptionParameters())
    said = run(
        core, 2.0, spoil=lambda topic, d: [replace(d, cov_enu_m2=np.zeros((3, 3)))] if topic == "gps/fix" else [d]
    )
    pose = [o.data for o in said if o.topic == "state/map_to_odom"][-1]
    assert pose.cov[0, 0] > 0.05**2  # not the certainty that zeros would claim


def test_an_imu_on_its_head_by_mistake_does_not_break_the_state() -> None:
    core = PerceptionCore(PerceptionParameters())
    said = run(
        core, 2.0,
        spoil=lambda topic, d: [imu(d.stamp_s, force=np.array([0.0, 0.0, -9.8]))] if topic == "imu/data" else [d],
    )  # fmt: skip
    assert all_finite(said)


def test_the_clock_set_back_an_hour_is_survived_by_everything() -> None:
    core = PerceptionCore(PerceptionParameters())
    run(core, 1.0, 5000.0)
    said = run(core, 2.0, 1400.0)
    assert {output.topic for output in said} == {
        "state/odometry", "state/map_to_odom", "state/objects", "state/occupancy",
    }  # fmt: skip
    assert all_finite(said) and core.health().level == 0


def test_two_runs_say_the_same_to_the_last_bit() -> None:
    first, second = (run(PerceptionCore(PerceptionParameters()), 3.0) for _ in range(2))
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.topic == b.topic and numbers(a.data) == numbers(b.data)


def test_an_unknown_robot_or_site_is_refused_with_its_name() -> None:
    for changes in ({"robot": "no_such_robot"}, {"site": "no_such_site"}):
        with pytest.raises(InputError, match="no_such"):
            PerceptionCore(replace(PerceptionParameters(), **changes))


def test_a_cloud_takes_the_place_of_the_scan_when_there_is_none() -> None:
    core = PerceptionCore(PerceptionParameters())
    rng = np.random.default_rng(0)
    angle = rng.uniform(-np.pi, np.pi, 4000)
    wall = np.column_stack([4 * np.cos(angle), 4 * np.sin(angle), rng.uniform(-0.2, 1.0, 4000)])
    ground = np.column_stack([rng.uniform(-3, 3, (2000, 2)), np.full(2000, -0.3)])
    points = np.concatenate([wall, ground, [[np.nan, 0, 0]]]).astype(np.float32)
    said: list[Output] = []
    for stamp_s in np.arange(100.0, 101.0, 0.1).tolist():
        core.handle("imu/data", imu(stamp_s), stamp_s)
        core.handle("wheel/odometry", wheels(stamp_s), stamp_s)
        said.extend(core.handle("points", m.PointCloud(stamp_s, "lidar", points), stamp_s))
    grid = [o.data for o in said if o.topic == "state/occupancy"][-1]
    y, x = np.nonzero(grid.cells > 80)
    distance = np.hypot(*(np.column_stack([x, y]) * grid.resolution_m + grid.origin[:2] + 0.05 - [0.15, 0.0]).T)
    assert len(x) > 200 and np.abs(distance - 4.0).max() < 0.25  # the wall and not the ground


anything = st.floats(allow_nan=True, allow_infinity=True)
sane = st.floats(-5.0, 5.0)
mixed = st.one_of(sane, sane, anything)


def arrays(count: int, values: Any = mixed) -> Any:
    return st.lists(values, min_size=count, max_size=count).map(np.array)


def matrices(size: int) -> Any:
    return arrays(size * size).map(lambda a: a.reshape(size, size))


def floats(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -1e30, 1e30).astype(np.float32)


QUICK = [Phase.explicit, Phase.reuse, Phase.generate]  # shrinking would take minutes
likely = st.floats(0.01, 0.3) | mixed
FUZZ = st.one_of(
    st.builds(
        lambda s, w, a, q, c: ("imu/data", m.Imu(s, "imu", w, a, q, c, c, c)),
        mixed, arrays(3), arrays(3), st.none() | arrays(4), st.none() | matrices(3),
    ),
    st.builds(
        lambda s, v, w, c: ("wheel/odometry", m.Odometry(s, "odom", "base_link", v, np.zeros(4), v, w, c, c)),
        mixed, arrays(3), arrays(3), matrices(6),
    ),
    st.builds(
        lambda s, p, c, status: ("gps/fix", m.GnssFix(s, "gps", *p, c, status)),
        mixed, st.tuples(mixed, mixed, mixed), matrices(3), st.integers(-1, 2),
    ),
    st.builds(
        lambda s, r, a, b, c, d: ("scan", m.LaserScan(s, "lidar", a, b, c, d, floats(r), 0.0)),
        mixed, arrays(20), mixed, likely, likely, st.floats(1.0, 30.0) | mixed,
    ),
    st.builds(lambda s, p: ("points", m.PointCloud(s, "lidar", floats(p).reshape(-1, 3))), mixed, arrays(30)),
    st.builds(lambda p, q, c: ("initialpose", m.Pose(0.0, "map", p, q, c)), arrays(3), arrays(4), matrices(6)),
)  # fmt: skip


@given(st.lists(FUZZ, max_size=12))
@settings(
    max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking takes minutes
def test_any_content_in_any_order_leaves_a_sound_state(messages: list[tuple[str, Any]]) -> None:
    core = PerceptionCore(PerceptionParameters())
    run(core, 0.3)
    said: list[Output] = []
    with np.errstate(all="ignore"):
        for step, (topic, data) in enumerate(messages):
            stamp_s = 100.3 + 0.01 * step
            said.extend(core.handle(topic, replace(data, stamp_s=stamp_s), stamp_s))
            said.extend(core.tick(stamp_s))
            core.health()
    said.extend(run(core, 0.3, 101.0))
    assert all_finite(said)
    for motion in (core.localisation.local, core.localisation.global_):
        if motion is not None:
            assert np.linalg.eigvalsh(motion.state.covariance).min() > -1e-6 * motion.state.covariance.max()
