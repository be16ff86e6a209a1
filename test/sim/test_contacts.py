"""What counts as a collision: contact while the robot moved, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, box
from shapely.affinity import rotate, translate

from physical_ai_sim import physics as p
from physical_ai_sim.contacts import ContactJudge, footprint_speed, touches
from physical_ai_sim.people import EMPTY, Crowd

HALF = np.array([0.25, 0.21])
HERE = np.zeros(3)
metres = st.floats(-3.0, 3.0)


def person(number: int, x: float, y: float) -> Crowd:
    return Crowd(np.array([number]), np.array([[x, y]]), np.zeros((1, 2)))


BESIDE = person(3, 0.4, 0.0)


@given(metres, metres, st.floats(-4.0, 4.0), metres, metres)
def test_touching_is_what_geometry_says(x: float, y: float, yaw: float, cx: float, cy: float) -> None:
    footprint = translate(rotate(box(*-HALF, *HALF), yaw, origin=(0, 0), use_radians=True), x, y)
    distance = footprint.distance(Point(cx, cy))
    if abs(distance - 0.25) > 1e-9:
        assert touches(HALF, np.array([x, y, yaw]), np.array([[cx, cy]]), 0.25)[0] == (distance < 0.25)


@given(st.floats(-2, 2), st.floats(-1, 1), st.floats(-3, 3))
def test_the_speed_that_counts_is_that_of_the_fastest_corner(vx: float, vy: float, rate: float) -> None:
    corners = HALF * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    speeds = [float(np.hypot(vx - rate * y, vy + rate * x)) for x, y in corners]
    assert np.isclose(footprint_speed(HALF, vx, vy, rate), max(speeds))


def test_contact_while_moving_is_a_collision() -> None:
    begun = ContactJudge(HALF).judge(1.0, HERE, 0.3, BESIDE, set())
    assert [(c.kind, c.other, c.speed_mps) for c in begun] == [("collision", "person 3", 0.3)]


def test_contact_half_a_second_after_moving_is_still_a_collision() -> None:
    judge = ContactJudge(HALF)
    assert judge.judge(1.0, HERE, 0.3, EMPTY, set()) == []
    assert judge.judge(1.0 + p.COLLISION_MEMORY_S - 0.01, HERE, 0.0, BESIDE, set())[0].kind == "collision"


def test_a_person_who_walks_into_a_standing_robot_is_a_bump_told_once() -> None:
    judge = ContactJudge(HALF)
    judge.judge(1.0, HERE, 0.3, EMPTY, set())
    assert [c.kind for c in judge.judge(1.6, HERE, 0.0, BESIDE, set())] == ["bump"]
    assert judge.judge(1.7, HERE, 0.0, BESIDE, set()) == []


def test_driving_on_from_a_bump_is_a_collision() -> None:
    judge = ContactJudge(HALF)
    assert judge.judge(1.6, HERE, 0.0, BESIDE, set())[0].kind == "bump"
    assert [c.kind for c in judge.judge(1.8, HERE, 0.2, BESIDE, set())] == ["collision"]
    assert judge.judge(1.9, HERE, 0.2, BESIDE, set()) == []


def test_leaning_on_a_structure_is_no_bump_and_driving_into_it_is_a_collision() -> None:
    assert ContactJudge(HALF).judge(1.0, HERE, 0.0, EMPTY, {"wall"})[0].kind == "structure"
    assert ContactJudge(HALF).judge(1.0, HERE, 0.1, EMPTY, {"wall"})[0].kind == "collision"


def test_a_contact_that_chatters_is_one_and_a_later_one_is_another() -> None:
    judge = ContactJudge(HALF)
    assert len(judge.judge(1.0, HERE, 0.1, BESIDE, set())) == 1
    assert judge.judge(1.3, HERE, 0.1, EMPTY, set()) == []
    assert judge.judge(1.6, HERE, 0.1, BESIDE, set()) == []
    assert judge.judge(3.0, HERE, 0.1, EMPTY, set()) == []
    assert len(judge.judge(3.1, HERE, 0.1, BESIDE, set())) == 1
