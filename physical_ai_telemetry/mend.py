"""Incidents whose recorder was killed: finished with what is there, and completed from the ordinary bag where it helps.

`python -m physical_ai_telemetry.mend FOLDER` is started by a recorder that finds one, in a process of its own: reading
a large bag must not keep it from recording.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.reader import make_reader

from physical_ai_core.errors import BagError, PhysicalAIError
from physical_ai_telemetry.cut import cut
from physical_ai_telemetry.incident_writer import CUT_SHORT, FOLDER, RECORDING, RECUT, write_story
from physical_ai_telemetry.metadata import STORY, splits
from physical_ai_telemetry.recover import recover
from physical_ai_telemetry.split import is_locked

DRAFT = ".recut"


def story_of(folder: Path) -> dict[str, Any]:
    """The JSON beside an incident; empty where there is none that can be read."""
    try:
        content = json.loads((folder / STORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def unfinished(output_folder: Path) -> list[Path]:
    """Incidents that were being written when their recorder was killed."""
    root = output_folder / FOLDER
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [
        folder
        for folder in folders
        if story_of(folder).get("state") == RECORDING and not any(is_locked(path) for path in splits(folder))
    ]


def mend(output_folder: str | Path) -> list[Path]:
    """Finish every unfinished incident under a recorder's folder. Returns those that were; raises OSError, BagError.

    One that cannot be finished keeps no other from it: its error is raised when all the others are done.
    """
    done, refused = [], []
    for folder in unfinished(Path(output_folder)):
        story = story_of(folder)
        try:
            kept = recover(folder).messages if splits(folder) else 0
        except BagError as error:
            refused.append(error)
            continue
        state = CUT_SHORT
        if _recut(Path(output_folder), folder, story, kept):
            state = RECUT
        write_story(folder, {**story, "state": state, "data_to_s": _end_s(folder)})
        done.append(folder)
    if refused:
        raise refused[0]
    return done


def _recut(root: Path, folder: Path, story: dict[str, Any], kept: int) -> bool:
    """Cut it again from the ordinary bag; True where that holds more than what the killed recorder had written."""
    bag = root / str(story.get("bag", ""))
    if not story.get("bag") or not bag.is_dir():
        return False
    draft = root / FOLDER / DRAFT / folder.name
    try:
        found = cut(bag, float(story["begin_s"]), float(story["end_s"]), draft, {"cut_from": bag.name})
        if found <= kept:
            return False
        for path in splits(folder):
            path.unlink()
        for path in draft.iterdir():
            path.replace(folder / path.name)
        return True
    except (PhysicalAIError, KeyError, ValueError, TypeError):
        return False
    finally:
        shutil.rmtree(root / FOLDER / DRAFT, ignore_errors=True)


def _end_s(folder: Path) -> float | None:
    try:
        with splits(folder)[-1].open("rb") as stream:
            summary = make_reader(stream).get_summary()
    except (OSError, IndexError, McapError, ValueError):
        return None
    return None if summary is None or summary.statistics is None else summary.statistics.message_end_time * 1e-9


def main() -> int:
    try:
        for folder in mend(sys.argv[1]):
            print(f"incident {folder.name}: {story_of(folder).get('state')}", flush=True)
    except (OSError, PhysicalAIError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
