"""The simulated robot obeys its frozen physics, its sensors say what is there, and a run is its seed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import numpy as np
import pymap3d
import pytest

from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.errors import InputError, SiteError
from physical_ai_core.site import load_site
from physical_ai_sim import physics as p
from physical_ai_sim.contacts import ContactJudge, touches
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.lockstep import Lockstep
from physical_ai_sim.parameters import SimulatorParameters
from physical_ai_sim.people import PLACEMENT, Person, load_people


def run(core: SimulatorCore, seconds: float, speed: float | None = None, yaw_rate: float = 0.0) -> list[Output]:
    """Advance, commanding at 50 Hz unless `speed` is None."""
    outputs: list[Output] = []
    end = core.stamp_s + seconds
    while core.stamp_s < end - 1e-6:
        if speed is not None:
            core.handle("cmd_vel", m.Twist(core.stamp_s, "base_link", speed, yaw_rate), core.stamp_s)
        outputs += core.advance(core.stamp_s + 0.02)
    return outputs


def of(outputs: list[Output], topic: str) -> list[Any]:
    return [output.data for output in outputs if output.topic == topic]


def empty_yard(**changes: Any) -> SimulatorCore:
    return SimulatorCore(SimulatorParameters(people="none", **changes))


def test_two_runs_of_a_seed_are_the_same_bytes_and_another_seed_is_not() -> None:
    def digest(seed: int) -> str:
        found = hashlib.sha256()
        for output in run(SimulatorCore(SimulatorParameters(seed=seed)), 2.0, 0.5, 0.2):
            found.update(repr(output.data).encode())
            if output.topic == "scan":
                found.update(output.data.ranges_m.tobytes())
        return found.hexdigest()

    assert digest(3) == digest(3) != digest(4)


def test_the_robot_drives_as_far_and_turns_as_much_as_commanded() -> None:
    core = empty_yard()
    start = core.true_pose
    run(core, 3.0, 1.0)
    run(core, 1.0, 0.0)
    moved = core.true_pose - start
    assert moved[0] == pytest.approx(3.0, abs=0.15)
    assert abs(moved[1]) < 0.05
    run(core, 1.0, 0.0, 1.0)
    run(core, 0.5, 0.0)
    assert core.true_pose[2] - start[2] == pytest.approx(1.0, abs=0.12)


def test_the_base_stops_by_itself_when_the_commands_fall_silent() -> None:
    core = empty_yard()
    run(core, 1.0, 1.0)
    truth = of(run(core, 1.2), "ground_truth/odometry")
    silent_for = [t.stamp_s for t in truth if t.linear_mps[0] < 0.02]
    assert truth[0].linear_mps[0] > 0.9
    assert silent_for[0] - truth[0].stamp_s < p.BASE_WATCHDOG_S + 1.0 / p.BASE_ACCELERATION_MPS2 + 0.35


def test_a_command_that_is_not_a_number_is_a_stop() -> None:
    core = empty_yard()
    run(core, 1.0, float("nan"))
    assert np.hypot(*(core.true_pose - load_site("yard").places["charger"].pose.as_array())[:2]) < 0.02


def test_every_sensor_speaks_at_its_rate() -> None:
    counts = Counter(output.topic for output in run(empty_yard(), 2.0))
    expected = {"imu/data": 200, "wheel/odometry": 50, "scan": 20, "gps/fix": 5, "ground_truth/odometry": 50}
    assert {name: counts[name] for name in expected} == {name: 2 * rate for name, rate in expected.items()}


def test_the_lidar_sees_the_wall_where_it_stands() -> None:
    core = empty_yard()
    scan = of(run(core, 1.0), "scan")[-1]
    pose, angles = core.true_pose, scan.angles()
    right = int(np.argmin(np.abs(angles + np.pi / 2)))  # the charger looks east; the south wall is at its right
    window = scan.ranges_m[right - 5 : right + 6]
    assert float(np.median(window[np.isfinite(window)])) == pytest.approx(pose[1] - 0.1, abs=0.03)
    assert scan.ranges_m.dtype == np.float32


def test_the_imu_at_rest_feels_gravity_and_says_no_orientation() -> None:
    samples = of(run(empty_yard(), 1.0), "imu/data")
    force = np.mean([s.linear_acceleration_mps2 for s in samples], axis=0)
    assert np.allclose(force, [0.0, 0.0, 9.81], atol=0.15)
    assert samples[0].orientation_xyzw is None


def test_gnss_comes_back_to_the_true_place() -> None:
    core, site = empty_yard(), load_site("yard")
    assert site.datum is not None
    fixes = of(run(core, 2.0), "gps/fix")
    enu = [
        pymap3d.geodetic2enu(
            f.latitude_deg, f.longitude_deg, f.altitude_m,
            site.datum.latitude_deg, site.datum.longitude_deg, site.datum.altitude_m,
        )
        for f in fixes
    ]  # fmt: skip
    antenna = core.true_pose[:2] + np.array([-0.10, 0.0])
    assert np.allclose(np.mean(enu, axis=0)[:2], antenna, atol=0.06)


def test_wheel_odometry_is_close_but_not_perfect() -> None:
    core = empty_yard(seed=5)
    last = of(run(core, 4.0, 1.0), "wheel/odometry")[-1]
    assert last.linear_mps[0] == pytest.approx(1.0, abs=0.06)
    travelled = core.true_pose[0] - load_site("yard").places["charger"].pose.x_m
    assert 0.0 < abs(last.position_m[0] - travelled) < 0.15


@pytest.mark.parametrize("scene", sorted(PLACEMENT))
def test_people_walk_at_human_speed_clear_of_what_stands_there(scene: str) -> None:
    from shapely import Point, Polygon

    people, site = load_people(scene, 0), load_site("yard")
    solids = [Polygon(s.outline()) for s in site.structures.values()]
    far = np.array([-100.0, -100.0])
    speeds, crowd = [], []
    for time_s in np.arange(0.0, 120.0, 0.5):
        present = people.at(float(time_s), far)
        crowd.append(len(present))
        for person in present:
            speeds.append(float(np.hypot(*person.velocity_mps)))
            assert all(solid.distance(Point(person.position_m)) > p.PERSON_RADIUS_M for solid in solids)
    assert max(crowd) <= people.capacity
    assert np.mean(crowd) > 1.0
    assert 0.3 < float(np.median(speeds)) < 2.0
    assert max(speeds) < 4.0


def test_nobody_appears_beside_the_robot() -> None:
    people = load_people("zara01", 1)
    robot = np.array([14.0, 7.0])
    before: set[int] = set()
    for time_s in np.arange(0.0, 60.0, 0.02):
        present = people.at(float(time_s), robot)
        for person in present:
            if person.id not in before:
                assert np.hypot(*(person.position_m - robot)) >= p.SPAWN_DISTANCE_M
        before = {person.id for person in present}


HALF = np.array([0.25, 0.21])


def test_touching_knows_the_corner_of_the_footprint() -> None:
    pose = np.array([1.0, 1.0, np.pi / 2])
    assert touches(HALF, pose, np.array([1.0, 1.49]), 0.25)
    assert not touches(HALF, pose, np.array([1.0, 1.51]), 0.25)
    assert not touches(HALF, pose, np.array([1.0 + 0.21 + 0.2, 1.0 + 0.25 + 0.2]), 0.25)


def test_contact_while_moving_is_a_collision_and_while_standing_a_bump() -> None:
    person = [Person(3, np.array([0.4, 0.0]), np.zeros(2))]
    moving = ContactJudge(HALF).judge(1.0, np.zeros(3), 0.3, person, set())
    assert [(c.kind, c.other) for c in moving] == [("collision", "person 3")]
    judge = ContactJudge(HALF)
    assert judge.judge(1.0, np.zeros(3), 0.3, [], set()) == []
    assert judge.judge(1.4, np.zeros(3), 0.0, person, set())[0].kind == "collision"  # moved 0.4 s ago
    judge = ContactJudge(HALF)
    judge.judge(1.0, np.zeros(3), 0.3, [], set())
    assert [c.kind for c in judge.judge(1.6, np.zeros(3), 0.0, person, set())] == ["bump"]
    assert judge.judge(1.7, np.zeros(3), 0.0, person, set()) == []  # one contact is told once
    assert [c.kind for c in judge.judge(1.8, np.zeros(3), 0.2, person, set())] == ["collision"]  # drives on from it


def test_driving_into_a_wall_is_a_collision_with_its_name() -> None:
    events = of(run(empty_yard(), 3.0, -0.5), "ground_truth/events")
    assert [(e["kind"], e["other"]) for e in (json.loads(event.data) for event in events)] == [
        ("collision", "charger_post")
    ]


def test_a_barn_world_is_seen_by_the_lidar() -> None:
    scan = of(run(empty_yard(site="barn", barn_world="world_003.csv"), 0.2), "scan")[-1]
    assert np.isfinite(scan.ranges_m).mean() > 0.6
    assert float(np.min(scan.ranges_m)) < 2.5


def test_the_lockstep_waits_for_the_living_and_forgets_the_dead() -> None:
    lock = Lockstep(0.05, {"cmd_vel": 0.01})
    assert not lock.behind(10.0, 0.0)  # nobody listened to yet
    lock.hear("cmd_vel", 10.0, 0.0)
    assert not lock.behind(10.05, 0.1)
    assert lock.behind(10.07, 0.1)
    assert not lock.behind(10.07, 0.7)
    lock.hear("cmd_vel", 10.07, 0.8)
    assert not lock.behind(10.1, 0.8)


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"people": "dinosaurs"}, InputError), ({"site": "atlantis"}, SiteError), ({"barn_world": "no.csv"}, InputError)],
)
def test_a_world_that_cannot_be_built_is_refused(changes: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        SimulatorCore(SimulatorParameters(**{"people": "none", **changes}))
