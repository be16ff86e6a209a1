"""Contradictions between sensors: each is named once it lasts, and ordinary driving shows none."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from gate_world import Drive, World, odometry
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core import messages as m
from physical_ai_core.robot import MotionLimits
from physical_ai_safety.inputs import Inputs
from physical_ai_safety.plausible import FEWEST_IN_SECTOR, MotionCheck, blinded
from physical_ai_safety.schema import Plausible

STEP_S = 0.02


def check() -> MotionCheck:
    return MotionCheck(Plausible(), MotionLimits())


def names(
    wheel: Callable[[float], tuple[float, float]], gyro: Callable[[float], float | None] = lambda t: None,
    perceived: Callable[[float], float | None] = lambda t: None, x: Callable[[float], float] = lambda t: t,
) -> set[str]:  # fmt: skip
    """All faults that are named while the wheels say (v, w) of a time, and so on."""
    motion, found = check(), set()
    for k in range(round(2.0 / STEP_S)):
        t = k * STEP_S
        seen = perceived(t)
        if seen is not None:
            motion.perceived(t, seen)
        motion.wheels(t, *wheel(t), gyro(t), np.array([x(t), 0.0, 0.0]))
        found |= {fault.clause for fault in motion.faults(t)}
    return found


FAULTS = {
    "one wheel blocked: the wheels say a turn, the gyroscope none": (
        dict(wheel=lambda t: (0.5, 1.5), gyro=lambda t: 0.0), {"wheels against gyroscope"}),
    "lifted or pushed aside: a turn that no wheel says": (
        dict(wheel=lambda t: (0.5, 0.0), gyro=lambda t: 1.2), {"wheels against gyroscope"}),
    "spinning on ice": (dict(wheel=lambda t: (1.5, 0.0), perceived=lambda t: 0.1), {"wheels against perception"}),
    "a dead encoder": (dict(wheel=lambda t: (0.0, 0.0), perceived=lambda t: 1.0), {"wheels against perception"}),
    "an encoder that leaps": (dict(wheel=lambda t: (2.0 * (int(t / STEP_S) % 2), 0.0)), {"wheels leap"}),
    "odometry that froze in motion": (
        dict(wheel=lambda t: (0.5, 0.0), x=lambda t: min(t, 0.5)), {"wheels frozen"}),
    "driving and turning": (
        dict(wheel=lambda t: (min(t, 1.0), math.sin(3.0 * t)), gyro=lambda t: math.sin(3.0 * t),
             perceived=lambda t: min(t, 1.0)), set()),
    "four wheels that skid in turning": (dict(wheel=lambda t: (0.3, 1.6), gyro=lambda t: 1.0), set()),
    "perception that is a little late in a hard braking": (
        dict(wheel=lambda t: (max(0.0, 2.0 - 2.5 * t), 0.0), perceived=lambda t: max(0.0, 2.5 - 2.5 * t)), set()),
    "a robot whose odometry gives no position": (dict(wheel=lambda t: (0.5, 0.1), x=lambda t: 0.0), set()),
    "perception that says nothing sensible": (dict(wheel=lambda t: (0.5, 0.0), perceived=lambda t: math.nan), set()),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_each_contradiction_is_named_and_ordinary_driving_shows_none(case: str) -> None:
    inputs, expected = FAULTS[case]
    assert names(**inputs) == expected  # type: ignore[arg-type]


def test_a_contradiction_needs_its_time_and_goes_with_its_cause() -> None:
    assert names(wheel=lambda t: (0.5, 1.5 if 0.5 < t < 0.9 else 0.0), gyro=lambda t: 0.0) == set()
    motion = check()
    for k in range(60):
        motion.wheels(k * STEP_S, 0.5, 1.5, 0.0, np.array([k, 0.0, 0.0]))
    assert motion.faults(1.2)[0].numbers == {"wheels_rps": 1.5, "gyro_rps": 0.0}
    motion.wheels(1.22, 0.5, 0.0, 0.0, np.array([61.0, 0.0, 0.0]))
    assert motion.faults(1.22) == ()


def test_one_leap_is_a_collision_and_no_fault() -> None:
    assert names(wheel=lambda t: (1.5 if t < 1.0 else 0.0, 0.0)) == set()


def test_an_imu_that_says_the_same_to_the_bit_in_motion_is_frozen_one_that_never_changed_is_not() -> None:
    for lives in (True, False):
        motion, found = check(), set()
        for k in range(200):
            t = 0.01 * k
            motion.wheels(t, 0.5, 0.0, None, np.array([t, 0.0, 0.0]))
            shake = math.sin(50.0 * t) if lives and t < 1.0 else 0.25
            motion.imu(t, (0.0, 0.0, 0.0, shake, 0.0, 9.8))
            found |= {fault.clause for fault in motion.faults(t)}
        assert found == ({"imu frozen"} if lives else set())


@settings(deadline=None)
@given(st.integers(32, 2000), st.integers(0, 7))
def test_a_sector_of_the_sweep_that_goes_dark_is_named_and_a_masked_one_is_not(rays: int, sector: int) -> None:
    step = 2.0 * math.pi / rays
    usable = np.ones(rays, dtype=np.bool_)
    assert blinded(usable, -math.pi, step) == ""
    a, b = rays * sector // 8, rays * (sector + 1) // 8
    usable[a:b] = False
    assert blinded(usable, -math.pi, step).startswith("blinded ")
    mask = [(-math.pi + step * (a - 0.5), -math.pi + step * (b - 0.5))]
    assert blinded(usable, -math.pi, step, mask) == ""
    usable[a : a + math.ceil(FEWEST_IN_SECTOR * (b - a))] = True
    assert blinded(usable, -math.pi, step) == ""


def test_half_the_rays_must_see_and_a_sweep_of_few_rays_has_no_sectors() -> None:
    assert blinded(np.zeros(0, dtype=np.bool_), 0.0, 0.1) == "blinded"
    assert blinded(np.arange(100) % 3 == 0, 0.0, 0.01) == "blinded"
    assert blinded(np.arange(16) >= 4, 0.0, 0.1) == ""


def test_a_stream_that_thins_out_is_slow_before_any_gap_is_too_long() -> None:
    inputs = Inputs({"scan": 1.0, "imu/data": 1.0}, 0.2, 0.0, {"scan": 4.0})
    t = 0.0
    for interval in [0.05] * 10 + [0.4] * 3:
        t += interval
        inputs.note("scan", t)
        inputs.note("imu/data", t)
        assert inputs.slow(("scan",)) == () or interval == 0.4
    for _ in range(8):
        t += 0.4
        inputs.note("scan", t)
        inputs.note("imu/data", t)
    assert (
        inputs.slow(("scan", "imu/data"))[0] == ("scan", pytest.approx(2.5, rel=0.2))
        and len(inputs.slow(("imu/data",))) == 0
    )
    inputs.forget()
    assert inputs.slow(("scan",)) == ()


@pytest.fixture
def drive() -> Drive:
    drive = Drive(World())
    drive.run(1.0, 0.5)
    return drive


def said(drive: Drive) -> tuple[str, str, str, str]:
    verdict = drive.gate.verdict
    assert verdict is not None
    last = verdict.interventions[-1] if verdict.interventions else None
    return ("", "", verdict.en, verdict.ja) if last is None else (last.rule, last.clause, verdict.en, verdict.ja)


@pytest.mark.proves("unsound_input")
def test_wheels_that_slip_stop_the_robot_and_it_goes_on_when_they_grip(drive: Drive) -> None:
    assert said(drive)[0] == ""
    true = drive.world.state
    drive.world.state = lambda: odometry(drive.world.t, drive.world.x, drive.world.y, 0.0, 0.0, 0.0)  # type: ignore[method-assign]
    drive.world.wheels = lambda: odometry(drive.world.t, 0.0, 0.0, 0.0, 1.2, 0.0)  # type: ignore[method-assign]
    drive.run(1.5, 0.5)
    rule, clause, en, ja = said(drive)
    assert (rule, clause) == ("unsound_input", "wheels against perception") and clause in en and clause in ja
    assert drive.outs[-1][1:] == (0.0, 0.0)
    drive.world.state = true  # type: ignore[method-assign]
    del drive.world.wheels
    drive.run(3.0, 0.5)
    assert said(drive)[0] in ("", "acceleration") and drive.outs[-1][1] > 0.0


@pytest.mark.parametrize(("by_s", "clause"), [(5.0, "clock forward"), (-5.0, "clock back")])
def test_a_clock_that_jumps_is_named_and_the_robot_goes_on_once_everything_was_heard_anew(
    drive: Drive, by_s: float, clause: str
) -> None:  # fmt: skip
    drive.world.t = round(drive.world.t + by_s, 6)
    heard: list[str] = []
    drive.run(0.2, 0.5, each=lambda world: heard.append(said(drive)[1]))
    assert clause in heard and drive.outs[-1][1] == 0.0
    drive.run(1.5, 0.5)
    assert said(drive)[0] in ("", "acceleration") and drive.outs[-1][1] > 0.0


def test_an_imu_is_heard_in_the_frame_of_its_seat(drive: Drive) -> None:
    t = drive.world.t
    level = m.Imu(t, "imu", np.array([0.0, 0.0, 0.2]), np.array([0.0, 0.0, 9.8]))
    assert drive.gate.handle("imu/data", level, t) == ()
    assert drive.gate.hearing._gyro == (t, pytest.approx(0.2))


EVEN = MotionLimits(max_acceleration_mps2=1.0, max_deceleration_mps2=2.0)
# What the wheels, the gyroscope and perception say, and how far off the last of them may be with the rules as they are.
EDGES: list[tuple[str, float, float]] = [
    ("gyro", 0.0, 0.4 / 0.5), ("gyro", 1.0, 2.8), ("gyro", -1.0, -2.8), ("perceived", 0.0, 0.5 / 0.7),
    ("perceived", 1.0, 1.5 / 0.7), ("perceived", 2.0, 2.0 - 0.5 - 0.6), ("perceived", -1.0, -1.5 / 0.7),
]  # fmt: skip


@pytest.mark.parametrize(("sense", "wheels", "edge"), EDGES)
def test_two_senses_may_differ_by_a_fixed_part_and_a_share_of_the_larger(
    sense: str, wheels: float, edge: float
) -> None:
    name = "wheels against gyroscope" if sense == "gyro" else "wheels against perception"
    nearer = math.copysign(1e-3, wheels - edge)
    for other, named in ((edge + nearer, set()), (edge - nearer, {name})):

        def says(t: float, other: float = other) -> float:
            return other

        if sense == "gyro":
            assert names(lambda t: (0.0, wheels), gyro=says) == named, other
        else:
            assert names(lambda t: (wheels, 0.0), perceived=says) == named, other


@pytest.mark.parametrize(
    ("leap", "gap_s", "named"), [(0.79, 0.1, False), (0.81, 0.1, True), (-0.79, 0.1, False), (-0.81, 0.1, True)]
)
def test_a_leap_is_more_than_the_motors_can_do_and_three_within_a_second_are_a_fault(
    leap: float, gap_s: float, named: bool
) -> None:
    motion, t, v = MotionCheck(Plausible(), EVEN), 5.0, 0.0
    for k in range(6):  # each second message leaps, and comes back slowly
        t += gap_s
        motion.wheels(t, v, 0.0, None, np.array([t, 0.0, 0.0]))
        v = leap if k % 2 == 0 else 0.0
        if k % 2 == 1:
            t += 0.2
    motion.wheels(t + gap_s, v, 0.0, None, np.array([t, 1.0, 0.0]))
    clauses = {fault.clause: fault for fault in motion.faults(t)}
    assert ("wheels leap" in clauses) is named
    assert not named or clauses["wheels leap"].numbers == {"leaps": float(clauses["wheels leap"].numbers["leaps"])}
    assert not motion.faults(t + 5.0), "they are forgotten after a second"


@pytest.mark.parametrize(
    ("v", "w", "named"),
    [
        (0.04, 0.0, False),
        (0.05, 0.0, False),
        (0.06, 0.0, True),
        (0.0, 0.09, False),
        (0.0, 0.1, False),
        (0.0, 0.11, True),
        (-0.06, 0.0, True),
    ],
)
def test_only_a_robot_that_moves_can_have_frozen_wheels_or_a_frozen_imu(v: float, w: float, named: bool) -> None:
    motion = check()
    motion.wheels(0.0, v, w, None, np.array([0.0, 0.0, 0.0]))
    motion.imu(0.0, (0.0,) * 6)
    for k in range(1, 100):
        motion.wheels(0.01 * k, v, w, None, np.array([1.0, 0.0, 0.0]))
        motion.imu(0.01 * k, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    found = {fault.clause: fault.numbers for fault in motion.faults(1.0)}
    assert set(found) == ({"wheels frozen", "imu frozen"} if named else set())
    assert not named or found == {"wheels frozen": {"wheels_mps": v}, "imu frozen": {"gyro_rps": 0.3}}


@pytest.mark.parametrize(("age_s", "counts"), [(0.29, True), (0.31, False), (-0.29, True), (-0.31, False)])
def test_perceptions_speed_counts_while_it_is_fresh(age_s: float, counts: bool) -> None:
    motion = check()
    assert motion.perceived_mps(0.0) == 0.0, "nothing was perceived yet"
    motion.perceived(10.0, 1.2)
    assert motion.perceived_mps(10.0 + age_s) == (1.2 if counts else 0.0)
    motion.wheels(10.0 + age_s, 0.0, 0.0, None, np.zeros(3))
    found = {fault.clause: fault.numbers for fault in motion.faults(20.0)}
    assert found == ({"wheels against perception": {"wheels_mps": 0.0, "perceived_mps": 1.2}} if counts else {})
    motion.forget()
    assert motion.perceived_mps(10.0) == 0.0 and not motion.faults(20.0)


@pytest.mark.parametrize(("apart_s", "named"), [(0.45, True), (0.55, False)])
def test_three_leaps_are_a_fault_while_they_lie_within_one_second(apart_s: float, named: bool) -> None:
    motion, t, v = check(), 0.0, 0.0
    motion.wheels(t, v, 0.0, None, np.zeros(3))
    for _ in range(3):
        t, v = t + apart_s, 9.0 - v
        motion.wheels(t, v, 0.0, None, np.zeros(3))
    assert [fault.clause for fault in motion.faults(t)] == (["wheels leap"] if named else [])
    assert not named or motion.faults(t)[0].numbers == {"leaps": 3.0}
    assert not motion.faults(t + 0.2), "the first of them is more than a second ago"
