"""Pose graph, loop closure and the whole of SLAM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mapping_world import around, points_at, ring_corridor, wheels_along

from physical_ai_bench.benchmarks.slam import judge, run_slam
from physical_ai_bench.carmen import read_log, read_relations
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import field as fields
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.correlative import Window, ambiguity
from physical_ai_perception.mapping.mapper import Mapper
from physical_ai_perception.mapping.odometry import LidarOdometry
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.pose_graph import PoseGraph
from physical_ai_perception.mapping.scan import points_in_base

DATA = Path(__file__).parent / "data"
SURE = np.diag([1e4, 1e4, 4e4])


def square(rng: np.random.Generator, side: int = 10) -> tuple[Array, PoseGraph]:
    """True poses once around a square, and a graph of noisy steps along them."""
    truth = around(np.array([[0, 0], [side, 0], [side, side], [0, side], [0, 0]], dtype=float), 1.0, 2.0)
    graph, pose = PoseGraph(), truth[0]
    graph.add_node(pose)
    for step in se2.between(truth[:-1], truth[1:]):
        step = step + rng.normal(0.0, [0.02, 0.02, 0.01])
        pose = se2.compose(pose, step)
        graph.add_edge(len(graph) - 1, graph.add_node(pose), step, np.diag([2500.0, 2500.0, 1e4]))
    return truth, graph


def worst(truth: Array, poses: Array) -> float:
    return float(np.hypot(*(truth - poses)[:, :2].T).max())


@pytest.mark.parametrize("seed", range(5))
def test_a_square_closes(seed: int) -> None:
    truth, graph = square(np.random.default_rng(seed))
    before = worst(truth, graph.poses)
    last = len(graph) - 1
    graph.add_edge(0, last, se2.between(truth[0], truth[last]), SURE, may_be_wrong=True)
    graph.optimise()
    assert worst(truth, graph.poses) < 0.8 * before
    assert np.hypot(*(truth[last] - graph.poses[last])[:2]) < 0.05
    assert graph.chi2()[-1] < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_a_false_closure_loses_its_pull(seed: int) -> None:
    truth, graph = square(np.random.default_rng(seed))
    last = len(graph) - 1
    for back in range(3):
        graph.add_edge(back, last - back, se2.between(truth[back], truth[last - back]), SURE, may_be_wrong=True)
    graph.optimise()
    right = graph.poses.copy()
    graph.add_edge(5, last - 12, np.array([0.5, 0.0, 0.0]), SURE, may_be_wrong=True)
    graph.optimise()
    assert worst(right, graph.poses) < 0.1
    contradicted = graph.switched & (graph.chi2() > 50.0)
    assert contradicted.tolist() == [False] * (len(contradicted) - 1) + [True]


def test_the_oldest_are_forgotten_and_the_rest_stays() -> None:
    _, graph = square(np.random.default_rng(0))
    poses = graph.poses.copy()
    graph.drop_oldest(7)
    assert np.array_equal(graph.poses, poses[7:])
    assert graph.ends[0].min() == 0 and graph.ends[1].max() == len(graph) - 1
    graph.optimise()
    assert worst(graph.poses, poses[7:]) < 1e-6


def drive(mapper: Mapper, truth: Array, wheels: Array, seed: int = 1) -> tuple[Array, Array]:
    """Final and live poses of a drive around the ring corridor."""
    world, rng, live, keyframes, offsets = ring_corridor(), np.random.default_rng(seed), [], [], []
    for number, (pose, odometry) in enumerate(zip(truth, wheels, strict=True)):
        mapped = mapper.step(0.1 * number, odometry, points_at(world, pose, rng))
        live.append(mapped.pose)
        keyframes.append(mapped.keyframe)
        offsets.append(mapped.offset)
    mapper.settle()
    return se2.compose(mapper.poses(keyframes), np.array(offsets)), np.array(live)


RING = np.array([[-7, -7], [7, -7], [7, 7], [-7, 7], [-7, -7], [2, -7]], dtype=float)


def test_a_ring_of_corridors_closes() -> None:
    truth = around(RING, 0.4, 0.3)
    wheels = wheels_along(truth, np.random.default_rng(0))
    mapper = Mapper()
    final, _ = drive(mapper, truth, wheels)
    assert worst(truth, wheels) > 1.0
    assert mapper.closures > 0
    assert worst(truth, final) < 0.25


def test_two_runs_are_identical_bit_by_bit() -> None:
    log = read_log(DATA / "intel_400.clf.bz2")
    log = replace(log, stamps_s=log.stamps_s[:120], odometry=log.odometry[:120], ranges=log.ranges[:120])
    first, second = run_slam(log), run_slam(log)
    assert np.array_equal(first.final, second.final) and np.array_equal(first.live, second.live)


def test_memory_is_bounded() -> None:
    truth = around(RING[:2], 0.3, 0.3)
    mapper = Mapper(MappingParameters(most_keyframes=32))
    with pytest.raises(InputError, match="forgotten"):
        drive(mapper, truth, truth)
    assert len(mapper.keyframes) <= 32 and len(mapper.graph) == len(mapper.keyframes)
    assert np.hypot(*(mapper.pose - truth[-1])[:2]) < 0.15


def test_without_returns_odometry_carries_on_and_doubt_grows() -> None:
    odometry = LidarOdometry()
    world, sigma = ring_corridor(), []
    truth = around(RING[:2], 0.2)
    for number, pose in enumerate(truth[:40]):
        points = points_at(world, pose) if number < 20 else np.zeros((0, 2))
        step = odometry.step(0.1 * number, pose, points)
        sigma.append(float(np.sqrt(np.trace(step.covariance[:2, :2]))))
        assert step.believed == (number < 20)
    assert np.allclose(step.pose, truth[39], atol=0.1)
    assert (np.diff(sigma[20:]) > 0.0).all()


def test_a_robot_that_slipped_while_it_saw_nothing_finds_its_place_in_the_rolling_map() -> None:
    world, odometry = ring_corridor(), LidarOdometry()
    truth = around(np.array([[-7.0, -7.0], [2.0, -7.0]]))
    wheels, blind = truth.copy(), range(60, 70)
    slip = np.array([0.9, -0.3, 0.25])  # what the wheels say beyond the truth by the time it sees again
    for number in range(60, len(truth)):
        wheels[number] = se2.compose(truth[number], slip * min(1.0, (number - 59) / len(blind)))
    for number, pose in enumerate(truth):
        points = np.zeros((0, 2)) if number in blind else points_at(world, pose)
        step = odometry.step(0.1 * number, wheels[number], points)
        assert step.believed == (number not in blind)
    assert np.abs(se2.between(truth[-1], step.pose)).max() < 0.05


def test_the_places_along_a_corridor_make_a_closure_ambiguous_along_it_only() -> None:
    along = np.arange(-15.0, 15.0, 0.05)
    walls = np.vstack([np.column_stack([along, np.full_like(along, side)]) for side in (-1.0, 1.0)])
    seen, here = walls[np.abs(walls[:, 0]) < 5.0], np.zeros(3)
    corridor = fields.build(walls, 0.1, 0.25)
    doubt = ambiguity(corridor, seen, here, Window(here, 6.0, 0.3), 0.5, 0.015)
    assert doubt[0, 0] > 2.0**2
    assert doubt[1, 1] < 0.1**2
    end = np.column_stack([np.full(81, 5.0), np.linspace(-1.0, 1.0, 81)])
    closed = fields.build(np.vstack([walls[walls[:, 0] < 5.0], end]), 0.1, 0.25)
    known = ambiguity(closed, np.vstack([seen, end]), here, Window(here, 6.0, 0.3), 0.5, 0.015)
    assert known[0, 0] < 0.05 * doubt[0, 0]


def test_poses_leave_as_measurements_and_corrections_are_not_motion() -> None:
    odometry, world = LidarOdometry(), ring_corridor()
    start = np.array([-7.0, -7.0, 0.0])
    odometry.step(0.0, start, points_at(world, start))
    drifted = start + np.array([0.10, 0.04, 0.02])  # says that it moved; it did not
    step = odometry.step(0.1, drifted, points_at(world, start))
    said = step.measurement()
    assert said is not None and said.frame_id == "odom" and said.source == "lidar"
    assert np.allclose(said.pose, start, atol=0.03)
    odometry.adopt(start)
    step = odometry.step(0.2, start, np.zeros((0, 2)))
    assert step.measurement() is None
    assert np.allclose(step.pose, said.pose), "what the filter corrected is no motion"


def test_a_sweep_in_odom_is_seen_from_the_base() -> None:
    base, points = np.array([3.0, 1.0, 1.2]), np.array([[1.0, 0.5], [2.0, -1.0], [99.0, 0.0]])
    assert points_in_base(se2.place(base, points), base, MappingParameters()) == pytest.approx(points[:2])


def test_bad_points_and_poses_are_refused() -> None:
    odometry = LidarOdometry()
    odometry.step(0.0, np.zeros(3), points_at(ring_corridor(), np.array([-7.0, -7.0, 0.0])))
    with pytest.raises(InputError):
        odometry.step(0.1, np.array([np.nan, 0.0, 0.0]), np.zeros((5, 2)))
    with pytest.raises(InputError):
        odometry.step(0.1, np.zeros(3), np.full((50, 2), np.nan))


def test_a_stretch_of_the_intel_log_agrees_with_its_relations() -> None:
    log, relations = read_log(DATA / "intel_400.clf.bz2"), read_relations(DATA / "intel_400.relations")
    errors = judge(log.stamps_s, run_slam(log).final, relations)
    assert len(errors.translation_m) == 21
    assert errors.translation_m.mean() < 0.025
    assert np.degrees(errors.rotation_rad.mean()) < 0.4
