"""The recorder: takes serialized messages without ever blocking, writes them from a thread of its own.

The caller's thread only appends to a queue of bounded size. All disk work, and so every wait for a slow disk and
every error of a full one, happens in the writer thread: the robot is never affected by its recorder.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physical_ai_core.errors import BagError, PhysicalAIError
from physical_ai_telemetry.metadata import splits, write_metadata
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.quota import free_bytes, prune
from physical_ai_telemetry.recover import is_finished, recover
from physical_ai_telemetry.split import RecordedTopic, Split, is_locked

MB = 1e6
RETRY_S = 5.0  # between two tries to go on after the disk refused
LOOK_S = 10.0  # between two looks at quota and free space
PAUSE_S = 0.1  # the writer drains the queue this often: few wake-ups, few hand-overs of the interpreter lock


class RecorderError(PhysicalAIError):
    """The recording cannot be written; the robot goes on without it."""


@dataclass(frozen=True)
class RecorderStatus:
    """`state`: off, recording, failed. `dropped`: messages that were heard but not written."""

    state: str = "off"
    folder: str = ""
    messages: int = 0
    megabytes: float = 0.0
    dropped: int = 0
    files: int = 0
    deleted: int = 0
    error: str = ""


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


class Recorder:
    """Records one bag from `start` to `stop`; `write` is called from any one thread in between."""

    def __init__(self, settings: TelemetryParameters, info: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._info = {"site": settings.site, "robot": settings.robot, **(info or {})}
        self._queue: deque[tuple[RecordedTopic, int, bytes]] = deque()
        # Each counter is written by one thread only, so that none needs a lock.
        self._queued_bytes = self._drained_bytes = 0
        self._refused = self._unwritten = self._lost = 0
        self._unflushed = 0  # written into a chunk that is not in the file yet
        self._messages = self._bytes = self._files = self._deleted = 0
        self._limit_bytes = int(settings.queue_mb * MB)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._folder: Path | None = None
        self._split: Split | None = None
        self._error = ""
        self._next_try_s = self._next_flush_s = self._next_sync_s = self._next_look_s = 0.0

    def start(self) -> None:
        """Begin recording. Never raises: what the disk says stands in `status`."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def write(self, topic: RecordedTopic, stamp_ns: int, data: bytes) -> None:
        """Take one serialized message; `stamp_ns` in the graph's time."""
        if self._queued_bytes - self._drained_bytes > self._limit_bytes:
            self._refused += 1
            return
        self._queued_bytes += len(data)
        self._queue.append((topic, stamp_ns, data))

    def stop(self) -> None:
        """Write what is queued, finish the bag with its metadata, and wait for it."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join()
        self._thread = None

    def count_lost(self, count: int) -> None:
        """Messages that the middleware reports as lost before they came here."""
        self._lost += count

    def status(self) -> RecorderStatus:
        state = "off" if self._thread is None else "failed" if self._error else "recording"
        size = self._bytes + (self._split.size() if self._split is not None and not self._error else 0)
        return RecorderStatus(
            state,
            str(self._folder or ""),
            self._messages,
            size / MB,
            self._refused + self._unwritten + self._lost,
            self._files,
            self._deleted,
            self._error,
        )

    # --- the writer thread ---

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self._work(time.monotonic())
        self._work(time.monotonic())
        self._close_split()
        self._finish_bag()

    def _work(self, now_s: float) -> None:
        """One round: open a file where there is none, drain the queue, flush, split, look at the disk."""
        if self._split is None and now_s >= self._next_try_s:
            self._guard(self._open, now_s)
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        if self._split is None:
            self._unwritten += len(batch)
        else:
            self._guard(self._append, now_s, batch)
        self._drained_bytes += sum(len(data) for _, _, data in batch)
        if self._split is not None:
            self._guard(self._maintain, now_s, now_s)

    def _guard(self, work: Callable[..., None], now_s: float, *arguments: Any) -> None:
        """Run disk work; on refusal give the file up, remember why, and try again later."""
        try:
            work(*arguments)
        except (OSError, PhysicalAIError, ValueError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "cause", None) or str(error)
            where = self._folder or Path(self._settings.output_folder).expanduser()
            failure = RecorderError(
                f"Recording to {where} is not possible: {reason}.",
                "Free space, correct the rights, or set another output_folder; it is tried again by itself.",
            )
            self._error = str(failure)
            self._next_try_s = now_s + RETRY_S
            if self._split is not None:
                self._split.abandon()
                self._split = None
                self._messages -= self._unflushed
                self._unwritten += self._unflushed
                self._unflushed = 0

    def _open(self) -> None:
        settings = self._settings
        if self._folder is None:
            folder = bag_folder(settings)
            folder.mkdir(parents=True, exist_ok=True)
            self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._make_room()
        taken = splits(self._folder)
        number = 0
        if taken:
            tail = taken[-1].stem.rpartition("_")[2]
            number = int(tail) + 1 if tail.isdigit() else len(taken)
        path = self._folder / f"{self._folder.name}_{number}.mcap"
        self._split = Split(path, settings.compression, self._info)
        self._files += 1
        self._error = ""

    def _append(self, batch: list[tuple[RecordedTopic, int, bytes]]) -> None:
        assert self._split is not None
        done = 0
        try:
            for topic, stamp_ns, data in batch:
                self._split.write(topic, max(0, stamp_ns), data)
                done += 1
        finally:
            self._messages += done
            self._unflushed += done
            self._unwritten += len(batch) - done

    def _maintain(self, now_s: float) -> None:
        assert self._split is not None
        settings = self._settings
        if now_s >= self._next_flush_s:
            self._split.flush()
            self._unflushed = 0
            self._next_flush_s = now_s + max(PAUSE_S, settings.flush_s - PAUSE_S)
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
        assert self._folder is not None
        root, settings = self._folder.parent, self._settings
        open_bytes = self._split.size() if self._split is not None else 0
        self._deleted += len(prune(root, int(max(settings.quota_mb - settings.split_mb, 0.0) * MB) + open_bytes))
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
            self._error = f"Closing {split.path} failed: {error}."

    def _write_metadata(self) -> None:
        """Metadata of all files that are finished; a killed forerunner's file waits for the end of the bag."""
        assert self._folder is not None
        finished = [path for path in splits(self._folder) if is_finished(path)]
        if finished:
            write_metadata(self._folder, finished)

    def _finish_bag(self) -> None:
        """Bring back what an earlier, killed recorder left in this folder, and write the final metadata."""
        if self._folder is None or not splits(self._folder):
            return
        try:
            recover(self._folder)
        except PhysicalAIError as error:
            self._error = str(error)
