"""The ordinary bag on disk: files of bounded size, bounded disk, and a pause while the disk refuses.

Runs in the recorder's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from physical_ai_core.errors import BagError, PhysicalAIError
from physical_ai_telemetry.metadata import RUNS, splits, write_metadata
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.quota import free_bytes, prune
from physical_ai_telemetry.recover import is_finished, recover
from physical_ai_telemetry.split import Letter, Split, is_locked

MB: Final = 1e6
RETRY_S = 5.0  # between two tries to go on after the disk refused
LOOK_S = 10.0  # between two looks at quota and free space


class RecorderError(PhysicalAIError):
    """The recording cannot be written; the robot goes on without it."""


def bag_folder(settings: TelemetryParameters) -> Path:
    """Where to record: the named bag; else the newest bag if its recorder was killed; else a new one by time."""
    root = Path(settings.output_folder).expanduser()
    if settings.bag:
        return root / settings.bag
    if root.is_dir():
        bags = sorted((f for f in root.iterdir() if f.is_dir() and splits(f)), key=lambda f: f.stat().st_mtime)
        if bags:
            last = splits(bags[-1])[-1]
            if not is_finished(last) and not is_locked(last):
                return bags[-1]
    return root / time.strftime("rosbag2_%Y_%m_%d-%H_%M_%S")


class BagWriter:
    """Feed it batches by `work`. Counters are written by the caller's thread alone; others may read them."""

    def __init__(self, settings: TelemetryParameters, info: Mapping[str, str], round_s: float) -> None:
        self._settings, self._info, self._round_s = settings, dict(info), round_s
        self.messages = self.unwritten = self.files = self.deleted = 0
        self.error = ""
        self.folder: Path | None = None
        self._bytes = 0
        self._unflushed = 0  # written into a chunk that is not in the file yet
        self._split: Split | None = None
        self._said: dict[str, str] = {}  # replaced as a whole by the thread that hears
        self._noted: dict[str, str] = {}  # of it, what the open file holds
        self._next_try_s = self._next_flush_s = self._next_sync_s = self._next_look_s = 0.0

    def bytes(self) -> int:
        """On disk, of all files of this recording."""
        split = self._split
        return self._bytes + (split.size() if split is not None and not self.error else 0)

    def name_what_runs(self, said: Mapping[str, str]) -> None:
        """What nodes name in their heartbeats: noted in every file, anew when it changes."""
        self._said = dict(said)

    def work(self, batch: list[Letter], now_s: float) -> None:
        """One round: open a file where there is none, write, flush, split, look at the disk. `now_s`: steady clock."""
        if self._split is None and now_s >= self._next_try_s:
            self._guard(self._open, now_s)
        if self._split is None:
            self.unwritten += len(batch)
        else:
            self._guard(self._append, now_s, batch)
        if self._split is not None:
            self._guard(self._maintain, now_s, now_s)

    def close(self) -> None:
        """Finish the file and the bag."""
        self._close_split()
        self._finish_bag()

    def _guard(self, work: Callable[..., None], now_s: float, *arguments: Any) -> None:
        """Run disk work; on refusal give the file up, remember why, and try again later."""
        try:
            work(*arguments)
        except (OSError, PhysicalAIError, ValueError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "cause", None) or str(error)
            where = self.folder or Path(self._settings.output_folder).expanduser()
            failure = RecorderError(
                f"Recording to {where} is not possible: {reason}.",
                "Free space, correct the rights, or set another output_folder; it is tried again by itself.",
            )
            self.error = str(failure)
            self._next_try_s = now_s + RETRY_S
            if self._split is not None:
                self._split.abandon()
                self._split = None
                self.messages -= self._unflushed
                self.unwritten += self._unflushed
                self._unflushed = 0

    def _open(self) -> None:
        settings = self._settings
        if self.folder is None:
            folder = bag_folder(settings)
            folder.mkdir(parents=True, exist_ok=True)
            self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_room()
        taken = splits(self.folder)
        number = 0
        if taken:
            tail = taken[-1].stem.rpartition("_")[2]
            number = int(tail) + 1 if tail.isdigit() else len(taken)
        path = self.folder / f"{self.folder.name}_{number}.mcap"
        self._split = Split(path, settings.compression, self._info)
        self._noted = {}
        self.files += 1
        self.error = ""

    def _append(self, batch: list[Letter]) -> None:
        assert self._split is not None
        done = 0
        try:
            for topic, stamp_ns, data in batch:
                self._split.write(topic, max(0, stamp_ns), data)
                done += 1
        finally:
            self.messages += done
            self._unflushed += done
            self.unwritten += len(batch) - done

    def _maintain(self, now_s: float) -> None:
        assert self._split is not None
        settings, said = self._settings, self._said
        if said != self._noted:
            self._split.note(RUNS, said)
            self._noted = said
        if now_s >= self._next_flush_s:
            self._split.flush()
            self._unflushed = 0
            self._next_flush_s = now_s + max(self._round_s, settings.flush_s - self._round_s)
        if settings.sync_s > 0.0 and now_s >= self._next_sync_s:
            self._split.sync()
            self._next_sync_s = now_s + settings.sync_s
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_S
            self._make_room()
        if self._split.size() >= settings.split_mb * MB:
            self._close_split()
            self._open()

    def _make_room(self) -> None:
        """Obey quota and least free space. Raises RecorderError when there is nothing left to delete."""
        assert self.folder is not None
        root, settings = self.folder.parent, self._settings
        open_bytes = self._split.size() if self._split is not None else 0
        self.deleted += len(prune(root, int(max(settings.quota_mb - settings.split_mb, 0.0) * MB) + open_bytes))
        if free_bytes(root) < settings.min_free_mb * MB:
            raise RecorderError(
                f"less than {settings.min_free_mb:.0f} MB are free on its disk", "Free space on the disk."
            )

    def _close_split(self) -> None:
        if self._split is None:
            return
        split, self._split = self._split, None
        try:
            split.close()
            self._bytes += split.path.stat().st_size
            self._write_metadata()
        except (OSError, BagError) as error:
            self.error = f"Closing {split.path} failed: {error}."

    def _write_metadata(self) -> None:
        """Metadata of all files that are finished; a killed forerunner's file waits for the end of the bag."""
        assert self.folder is not None
        finished = [path for path in splits(self.folder) if is_finished(path)]
        if finished:
            write_metadata(self.folder, finished)

    def _finish_bag(self) -> None:
        """Bring back what an earlier, killed recorder left in this folder, and write the final metadata."""
        if self.folder is None or not splits(self.folder):
            return
        try:
            recover(self.folder)
        except PhysicalAIError as error:
            self.error = str(error)
