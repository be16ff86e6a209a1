"""Bounded disk: the oldest recorded files go first, the file being written never."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from physical_ai_core.errors import BagError
from physical_ai_telemetry.metadata import NAME, STORY, splits, write_metadata
from physical_ai_telemetry.recover import is_finished, is_ours
from physical_ai_telemetry.split import is_locked


def free_bytes(folder: Path) -> int:
    """Space left on the disk of `folder`."""
    return shutil.disk_usage(folder).free


def prune(root: Path, limit_bytes: int) -> list[Path]:
    """Delete the oldest recorded files under `root` until all together take at most `limit_bytes`.

    Only files that this recorder wrote, in folders directly under `root`, are counted and deleted: another tool's
    recordings beside them are not ours to judge. Returns what was deleted. Raises OSError.
    """
    bags = [folder for folder in root.iterdir() if folder.is_dir()]
    files = sorted(
        (path for bag in bags for path in splits(bag) if is_ours(path)),
        key=lambda path: (path.stat().st_mtime, path.name),
    )
    total = sum(path.stat().st_size for path in files)
    deleted: list[Path] = []
    for path in files:
        if total <= limit_bytes:
            break
        if is_locked(path):
            continue
        total -= path.stat().st_size
        path.unlink()
        deleted.append(path)
    for folder in {path.parent for path in deleted}:
        _tidy(folder)
    return deleted


def _tidy(folder: Path) -> None:
    """After files were deleted: renew the metadata, or drop the folder when nothing of the recording is left."""
    finished = [path for path in splits(folder) if is_finished(path)]
    if finished:
        with suppress(BagError):  # a damaged neighbour: `recover` deals with it
            write_metadata(folder, finished)
    elif not splits(folder):
        (folder / NAME).unlink(missing_ok=True)
        (folder / STORY).unlink(missing_ok=True)
        if not os.listdir(folder):
            folder.rmdir()
