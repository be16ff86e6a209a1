"""The tracking benchmark counts as CLEAR MOT says, and the tracker keeps what it has reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco")

from physical_ai_bench.benchmarks.tracking import SCENES, believed, called_mover
from physical_ai_bench.tracking.crowd import MadeCrowd
from physical_ai_bench.tracking.record import Frame, record
from physical_ai_bench.tracking.score import Believed, score
from physical_ai_core import layouts
from physical_ai_core.geometry import Array
from physical_ai_perception.objects.clusters import Clusters
from physical_ai_perception.objects.sweep import Sweep

NOBODY = np.zeros(0, dtype=bool)


def frame(k: int, people: Array, rays: int = 9) -> Frame:
    """Scan k of 20 a second, with people (P, 4) each hit by so many rays, seen from the origin."""
    stamp_s = 1.0 + 0.05 * k
    none = np.zeros(0, dtype=np.intp)
    sweep = Sweep(stamp_s, np.full(9, np.inf), 25.0, np.zeros((0, 2)), none, np.zeros(2), 0.0, 0.1)
    clusters = Clusters(np.zeros((0, 2)), np.zeros(0), np.zeros(0), NOBODY, np.zeros(0), none, none)
    count = len(people)
    return Frame(
        stamp_s, sweep, clusters, layouts.empty(layouts.OBJECT), np.arange(count), people, np.full(count, rays),
        np.hypot(*people[:, :2].T), np.zeros(3),
    )  # fmt: skip


def said(ids: list[int], state: Array, excused: bool = False) -> Believed:
    return Believed(np.array(ids), np.asarray(state, dtype=float).reshape(-1, 4), np.full(len(ids), excused))


def walk(k: int) -> Array:
    return np.array([[3.0 + 0.05 * k, 1.0, 1.0, 0.0]])


def test_a_perfect_tracker_has_a_mota_of_one_from_when_the_person_has_walked() -> None:
    frames = [frame(k, walk(k)) for k in range(100)]
    result = score(frames, [said([7], walk(k)) for k in range(100)])
    assert result.mota == 1.0 and result.counted == 90  # the first half metre does not count
    assert max(result.position_m) == max(result.velocity_mps) == 0.0


def test_misses_false_tracks_and_switches_are_counted_once_a_scan() -> None:
    frames = [frame(k, walk(k)) for k in range(100)]
    beliefs = [said([7], walk(k)) for k in range(100)]
    beliefs[50] = said([], np.zeros((0, 4)))
    beliefs[60] = said([7, 8], np.concatenate([walk(60), [[0.0, 5.0, 0.0, 0.0]]]))
    beliefs[61] = said([7, 8], np.concatenate([walk(61), [[0.0, 50.0, 0.0, 0.0]]]))  # too far to count
    beliefs[62] = said([8], np.array([[0.0, 5.0, 0.0, 0.0]]), excused=True)
    for k in range(70, 100):
        beliefs[k] = said([9], walk(k))
    result = score(frames, beliefs)
    assert (result.misses, result.false, result.switches) == (2, 1, 1)


@pytest.mark.parametrize(("hidden", "occlusions", "kept", "misses"), [(10, 1, 1, 10), (19, 1, 1, 19), (30, 0, 0, 20)])
def test_a_person_counts_for_a_second_of_being_hidden_and_the_id_must_outlive_it(
    hidden: int, occlusions: int, kept: int, misses: int
) -> None:
    frames = [frame(k, walk(k), rays=0 if 40 <= k < 40 + hidden else 9) for k in range(100)]
    beliefs = [said([7], walk(k)) if not 40 <= k < 40 + hidden else said([], np.zeros((0, 4))) for k in range(100)]
    result = score(frames, beliefs)
    assert (result.occlusions, result.kept, result.misses) == (occlusions, kept, misses)
    changed = [replace(b, ids=b.ids + 1) if k >= 40 else b for k, b in enumerate(beliefs)]
    assert score(frames, changed).kept == 0


def test_the_made_crowd_walks_clear_of_itself_and_of_the_robot() -> None:
    crowd, robot = MadeCrowd(20, np.array([14.0, 2.0]), np.array([29.0, 15.0]), 3), np.array([21.0, 8.0])
    again = MadeCrowd(20, np.array([14.0, 2.0]), np.array([29.0, 15.0]), 3)
    speeds, nearest, to_robot = [], [], []
    for time_s in np.arange(0.0, 20.0, 0.1).tolist():
        now = crowd.at(time_s, robot)
        assert np.array_equal(now.position_m, again.at(time_s, robot).position_m)
        apart = np.hypot(*(now.position_m[:, None] - now.position_m[None]).transpose(2, 0, 1))
        nearest.append(np.sort(apart, axis=1)[:, 1].min())
        to_robot.append(np.hypot(*(now.position_m - robot).T).min())
        speeds.append(np.median(np.hypot(*now.velocity_mps.T)))
    assert min(nearest) > 0.4 and min(to_robot) > 0.6
    assert 0.7 < np.median(speeds[10:]) < 1.6


def test_twenty_people_are_tracked_as_well_as_they_have_been() -> None:
    run = record(SCENES[2], 6.0, seed=1)
    result = score(run.frames, [believed(f) for f in run.frames])
    assert result.counted > 800
    assert result.mota > 0.90
    assert np.median(result.position_m) < 0.04 and np.median(result.velocity_mps) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_tracking_meets_its_figures_in_every_scene(scene: object, seed: int) -> None:
    run = record(scene, 40.0, seed=seed)  # type: ignore[arg-type]
    result = score(run.frames, [believed(f) for f in run.frames])
    assert result.mota >= 0.85
    assert np.median(result.position_m) <= 0.12 and np.median(result.velocity_mps) <= 0.2
    assert result.ids_kept >= 0.9
    assert called_mover(run.frames) >= 0.85
