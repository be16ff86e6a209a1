"""Fault campaigns: scenario x fault x seed over the in-process stack, resumable, one JSON line a run."""

from __future__ import annotations

import json
import multiprocessing
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.table import Table

from physical_ai_bench.scenario import load_scenario
from physical_ai_bench.stack import Outcome, Progress, Stack
from physical_ai_bench.wire import Fault, FaultKind
from physical_ai_core.errors import InputError

AT_S: Final = 6.0  # the robot is under way then
NO_FAULT: Final = Fault(FaultKind.NONE)
# What happens in the field, each while the robot drives: sensors fall silent, lie or come late, nodes die.
FIELD_FAULTS: Final[tuple[Fault, ...]] = (
    NO_FAULT,
    Fault(FaultKind.SILENCE, "scan", AT_S, 3.0),
    Fault(FaultKind.SILENCE, "imu/data", AT_S, 3.0),
    Fault(FaultKind.SILENCE, "wheel/odometry", AT_S, 3.0),
    Fault(FaultKind.SILENCE, "gps/fix", AT_S, 20.0),
    Fault(FaultKind.SILENCE, "state/odometry", AT_S, 3.0),
    Fault(FaultKind.SILENCE, "state/objects", AT_S, 3.0),
    Fault(FaultKind.SILENCE, "world_model/prediction", AT_S, 3.0),
    Fault(FaultKind.SILENCE, "plan", AT_S, 5.0),
    Fault(FaultKind.SILENCE, "cmd_vel_nav", AT_S, 2.0),
    Fault(FaultKind.SILENCE, "cmd_vel", AT_S, 2.0),
    Fault(FaultKind.DELAY, "scan", AT_S, 5.0, 0.3),
    Fault(FaultKind.DELAY, "state/odometry", AT_S, 5.0, 0.2),
    Fault(FaultKind.DELAY, "cmd_vel", AT_S, 5.0, 0.1),
    Fault(FaultKind.POISON, "scan", AT_S, 2.0),
    Fault(FaultKind.POISON, "imu/data", AT_S, 2.0),
    Fault(FaultKind.POISON, "wheel/odometry", AT_S, 2.0),
    Fault(FaultKind.POISON, "state/odometry", AT_S, 2.0),
    Fault(FaultKind.POISON, "world_model/prediction", AT_S, 2.0),
    Fault(FaultKind.POISON, "cmd_vel_nav", AT_S, 2.0),
    Fault(FaultKind.FREEZE, "scan", AT_S, 2.0),
    Fault(FaultKind.FREEZE, "wheel/odometry", AT_S, 2.0),
    Fault(FaultKind.FREEZE, "cmd_vel_nav", AT_S, 2.0),
    Fault(FaultKind.JUMP, "imu/data", AT_S, 2.0, 100.0),
    Fault(FaultKind.DROP_NODE, "perception", AT_S, 2.0),
    Fault(FaultKind.DROP_NODE, "world_model", AT_S, 2.0),
    Fault(FaultKind.DROP_NODE, "planner", AT_S, 2.0),
    Fault(FaultKind.DROP_NODE, "controller", AT_S, 2.0),
    Fault(FaultKind.DROP_NODE, "safety_gate", AT_S, 2.0),
)


@dataclass(frozen=True)
class Trial:
    """One run of a campaign."""

    scenario: str
    seed: int
    fault: Fault = NO_FAULT
    instruction: str | None = None

    @property
    def key(self) -> str:
        """Same trial, same key: what a resumed campaign recognises."""
        return json.dumps(asdict(self), sort_keys=True, default=str)


def trials(scenarios: Sequence[str], seeds: Sequence[int], faults: Sequence[Fault] = FIELD_FAULTS) -> list[Trial]:
    """Every combination; refuses scenarios that cannot be read before anything runs."""
    for name in scenarios:
        load_scenario(name)
    return [Trial(scenario, seed, fault) for scenario in scenarios for fault in faults for seed in seeds]


