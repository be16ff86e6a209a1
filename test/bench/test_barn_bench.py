"""BARN: the score is the challenge's, an interrupted set goes on, a run can be repeated, a bad folder is named."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.barn import runs as barn_runs
from physical_ai_bench.barn import trial as barn_trial
from physical_ai_bench.barn.losses import losses, reason, told
from physical_ai_bench.barn.results import Result, ResultFile, read_results
from physical_ai_bench.barn.runs import run_worlds
from physical_ai_bench.barn.score import estimate, score
from physical_ai_bench.barn.trace import Trace
from physical_ai_bench.barn.trial import Judge, Trial, run_trial
from physical_ai_bench.barn.worlds import GOAL, START, World, load_world, load_worlds
from physical_ai_bench.benchmarks.barn import barn_page
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.reports import ControllerStatus, Intervention, Verdict
from physical_ai_sim.world import BARN_FOLDER

SOME = Result(3, 0, True, False, False, 12.0, 6.0, 0.5, 0.25, 0.1, 9.0, 2.0, "s", "a, note; with a comma")


@pytest.mark.parametrize(
    ("success", "time_s", "low", "expected"),
    [
        (True, 5.0, 2.0, 0.5),  # faster than twice the optimum is no better
        (True, 10.0, 2.0, 0.5),
        (True, 15.0, 2.0, 1.0 / 3.0),
        (True, 15.0, 4.0, 0.25),
        (True, 25.0, 4.0, 0.2),
        (True, 60.0, 2.0, 0.125),  # slower than eight times is no worse
        (False, 10.0, 2.0, 0.0),
    ],
)
def test_the_score_is_the_challenges(success: bool, time_s: float, low: float, expected: float) -> None:
    assert score(success, time_s, 5.0, low) == pytest.approx(expected)


def test_the_optimal_time_is_that_of_the_reference_path_with_start_and_goal() -> None:
    world = World(1, Path("world_001.csv"), np.zeros((1, 2)), np.array([[-2.25, 5.0], [-2.25, 9.0]]))
    assert world.optimal_s == pytest.approx((2.0 + 4.0 + 4.0) / 2.0)
    aside = World(1, Path("world_001.csv"), np.zeros((1, 2)), np.array([[-5.25, 7.0]]))
    assert aside.optimal_s == pytest.approx((5.0 + math.hypot(3.0, 6.0)) / 2.0)


def test_the_interval_is_over_worlds_and_holds_the_mean() -> None:
    worlds = [1] * 5 + [2] * 5 + [3] * 5
    found = estimate([0.5] * 5 + [0.1] * 5 + [0.3] * 5, worlds)
    assert found.mean == pytest.approx(0.3)
    assert found.low == pytest.approx(0.1) and found.high == pytest.approx(0.5)
    assert estimate([0.5, 0.5], [1, 2]) == (0.5, 0.5, 0.5)
    assert math.isnan(estimate([], []).mean)


def test_a_result_survives_its_line_and_a_cut_line_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    kept = ResultFile(file, "s")
    kept.add(SOME)
    kept.add(replace(SOME, seed=1, success=False, collision=True))
    assert read_results(file) == {(3, 0): SOME, (3, 1): replace(SOME, seed=1, success=False, collision=True)}
    file.write_text(file.read_text()[:-9])
    again = ResultFile(file, "s")
    assert set(again.done) == {(3, 0)}
    again.add(replace(SOME, seed=1))
    assert set(read_results(file)) == {(3, 0), (3, 1)}


def test_results_of_another_setup_and_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    ResultFile(file, "s").add(SOME)
    with pytest.raises(InputError, match="another robot"):
        ResultFile(file, "t")
    file.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no file of BARN results"):
        read_results(file)


def test_a_set_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    def ran(trial: Trial) -> Result:
        number = load_world(trial.file).number
        calls.append((number, trial.seed))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return replace(SOME, world=number, seed=trial.seed, setup=trial.setup)

    monkeypatch.setattr(barn_runs, "run_trial", ran)
    file = tmp_path / "r.csv"
    with pytest.raises(KeyboardInterrupt):
        run_worlds(BARN_FOLDER, 2, file)
    results = run_worlds(BARN_FOLDER, 2, file)
    assert [result.key for result in results] == [(3, 0), (3, 1), (81, 0), (81, 1)]
    assert sorted(calls) == [(3, 0), (3, 1), (81, 0), (81, 0), (81, 1)]  # only what was lost was run twice


def test_a_folder_that_is_none_is_named_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        load_worlds(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no world_NNN"):
        load_worlds(tmp_path)
    (tmp_path / "world_001.csv").write_text("x_m,y_m\n1.0,2.0\n")
    with pytest.raises(InputError, match=r"path_001\.csv"):
        load_worlds(tmp_path)
    (tmp_path / "path_001.csv").write_text("x_m,y_m\n1.0,nan\n")
    with pytest.raises(InputError, match="no number"):
        load_worlds(tmp_path)


def pose(x: float, y: float, stamp_s: float) -> m.Odometry:
    position = np.array([x, y, 0.0])
    return m.Odometry(stamp_s, "map", "base_link", position, quaternion_of_yaw(0.0), np.zeros(3), np.zeros(3))


def test_the_judge_counts_from_the_first_tenth_of_a_metre_to_the_goals_circle() -> None:
    world = World(1, Path("world_001.csv"), np.array([[START[0], START[1] + 1.0]]), np.array([[-2.25, 8.0]]))
    judge = Judge(world, np.array([0.25, 0.2]))
    for stamp_s, y in ((0.0, 3.0), (1.0, 3.05), (2.0, 3.11), (3.0, 11.9), (4.0, 12.01), (5.0, GOAL[1])):
        judge.tap("ground_truth/odometry", pose(START[0], y, stamp_s), stamp_s)
    assert (judge.set_off_s, judge.arrived_s) == (2.0, 4.0)
    assert judge.clearance_m == pytest.approx(1.0 - 0.11 - 0.2 - 0.075)
    judge.tap("ground_truth/events", m.Text('{"kind": "structure", "other": "cylinder3", "speed_mps": 0.0}'), 5.0)
    assert "cylinder3" in judge.touched


def test_time_is_lost_to_what_the_gate_says_before_what_the_controller_says_and_only_after_setting_off() -> None:
    gate = Verdict(0.0, "limited", "autonomy", [1.0, 0.0], [0.5, 0.0], [Intervention("acceleration", "speeding up")])
    person = replace(gate, interventions=[Intervention("person", "approach")])
    status = ControllerStatus(stamp_s=0.0, mode="tracking", message="turning")
    assert reason(person, status, 0.0) == "gate: person"
    assert reason(gate, status, 0.0) == "turning"
    assert reason(gate, replace(status, message=""), 0.5) == "slow"
    assert reason(None, None, 1.9) == "below top speed"
    driven = np.array([[0.0, 0, 0, 0, 0], [1.0, 0, 0, 0, 1.0], [1.1, 0, 0.2, 0, 2.0], [1.2, 0, 0.4, 0, 0.0],
                       [1.4, 0, 0.4, 0, 0.0]])  # fmt: skip
    none, why = np.zeros((0, 2)), np.array(["idle", "slow", "slow", "turning", "turning"])
    trace = Trace("n", "t", none, none, driven, none, none, none, why)
    assert {name: round(s, 9) for name, s in losses(trace).items()} == {"slow": 0.0, "turning": 0.2}
    assert told([trace]) == "turning 0.2 s"


def test_who_never_sets_off_runs_out_of_time_too() -> None:
    judge = Judge(World(1, Path("world_001.csv"), np.zeros((1, 2)), np.zeros((1, 2))), np.array([0.25, 0.2]))
    judge.tap("ground_truth/odometry", pose(-2.25, 3.0, 3.0), 3.0)
    assert not judge.over(102.9, 3.0)
    assert judge.over(103.0, 3.0)


def test_the_same_run_twice_is_the_same_and_can_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barn_trial, "TIME_OUT_S", 1.0)  # of driving: enough to diverge, short enough for every day
    trial = Trial(BARN_FOLDER / "world_003.csv", 1, {}, tmp_path)
    one, two = run_trial(trial), run_trial(trial)
    assert replace(one, real_time=0.0) == replace(two, real_time=0.0)
    assert one.timeout and one.distance_m > 0.2  # it did set off
    page = barn_page([one], tmp_path, tmp_path)
    assert (tmp_path / "barn.png").exists() and "LiCS-KI" in page.text() and "indicative" in page.text()
    assert "Time lost against the top speed" in page.text() and "003/1 0.00" in page.text()
