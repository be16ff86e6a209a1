"""A campaign runs every combination once, whatever interrupts it; the whole stack is deterministic."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from physical_ai_bench import campaign
from physical_ai_bench.campaign import FIELD_FAULTS, NO_FAULT, Trial, run_campaign, table, trials
from physical_ai_bench.scenario import load_scenario
from physical_ai_bench.stack import Outcome, Stack, goal_of
from physical_ai_bench.wire import Fault, FaultKind
from physical_ai_core.errors import InputError
from physical_ai_core.site import load_site


def outcome(trial: Trial) -> Outcome:
    return Outcome(
        trial.scenario, trial.seed, trial.fault.name, True, "reached", 0, 0, 1.0, 2.0, 0.3, None, (1.0, 2.0, 0.5), 0
    )


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    calls: list[Trial] = []

    def run_trial(trial: Trial) -> Outcome:
        calls.append(trial)
        return outcome(trial)

    monkeypatch.setattr(campaign, "run_trial", run_trial)
    return calls


def test_an_interrupted_campaign_goes_on_where_it_stopped(tmp_path: Path, ran: list[Trial]) -> None:
    plan = trials(["yard"], range(3), [NO_FAULT, Fault(FaultKind.SILENCE, "scan", 1.0, 1.0)])
    file = tmp_path / "results.jsonl"
    run_campaign(plan[:4], file)
    with file.open("a") as stream:
        stream.write('{"key": "cut off in the mid')
    seen: list[tuple[int, int]] = []
    outcomes = run_campaign(plan, file, progress=lambda done, of, last: seen.append((done, of)))
    assert ran == plan and seen == [(5, 6), (6, 6)]
    assert outcomes == [outcome(trial) for trial in plan]
    assert run_campaign(plan, file) == outcomes and len(ran) == 6


def test_a_results_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, ran: list[Trial]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes\nmore\n")
    with pytest.raises(InputError, match="Line 1"):
        run_campaign([Trial("yard", 0)], file)
    assert file.read_text() == "my notes\nmore\n" and not ran


def test_an_unknown_scenario_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match="yard_empty"):
        trials(["no_such_scenario"], [0])


def test_the_table_shows_every_fault_once(ran: list[Trial], tmp_path: Path) -> None:
    outcomes = run_campaign(trials(["yard"], [0, 1]), tmp_path / "r.jsonl")
    console = Console(width=200, record=True, file=(tmp_path / "out").open("w"))
    console.print(table(outcomes))
    text = console.export_text()
    assert all(fault.name in text for fault in FIELD_FAULTS)


@pytest.mark.parametrize(
    ("sentence", "place", "slow", "waits"),
    [
        ("棚の前まで行って、そこで待って", "shelves", False, True),
        ("go to dock B, slowly", "dock_b", True, False),
        ("ドックAまでゆっくり行って", "dock_a", True, False),
    ],
)
def test_the_stand_in_for_language_finds_the_place(sentence: str, place: str, slow: bool, waits: bool) -> None:
    goal = goal_of(sentence, load_site("yard"))
    assert goal.steps is not None
    assert goal.steps[0].target.name == place  # type: ignore[union-attr]
    assert (goal.steps[0].limits.max_speed_mps is not None) == slow
    assert (len(goal.steps) == 2) == waits


def test_a_sentence_without_a_place_is_refused() -> None:
    with pytest.raises(InputError, match="No place"):
        goal_of("drive through the wall", load_site("yard"))


def test_the_whole_stack_starts_drives_and_is_the_same_twice() -> None:
    runs = [Stack(load_scenario("yard"), seed=1).run(until_s=1.2) for _ in range(2)]
    first, second = ({**asdict(run), "wall_s": 0.0, "real_time": 0.0} for run in runs)
    assert first == second
    assert first["distance_m"] > 0.02 and first["collisions"] == 0 and not first["node_faults"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FIELD_FAULTS, ids=lambda fault: fault.name)
def test_no_single_fault_in_the_field_makes_the_robot_collide(fault: Fault) -> None:
    run = campaign.run_trial(Trial("yard", 0, fault))
    assert run.collisions == 0, run.collision_events


def test_four_seconds_without_any_sense_of_motion_stop_the_robot_and_then_it_drives_on() -> None:
    silent = [Fault(FaultKind.SILENCE, topic, 1.5, 4.0) for topic in ("imu/data", "wheel/odometry", "gps/fix")]
    stack = Stack(load_scenario("yard_empty"), faults=silent)
    stood_m = stack.run(until_s=6.0).distance_m
    assert stack.watch.standstill_s is not None and stack.watch.standstill_s < 1.0
    stack.runner.drive(stack.simulator, stack.spoken_s + 12.0)
    assert stack.watch.distance_m > stood_m + 1.0 and not stack.watch.collisions
