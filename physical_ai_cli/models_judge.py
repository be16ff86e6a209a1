"""`physical-ai models judge`: the gate, for each model on its own recordings, missions, bags and runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from physical_ai_cli.models_tables import console, show
from physical_ai_core.errors import InputError

if TYPE_CHECKING:
    from physical_ai_learning.release.decision import Decision

MISSIONS: Final = Path("out/own_motion/missions")


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    candidate: Path
    incumbent: Path | None
    full: Path | None
    thresholds: str
    bags: list[Path]
    runs: int
    first_seed: int
    missions: int
    mission_folder: Path
    told: Callable[[str], None]


def judge(
    candidate: Annotated[Path, typer.Argument(help="Weights: a file, or a folder with a card.")],
    out: Annotated[Path, typer.Option(help="Where decision.json and decision.md go.")],
    name: Annotated[str, typer.Option(help="people or own_motion.")] = "people",
    incumbent: Annotated[Path | None, typer.Option(help="What it is to replace; else the packaged weights.")] = None,
    full: Annotated[
        Path | None, typer.Option(help="The full-precision model it was made of; else the incumbent.")
    ] = None,
    bag: Annotated[list[Path] | None, typer.Option(help="A reference bag to replay; may be repeated.")] = None,
    runs: Annotated[int, typer.Option(help="Crossing runs in the simulator for each of the two.", min=1)] = 4,
    first_seed: Annotated[int, typer.Option(help="Of the runs.", min=0)] = 0,
    missions: Annotated[int, typer.Option(help="own_motion: simulated missions of 40 s.", min=2, max=1000)] = 12,
    mission_folder: Annotated[Path, typer.Option(help="own_motion: where recorded missions are kept.")] = MISSIONS,
    thresholds: Annotated[str, typer.Option(help="Name under config/release, or a YAML file; else the model's.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Candidate against incumbent on the same things: prediction, replay, simulator, rare deviation. Exit 0 accepted,
    1 refused."""
    gates = {"people": _people, "own_motion": _own_motion}
    if name not in gates:
        raise InputError(f"There is no model '{name}'.", f"Known: {', '.join(gates)}.")
    decision = gates[name](
        Wish(candidate, incumbent, full, thresholds or name, bag or [], runs, first_seed, missions, mission_folder,
             lambda text: None if as_json else console.print(f"{text} …", markup=False, highlight=False))
    )  # fmt: skip
    path = decision.write(out)
    if as_json:
        print(decision.content().decode(), end="")
    else:
        rows = [{"part": c.part, "what": c.name, "value": f"{c.value:.4g}", "bound": c.bound,
                 "kept": "yes" if c.kept else "NO", "": c.detail} for c in decision.checks]  # fmt: skip
        show(False, f"{'accepted' if decision.accepted else 'refused'}: {path}", rows)
        for reason in decision.reasons:
            console.print(f"refused: {reason}", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(0 if decision.accepted else 1)


def _people(wish: Wish) -> Decision:
    from physical_ai_learning.release.judge import judge as decide
    from physical_ai_learning.release.thresholds import load_thresholds
    from physical_ai_world_model.ssm.weights import default_folder

    before = wish.incumbent or default_folder()
    return decide(
        wish.candidate, before, wish.full or before, load_thresholds(wish.thresholds), wish.bags, wish.runs,
        wish.first_seed, wish.told,
    )  # fmt: skip


def _own_motion(wish: Wish) -> Decision:
    from physical_ai_learning.release.own_judge import MISSION_S, judge_own_motion
    from physical_ai_learning.release.own_missions import seeds
    from physical_ai_learning.release.thresholds import load_own_thresholds
    from physical_ai_learning.world_model.own_record import record_all
    from physical_ai_world_model.own_motion.weights import default_folder

    before, bounds = wish.incumbent or default_folder(), load_own_thresholds(wish.thresholds)
    wish.told(f"{wish.missions} missions, recorded where they are missing")
    missions = record_all(wish.mission_folder, seeds(wish.missions), MISSION_S, lambda done, total: None)
    return judge_own_motion(
        wish.candidate, before, wish.full or before, bounds, missions, wish.bags, wish.runs, wish.first_seed, wish.told
    )