def run_trial(trial: Trial) -> Outcome:
    """One run from its description alone."""
    faults = () if trial.fault.kind is FaultKind.NONE else (trial.fault,)
    stack = Stack(load_scenario(trial.scenario), trial.seed, faults, instruction=trial.instruction)
    return stack.run()


def run_campaign(
    plan: Sequence[Trial], results: str | Path, progress: Progress | None = None, workers: int = 1
) -> list[Outcome]:
    """Run what `results` (JSON lines) does not hold yet and append to it; returns the outcomes of the whole plan.

    An interrupted campaign goes on where it stopped; a line cut by the interruption is run again.
    """
    path = Path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = dict(_read(path))
    missing = [trial for trial in plan if trial.key not in done]
    finished = len(plan) - len(missing)
    _cut_broken_tail(path)
    with path.open("a", encoding="utf-8") as stream:
        for trial, outcome in _outcomes(missing, workers):
            line = {"key": trial.key, "crc": 0, "outcome": asdict(outcome)}
            line["crc"] = _crc(line)
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            stream.flush()
            done[trial.key] = outcome
            finished += 1
            if progress is not None:
                progress(finished, len(plan), outcome)
    return [done[trial.key] for trial in plan]


def _outcomes(plan: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, Outcome]]:
    if workers <= 1:
        for trial in plan:
            yield trial, run_trial(trial)
        return
    context = multiprocessing.get_context("spawn")  # fork would carry threads of numerical libraries along
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = {pool.submit(run_trial, trial): trial for trial in plan}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _crc(line: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps({**line, "crc": 0}, sort_keys=True).encode())


def _read(path: Path) -> Iterator[tuple[str, Outcome]]:
    """Whole lines of a results file. Raises InputError when it is something else."""
    if not path.exists():
        return
    known = {field.name for field in fields(Outcome)}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            if line["crc"] != _crc(line) or not text.endswith("\n"):
                raise ValueError("its checksum does not fit")
            outcome = {key: value for key, value in line["outcome"].items() if key in known}
            outcome["final_pose"] = tuple(outcome["final_pose"])
            yield line["key"], Outcome(**outcome)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                return  # cut off by the interruption
            raise InputError(
                f"Line {number} of {path} is not a campaign result: {error}.",
                "Name another results file, or delete it.",
            ) from error


def _cut_broken_tail(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        path.write_bytes(content[: content.rfind(b"\n") + 1])


def table(outcomes: Sequence[Outcome]) -> Table:
    """Fault by outcome: how many reached the goal, collided, and how fast the robot stood after the fault."""
    view = Table(title="fault campaign", header_style="bold")
    for name in ("scenario", "fault", "runs", "reached", "collided", "bumped", "time up", "stood after s", "closest m"):
        view.add_column(name, justify="left" if name in ("scenario", "fault") else "right")
    for (scenario, fault), runs in by_fault(outcomes).items():
        stood = [run.standstill_s for run in runs if run.standstill_s is not None]
        closest = [run.closest_person_m for run in runs if run.closest_person_m is not None]
        collided = sum(run.collisions > 0 for run in runs)
        reached = sum(run.reached for run in runs)
        view.add_row(
            scenario,
            fault,
            str(len(runs)),
            f"[green]{reached}[/green]" if reached == len(runs) else f"[yellow]{reached}[/yellow]",
            f"[red]{collided}[/red]" if collided else "0",
            str(sum(run.bumps > 0 for run in runs)),
            str(sum(run.reason == "time_up" for run in runs)),
            f"{np.median(stood):.2f} (max {max(stood):.2f})" if stood else "-",
            f"{min(closest):.2f}" if closest else "-",
        )
    return view


def by_fault(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """Outcomes by (scenario, fault), in the order of their first run."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.scenario, outcome.fault), []).append(outcome)
    return groups
