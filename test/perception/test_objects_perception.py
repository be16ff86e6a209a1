"""Scans of a simulated world: people become moving tracks, poles static ones, walls none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from flat_world import World, imu, room, scan, wheels

from physical_ai_core import layouts
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import OBJECT_CLASSES, Rows
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.objects.kinds import Kinds
from physical_ai_perception.parameters import PerceptionParameters

PERSON, STATIC = Kinds.PERSON, Kinds.STATIC
PERSON_RADIUS = 0.25


def watch(
    world_at: Callable[[float], World], seconds: float, pose_at: Callable[[float], Array] | None = None, seed: int = 0,
) -> list[tuple[float, Rows]]:  # fmt: skip
    """Objects at 20 Hz, seen by a robot that stands, or drives along `pose_at` with perfect wheels."""
    core = PerceptionCore(PerceptionParameters())
    rng = np.random.default_rng(seed)
    seen = []
    place = (lambda _: np.zeros(3)) if pose_at is None else pose_at
    for step in range(round(seconds * 100)):
        t = 0.01 * step
        pose, later = place(t), place(t + 0.005)
        before = place(t - 0.005)
        speed, turn = float(np.hypot(*(later - before)[:2])) / 0.01, float((later - before)[2]) / 0.01
        stamp_s = 100.0 + t
        core.handle("imu/data", imu(stamp_s, np.array([0.0, 0.0, turn])), stamp_s)
        core.handle("wheel/odometry", wheels(stamp_s, speed, turn), stamp_s)
        if step % 5 == 0:
            for output in core.handle("scan", scan(world_at(t), pose, stamp_s, rng), stamp_s):
                if output.topic == "state/objects":
                    assert output.data.frame_id == "odom" and output.data.stamp_s == stamp_s
                    seen.append((t, output.data.rows))
    return seen


def nearest(rows: Rows, x: float, y: float) -> Rows:
    return rows[np.argmin(np.hypot(rows["x"] - x, rows["y"] - y))]


def moving(rows: Rows) -> Rows:
    return rows[rows["class_id"] >= PERSON]


def test_a_walking_person_becomes_a_track_with_position_velocity_and_honest_covariance() -> None:
    def world(t: float) -> World:
        return World(np.array([[5.0, -4.0 + 1.3 * t, PERSON_RADIUS]]), room())

    seen = watch(world, 5.0)
    error, speed_error, excess = [], [], []
    for t, rows in seen[30:]:
        track = nearest(rows, 5.0, -4.0 + 1.3 * t)
        assert OBJECT_CLASSES[track["class_id"]] == "person"
        away = np.array([track["x"] - 5.0, track["y"] + 4.0 - 1.3 * t, track["vx"], track["vy"] - 1.3], dtype=float)
        error.append(np.hypot(*away[:2]))
        speed_error.append(np.hypot(*away[2:]))
        covariance = layouts.covariances(rows[rows["id"] == track["id"]])[0]
        excess.append(away @ np.linalg.solve(covariance, away))
    assert np.mean(error) < 0.1
    assert np.median(speed_error) < 0.2
    assert np.mean(excess) < 8.0  # four degrees of freedom
    assert len({int(nearest(rows, 5.0, -4.0 + 1.3 * t)["id"]) for t, rows in seen[10:]}) == 1
    assert all(0.1 < nearest(rows, 5.0, -4.0 + 1.3 * t)["radius"] < 0.45 for t, rows in seen[30:])


def test_a_pole_is_a_static_object_and_walls_are_none() -> None:
    world = World(np.array([[4.0, 1.0, 0.15]]), room())
    _, rows = watch(lambda t: world, 2.0)[-1]
    assert len(rows) == 1
    assert rows["class_id"][0] == STATIC and rows["vx"][0] == rows["vy"][0] == 0.0
    np.testing.assert_allclose([rows["x"][0], rows["y"][0]], [4.0, 1.0], atol=0.08)


def test_driving_and_turning_past_walls_and_poles_makes_nothing_move() -> None:
    poles = np.array([[3.0, 2.0, 0.15], [5.0, -2.0, 0.15], [7.0, 3.0, 0.15], [-4.0, 3.0, 0.3], [2.0, -4.5, 0.1]])
    gaps = np.array([[2.0, 5.0, 4.0, 5.0], [5.0, 5.0, 7.0, 5.2], [6.0, -5.0, 6.0, -3.5], [-2.0, -6.0, 3.0, -6.5]])
    world = World(poles, np.concatenate([room(), gaps]))

    def pose(t: float) -> Array:
        return np.array([3.0 * np.sin(0.3 * t), 1.5 - 1.5 * np.cos(0.6 * t), 0.8 * np.sin(0.7 * t)])

    def track(t: float) -> Array:  # heading along the path, so that the wheels can drive it
        now, then = pose(t), pose(t + 1e-3)
        return np.array([now[0], now[1], np.arctan2(then[1] - now[1], then[0] - now[0])])

    def unwrapped(t: float) -> Array:
        here = track(t)
        return np.array([*here[:2], here[2]])

    start = unwrapped(0.0)
    assert np.allclose(start[:2], 0.0) and abs(start[2]) < 0.01
    fast = [
        (t, row)
        for t, rows in watch(lambda t: world, 5.0, unwrapped)
        for row in moving(rows)
        if np.hypot(row["vx"], row["vy"]) > 0.3
    ]
    assert not fast


def test_an_id_survives_a_second_behind_a_pillar() -> None:
    def world(t: float) -> World:
        people = [[6.0, -3.0 + 1.2 * t, PERSON_RADIUS]]
        return World(np.array([*people, [3.0, 0.0, 0.45]]), room())

    seen = watch(world, 5.0)
    before = {int(nearest(rows, 6.0, -3.0 + 1.2 * t)["id"]) for t, rows in seen if 0.5 < t < 1.0}
    after = {int(nearest(rows, 6.0, -3.0 + 1.2 * t)["id"]) for t, rows in seen if t > 4.3}
    hidden = [t for t, _ in seen if abs(-3.0 + 1.2 * t) < 0.6]
    assert hidden[-1] - hidden[0] > 0.8
    assert len(before) == 1 and before == after


def test_a_person_who_leaves_is_forgotten() -> None:
    def world(t: float) -> World:
        circles = np.array([[5.0, -2.0 + 1.2 * t, PERSON_RADIUS]]) if t < 2.0 else np.zeros((0, 3))
        return World(circles, room())

    seen = dict(watch(world, 3.0))
    assert len(moving(seen[max(t for t in seen if t < 2.0)])) == 1
    assert not len(seen[max(seen)])


def test_two_people_who_pass_each_other_keep_their_ids() -> None:
    def positions(t: float) -> Array:
        return np.array([[4.0, 1.2 * (t - 2.5)], [4.9, -1.2 * (t - 2.5)]])  # one passes behind the other

    def world(t: float) -> World:
        return World(np.column_stack([positions(t), np.full(2, PERSON_RADIUS)]), room())

    seen = watch(world, 5.0)
    ids = {}
    for t, rows in seen:
        if 0.8 < t < 1.2 or t > 4.5:
            for person, (x, y) in enumerate(positions(t)):
                ids.setdefault((person, t > 2.5), set()).add(int(nearest(moving(rows), x, y)["id"]))
    assert ids[0, False] == ids[0, True] and ids[1, False] == ids[1, True]
    assert ids[0, True].isdisjoint(ids[1, True])


def test_no_more_tracks_than_allowed_are_kept() -> None:
    core = PerceptionCore(replace(PerceptionParameters(), max_objects=5))
    rng = np.random.default_rng(0)
    angle = np.linspace(-2.0, 2.0, 16)
    world = World(np.column_stack([5 * np.cos(angle), 5 * np.sin(angle), np.full(16, 0.15)]))
    core.handle("imu/data", imu(100.0), 100.0)
    core.handle("wheel/odometry", wheels(100.0), 100.0)
    for step in range(10):
        core.handle("scan", scan(world, np.zeros(3), 100.0 + 0.05 * step, rng), 100.0 + 0.05 * step)
    assert len(core.surroundings.tracker.rows()) == 5


def test_a_walker_who_brushes_a_wall_is_still_seen_as_one() -> None:
    def position(t: float) -> tuple[float, float]:  # towards the wall at x = 9, and then along it, 0.2 m clear of it
        return min(8.55, 6.5 + 0.9 * t), -3.0 + 1.0 * t

    seen = watch(lambda t: World(np.array([[*position(t), PERSON_RADIUS]]), room()), 5.0)
    ids = set()
    for t, rows in seen[20:]:
        x, y = position(t)
        track = nearest(moving(rows), x, y)
        assert np.hypot(track["x"] - x, track["y"] - y) < 0.35
        ids.add(int(track["id"]))
    assert len(ids) == 1


def test_people_who_walk_side_by_side_are_two_from_the_start() -> None:
    def world(t: float) -> World:
        return World(np.array([[5.0 - 0.8 * t, 0.3, PERSON_RADIUS], [5.0 - 0.8 * t, -0.3, PERSON_RADIUS]]), room())

    seen = watch(world, 4.0)
    ids: dict[int, set[int]] = {0: set(), 1: set()}
    for t, rows in seen[8:]:
        assert len(rows) == 2
        for person, y in enumerate((0.3, -0.3)):
            track = nearest(rows, 5.0 - 0.8 * t, y)
            assert np.hypot(track["x"] - 5.0 + 0.8 * t, track["y"] - y) < 0.15
            ids[person].add(int(track["id"]))
    assert len(ids[0]) == len(ids[1]) == 1 and ids[0] != ids[1]


def test_how_sure_a_class_is_follows_what_was_seen() -> None:
    core = PerceptionCore(PerceptionParameters())
    rng = np.random.default_rng(0)
    for step in range(60):
        stamp_s = 100.0 + 0.05 * step
        core.handle("imu/data", imu(stamp_s), stamp_s)
        core.handle("wheel/odometry", wheels(stamp_s), stamp_s)
        circles = np.array([[5.0, -1.5 + 0.06 * step, PERSON_RADIUS], [4.0, -3.0, 0.15]])
        core.handle("scan", scan(World(circles, room()), np.zeros(3), stamp_s, rng), stamp_s)
    tracker = core.surroundings.tracker
    sure = dict(zip(tracker.kinds.kind.tolist(), tracker.kinds.probability(tracker.radius).tolist(), strict=True))
    assert sure[PERSON] > 0.95
    assert 0.7 < sure[STATIC] <= 0.81  # it may be a person who stands
