"""Crossing: who walks is laid down by the seed, a plain forecast is what it says, the judge counts, a set resumes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.benchmarks.crossing import crossing_page
from physical_ai_bench.crossing import runs as crossing_runs
from physical_ai_bench.crossing import trial as crossing_trial
from physical_ai_bench.crossing.crowd import COUNT, EDGE_M, FROM, RECORDINGS, SPEED_MPS, TO, crossers, recording_of
from physical_ai_bench.crossing.forecasts import NOBODY, PREDICTED, STANDING, TOPIC, VELOCITY, Plain
from physical_ai_bench.crossing.results import Result
from physical_ai_bench.crossing.runs import run_crossings
from physical_ai_bench.crossing.trial import Judge, Trial, run_trial
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import NOTHING, OK, Health, Output, Outputs
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.reports import Intervention, Verdict
from physical_ai_sim.physics import SPAWN_DISTANCE_M

SOME = Result(
    PREDICTED, 0, "hotel", True, 0, 1, 30.0, 0.2, 0.3, 7, 1, 2.0, 3.0, 29.0, 1.5, 20.0, "s", "bump with person 3"
)
FAR = np.array([-99.0, -99.0])


@pytest.mark.parametrize("seed", range(len(RECORDINGS)))
def test_twenty_people_cross_the_route_while_the_robot_is_about(seed: int) -> None:
    people = crossers(seed, 2.0)
    assert people.capacity == COUNT
    times = np.arange(0.0, 60.0, 0.1)
    track = np.full((COUNT, len(times), 2), np.nan)
    for k, time_s in enumerate(times):
        crowd = people.at(float(time_s), FAR)
        track[crowd.ids, k] = crowd.position_m
    for walk in track:
        known = ~np.isnan(walk[:, 0])
        y = walk[known, 1] - FROM[1]
        flips = np.flatnonzero(np.sign(y[1:]) != np.sign(y[:-1]))
        assert len(flips)
        x, at_s = walk[known][flips, 0], times[known][flips]
        late = at_s - 2.0 - (x - FROM[0]) / SPEED_MPS
        on_route = (x > FROM[0] + EDGE_M - 0.3) & (x < TO[0] - EDGE_M + 0.3)
        assert (np.abs(late[on_route]) < 15.0).any()


def test_another_seed_is_another_crowd_and_the_same_is_the_same() -> None:
    one, again, other = crossers(4, 2.0), crossers(4, 2.0), crossers(8, 2.0)
    assert recording_of(4) == recording_of(8)
    np.testing.assert_array_equal(one.at(9.0, FAR).position_m, again.at(9.0, FAR).position_m)
    assert [walk.number for walk in one.walks] != [walk.number for walk in other.walks]


def test_the_velocity_told_is_that_of_the_walk() -> None:
    people = crossers(1, 2.0)
    for time_s in (8.0, 8.01, 12.0, 12.01):
        before = people.at(time_s, FAR)
        after = people.at(time_s + 1e-4, FAR)
        both = np.isin(before.ids, after.ids)
        moved = (after.position_m[np.isin(after.ids, before.ids)] - before.position_m[both]) / 1e-4
        np.testing.assert_allclose(moved, before.velocity_mps[both], atol=0.02)


def test_nobody_appears_beside_the_robot() -> None:
    free = crossers(0, 2.0)
    first = next(k for k in range(600) if len(free.at(0.1 * k, FAR)))
    there = free.at(0.1 * first, FAR)
    again = crossers(0, 2.0)
    for k in range(first + 20):
        crowd = again.at(0.1 * k, there.position_m[0] + np.array([0.5 * SPAWN_DISTANCE_M, 0.0]))
        assert there.ids[0] not in crowd.ids


class Says:
    """A world model of one word."""

    def handle(self, topic: str, data: object, stamp_s: float) -> Outputs:
        return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        return [Output(TOPIC, m.Prediction(stamp_s, "odom", layouts.empty(layouts.PREDICTION, 3))), Output("other", 1)]

    def health(self) -> Health:
        return Health(OK)


@pytest.mark.parametrize(("how", "x"), [(VELOCITY, 1.0 + 2.0 * 1.05), (STANDING, 1.0)])
def test_a_plain_forecast_goes_on_as_seen_or_stays(how: str, x: float) -> None:
    rows = layouts.empty(layouts.OBJECT, 2)
    rows["id"], rows["x"], rows["vx"] = (5, 6), 1.0, 2.0
    rows["class_id"] = [layouts.OBJECT_CLASSES.index(name) for name in ("person", "static")]
    rows["cxx"], rows["cvxvx"] = 0.01, 0.04
    plain = Plain(Says(), how)
    plain.handle("state/objects", m.Objects(3.0, "odom", rows), 3.0)
    said, other = plain.tick(3.05)
    assert other.topic == "other"
    at = np.isclose(said.data.rows["t_s"], 1.0)
    person, post = (said.data.rows[at & (said.data.rows["id"] == number)][0] for number in (5, 6))
    assert person["x"] == pytest.approx(x) and post["x"] == pytest.approx(1.0)
    assert post["sxx"] == pytest.approx(0.01)
    assert person["sxx"] > 0.05 if how == VELOCITY else person["sxx"] == pytest.approx(0.01)


def odometry(x: float, speed: float, stamp_s: float) -> m.Odometry:
    linear = np.array([speed, 0.0, 0.0])
    return m.Odometry(
        stamp_s, "map", "base_link", np.array([x, 15.0, 0.0]), quaternion_of_yaw(0.0), linear, np.zeros(3)
    )


def test_the_judge_takes_gaps_from_the_footprint_and_counts_a_stop_of_the_gate_once() -> None:
    judge = Judge(np.array([0.25, 0.21]))
    judge.begin_s = 1.0
    rows = layouts.empty(layouts.OBJECT, 1)
    for k in range(40):
        now_s = 1.0 + 0.1 * k
        speed = 1.0 if k < 20 else 0.0
        judge.tap("ground_truth/odometry", odometry(4.0 + 0.1 * min(k, 20), speed, now_s), now_s)
        rows["x"], rows["y"] = 7.0 - 0.01 * k, 15.0
        judge.tap("ground_truth/people", m.Objects(now_s, "map", rows), now_s)
        guards = [Intervention("person", "comes")] if 10 <= k < 30 else []
        judge.tap("safety/verdict", Verdict(now_s, "limited", "autonomy", [0.5, 0.0], [0.0, 0.0], guards), now_s)
    judge.tap("ground_truth/events", m.Text(json.dumps({"kind": "bump", "other": "person 0"})), 5.0)
    assert judge.gap_m == pytest.approx(7.0 - 0.39 - 6.0 - 0.25 - 0.25, abs=1e-3)
    assert judge.gap_moving_m == pytest.approx(7.0 - 0.19 - 5.9 - 0.25 - 0.25, abs=1e-3)
    assert (judge.gate_stops, judge.met, len(judge.contacts)) == (1, {0}, 1)
    assert judge.gate_s == pytest.approx(20 * 0.05)
    assert judge.distance_m == pytest.approx(2.0) and judge.stood_s == pytest.approx(2.0)
    assert math.isinf(judge.arrived_s)
    judge.tap("ground_truth/odometry", odometry(TO[0] - 0.3, 1.0, 9.0), 9.0)
    assert judge.arrived_s == 9.0


def test_a_set_goes_on_where_it_stopped_and_names_a_wrong_forecast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int]] = []

    def ran(trial: Trial) -> Result:
        calls.append((trial.forecast, trial.seed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return replace(SOME, forecast=trial.forecast, seed=trial.seed, setup=trial.setup)

    monkeypatch.setattr(crossing_runs, "run_trial", ran)
    file = tmp_path / "r.csv"
    with pytest.raises(KeyboardInterrupt):
        run_crossings(2, file, forecasts=[PREDICTED])
    results = run_crossings(2, file, forecasts=[PREDICTED])
    assert [r.key for r in results] == [(NOBODY, 0), (PREDICTED, 0), (NOBODY, 1), (PREDICTED, 1)]
    assert len(calls) == 5  # only what was lost was run twice
    with pytest.raises(InputError, match="no forecast"):
        run_crossings(1, file, forecasts=["guessed"])


def test_the_page_holds_time_against_the_same_run_with_nobody(tmp_path: Path) -> None:
    results = []
    for seed in range(2):
        results.append(replace(SOME, forecast=NOBODY, seed=seed, time_s=20.0 + seed))
        results.append(replace(SOME, seed=seed, time_s=1.5 * (20.0 + seed), collisions=seed))
    text = crossing_page(results, tmp_path, tmp_path).text()
    assert "| 1 of 2 | 2 | 1.50 | 1.50 |" in text and "Collided: 1" in text


@pytest.mark.slow
def test_the_same_run_twice_is_the_same_and_can_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing_trial, "TIME_OUT_S", 0.6)  # enough to diverge, short enough for every day
    trial = Trial(PREDICTED, 1, {}, tmp_path)
    one, two = run_trial(trial), run_trial(trial)
    assert replace(one, real_time=0.0, cpu_s=0.0) == replace(two, real_time=0.0, cpu_s=0.0)
    assert not one.reached and one.distance_m > 0.0
    page = crossing_page([replace(one, forecast=NOBODY), one], tmp_path, tmp_path)
    assert (tmp_path / "crossing.png").exists() and "with prediction" in page.text()
