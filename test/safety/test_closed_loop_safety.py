"""The gate in the loop with a base, a LiDAR and people: it stops before what it sees, and lets pass what may pass."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from gate_world import Drive, Person, World


@pytest.mark.proves("obstacle")
@pytest.mark.parametrize(("v", "w"), [(3.0, 0.0), (1.5, 0.3), (0.6, -0.1), (0.1, 0.0)])
def test_driving_at_a_wall_at_full_command_ends_in_a_stop_before_contact(v: float, w: float) -> None:
    drive = Drive(World(walls=[(23.0, 0.0, 23.0, 20.0)]))
    gaps: list[float] = []
    drive.run(
        5.0 if v > 0.2 else 1.0, v, w, each=lambda world: gaps.append(world.gap()) if drive.step % 10 == 0 else None
    )
    assert min(gaps) > 0.02
    if w == 0.0 and v > 0.2:
        assert abs(drive.world.v) < 0.02 and 0.05 < drive.world.gap() < 0.3 and drive.states[-1] == "protective_stop"


def test_it_slows_down_smoothly_before_it_stops() -> None:
    drive = Drive(World(walls=[(24.0, 0.0, 24.0, 20.0)]))
    drive.run(5.0, 1.5)
    moving = [v for _, v, _ in drive.outs if v > 0.05]
    assert max(a - b for a, b in itertools.pairwise(moving)) < 0.3


@pytest.mark.parametrize("side", [0.4, -0.4])
def test_a_wall_at_forty_centimetres_does_not_hinder(side: float) -> None:
    drive = Drive(World(walls=[(0.0, 8.0 + side, 40.0, 8.0 + side)]))
    drive.run(3.0, 1.2)
    assert drive.world.x > 22.5 and "protective_stop" not in drive.states


def test_a_dock_can_be_approached_to_its_place() -> None:
    drive = Drive(World(x=34.6, y=5.0, walls=[(37.4, 3.7, 37.4, 6.3)]))
    drive.run(5.0, 0.5)
    assert drive.world.x > 36.5


def test_after_a_stop_it_turns_away_and_goes_on() -> None:
    drive = Drive(World(walls=[(22.0, 0.0, 22.0, 20.0)]))
    drive.run(4.0, 1.0)
    drive.run(2.5, 0.0, 1.0)
    drive.run(2.5, 0.6)
    assert abs(drive.world.yaw) > 1.4 and drive.world.y > 8.5 and drive.world.gap() > 0.0


def test_what_has_passed_behind_is_remembered_when_reversing() -> None:
    """A post seen from the front, passed, and now in the blind sector."""
    drive = Drive(World(people=[Person(20.6, 8.33, 0.0, 0.0, 0.05)]))
    drive.run(2.2, 0.6)
    drive.world.people[0].y = 8.33
    drive.run(6.0, -0.2, 0.12)
    assert drive.world.gap() > 0.0


SCENES = [
    Person(28.0, 8.0, -1.6, 0.0),  # head on
    Person(24.0, 4.0, 0.0, 1.2),  # across
    Person(26.0, 14.0, -0.5, -1.2),
    Person(20.0, 12.0, 0.0, -1.5),  # from the side
    Person(23.0, 8.0, 0.7, 0.0),  # ahead, the same way
]


@pytest.mark.proves("person")
@pytest.mark.parametrize("person", SCENES, ids=["head-on", "across", "slanting", "side", "ahead"])
def test_the_robot_has_stood_for_half_a_second_before_someone_touches_it(person: Person) -> None:
    world = World(people=[Person(person.x, person.y, person.vx, person.vy)])
    drive = Drive(world)
    log: list[tuple[float, float]] = []
    drive.run(6.0, 1.2, each=lambda w: log.append((abs(w.v), w.gap())))
    for i, (_, gap) in enumerate(log):
        if gap <= 0.0:
            assert max(speed for speed, _ in log[max(0, i - 100) : i + 1]) <= 0.05
    assert world.x > 20.5


def test_someone_walking_past_two_metres_away_does_not_stop_the_robot() -> None:
    drive = Drive(World(people=[Person(28.0, 10.3, -1.3, 0.0)]))
    drive.run(4.0, 1.0)
    assert "protective_stop" not in drive.states and drive.world.x > 23.0


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_posts_that_come_into_view_behind_others_are_not_taken_for_walkers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    posts: list[Person] = []
    while len(posts) < 60:
        x, y = rng.uniform(21.0, 34.0), rng.uniform(3.5, 12.5)
        if abs(y - 8.0 - 0.5 * math.sin(0.8 * (x - 20.0))) > 0.7:
            posts.append(Person(x, y, 0.0, 0.0, 0.075))
    drive = Drive(World(people=posts, seed=seed))
    walking = 0
    for _ in range(20):
        world = drive.world
        aside = 8.0 + 0.5 * math.sin(0.8 * (world.x - 20.0)) - world.y
        turn = 2.0 * (math.atan(0.4 * math.cos(0.8 * (world.x - 20.0))) - world.yaw) + aside
        drive.run(0.4, 1.2, float(np.clip(turn, -1.2, 1.2)))
        walking += len(drive.gate.hearing.ranges.fields[0].tracker.walking(world.t, 0.3, 3.0))
    assert drive.world.x > 28.0 and walking == 0


@pytest.mark.parametrize(("vx", "vy"), [(-0.8, 0.0), (0.0, 0.8), (0.6, 0.2), (-0.5, 0.5)])
def test_who_walks_is_known_as_a_walker_within_a_third_of_a_second(vx: float, vy: float) -> None:
    drive = Drive(World(walls=[(27.5, 0.0, 27.5, 20.0)], people=[Person(23.5, 7.5, vx, vy)]))
    drive.run(0.35, 1.0)
    assert len(drive.gate.hearing.ranges.fields[0].tracker.walking(drive.world.t, 0.3, 3.0)) == 1


@pytest.mark.timeout(1200)
@pytest.mark.slow
def test_random_scenes_have_no_contact_while_moving_but_from_the_blind_sector() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        people = []
        for _ in range(rng.integers(1, 6)):
            a, speed, far = rng.uniform(-2.2, 2.2), rng.uniform(0.3, 1.6), rng.uniform(2.5, 9.0)
            x, y = 20.0 + far * math.cos(a), 8.0 + far * math.sin(a)
            aim = math.atan2(8.0 + rng.uniform(-3, 3) - y, 20.0 + rng.uniform(-1, 5) - x)
            people.append(Person(x, y, speed * math.cos(aim), speed * math.sin(aim), rng.uniform(0.15, 0.3)))
        world = World(people=people, seed=seed)
        drive = Drive(world)
        log: list[tuple[float, float, float]] = []

        def note(w: World, log: list[tuple[float, float, float]] = log) -> None:
            p = min(w.people, key=lambda p: math.hypot(p.x - w.x, p.y - w.y))
            bearing = math.atan2(p.y - w.y, p.x - w.x) - w.yaw
            log.append((abs(w.v), w.gap(), abs((bearing + math.pi) % (2 * math.pi) - math.pi)))

        for _ in range(2):
            drive.run(2.0, rng.uniform(0.0, 1.5), rng.uniform(-0.8, 0.8), each=note)
        for i, (_, gap, bearing) in enumerate(log):
            if gap <= 0.0:
                moved = max(speed for speed, _, _ in log[max(0, i - 100) : i + 1]) > 0.05
                assert not moved or bearing > 2.0, f"seed {seed}"
                break
