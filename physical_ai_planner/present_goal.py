"""The present goal on disk, so that a restarted planner takes up its work where it was."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState
from physical_ai_planner.mission import Progress

FILE = "present_goal.json"
SCHEMA_VERSION = "1.1"  # 1.1: goals that wait behind the present one


@dataclass(frozen=True)
class PresentGoal:
    """`start`: the pose [x, y, yaw] in `map` from which the goal was grounded; `saved_s`: the graph's clock.

    `behind`: goals that wait for this one to end, in order.
    """

    goal: GoalState
    progress: Progress
    start: tuple[float, float, float]
    saved_s: float
    site: str
    paused: bool = False
    behind: tuple[GoalState, ...] = ()


class PresentGoalFile:
    """One JSON file in a folder, replaced as a whole (write, sync, rename)."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / FILE

    def save(self, present: PresentGoal) -> None:
        """Raises OSError."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "saved_s": present.saved_s,
            "site": present.site,
            "goal": json.loads(present.goal.to_json()),
            "progress": asdict(present.progress),
            "start": list(present.start),
            "paused": present.paused,
            "behind": [json.loads(goal.to_json()) for goal in present.behind],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".part")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self.path)

    def clear(self) -> None:
        """Raises OSError."""
        self.path.unlink(missing_ok=True)

    def load(self) -> PresentGoal | None:
        """The kept goal, or None where there is none. Raises GoalError when the file cannot be used."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            start = tuple(float(v) for v in content["start"])
            if len(start) != 3 or not np.all(np.isfinite([*start, float(content["saved_s"])])):
                raise ValueError("it holds no sound pose or time")
            goal = GoalState.from_json(json.dumps(content["goal"]))
            progress = _progress(content["progress"], goal)
            return PresentGoal(
                goal, progress, (start[0], start[1], start[2]), float(content["saved_s"]), str(content["site"]),
                bool(content.get("paused", False)),
                tuple(GoalState.from_json(json.dumps(goal)) for goal in content.get("behind", ())),
            )  # fmt: skip
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, GoalError) as error:
            raise GoalError(
                f"The kept goal {self.path} cannot be used: {error}.", "It is left out; give the goal again."
            ) from error


def _progress(content: dict[str, object], goal: GoalState) -> Progress:
    progress = Progress(
        step=int(str(content["step"])),
        waypoint=int(str(content["waypoint"])),
        laps=int(str(content["laps"])),
        elapsed_s=float(str(content["elapsed_s"])),
        there=bool(content["there"]),
    )
    if not (0 <= progress.step < len(goal.steps or ()) and progress.waypoint >= 0 and progress.laps >= 0):
        raise ValueError("its progress does not fit its goal")
    if not (np.isfinite(progress.elapsed_s) and progress.elapsed_s >= 0.0):
        raise ValueError("its elapsed time is not a time")
    return progress
