"""The recorder: takes serialized messages without ever blocking, writes them from a thread of its own.

The caller's thread only appends to a queue of bounded size. All disk work, and so every wait for a slow disk and
every error of a full one, happens in the writer thread: the robot is never affected by its recorder.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from physical_ai_telemetry.bag_writer import MB, BagWriter, RecorderError, bag_folder
from physical_ai_telemetry.incident_writer import IncidentWriter
from physical_ai_telemetry.incidents import Cause
from physical_ai_telemetry.mend import unfinished
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.provenance import Provenance
from physical_ai_telemetry.recorder_status import RecorderStatus
from physical_ai_telemetry.split import Letter, RecordedTopic

__all__ = ["Recorder", "RecorderError", "RecorderStatus", "bag_folder"]
PAUSE_S = 0.1  # the writer drains the queue this often: few wake-ups, few hand-overs of the interpreter lock


class Recorder:
    """Records from `start` to `stop`; `write` is called from any one thread in between, `note` from the same.

    What is written: the ordinary bag (`record`), and a file for each incident (`incidents`).
    """

    def __init__(
        self,
        settings: TelemetryParameters,
        info: Mapping[str, str] | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self._settings = settings
        known = {"site": settings.site, "robot": settings.robot, **(info or {})}
        self._bag = BagWriter(settings, known, PAUSE_S) if settings.record else None
        self._incidents = IncidentWriter(settings, provenance) if settings.incidents else None
        self._queue: deque[Letter] = deque()
        self._causes: deque[Cause] = deque()
        # Each counter is written by one thread only, so that none needs a lock.
        self._queued_bytes = self._drained_bytes = 0
        self._refused = self._lost = 0
        self._limit_bytes = int(settings.queue_mb * MB)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._mender: subprocess.Popen[bytes] | None = None

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

    def note(self, cause: Cause) -> None:
        """Keep what lies around this cause."""
        self._causes.append(cause)

    def name_what_runs(self, said: Mapping[str, str]) -> None:
        """What nodes name in their heartbeats, for the bag and the stories of incidents."""
        if self._bag is not None:
            self._bag.name_what_runs(said)
        if self._incidents is not None:
            self._incidents.name_what_runs(said)

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
        bag, incidents = self._bag, self._incidents
        missed = incidents.error if incidents is not None else ""
        error = (bag.error if bag is not None else "") or missed
        state = "recording" if bag is not None else "incidents" if incidents is not None else "off"
        fails = bool(bag.error if bag is not None else missed)  # a bag that goes on is no failure
        open_folder = incidents.open_folder if incidents is not None else None
        return RecorderStatus(
            state="off" if self._thread is None else "failed" if fails else state,
            folder=str(bag.folder or "") if bag is not None else "",
            messages=bag.messages if bag is not None else 0,
            megabytes=bag.bytes() / MB if bag is not None else 0.0,
            dropped=self._refused + self._lost + (bag.unwritten if bag is not None else 0),
            files=bag.files if bag is not None else 0,
            deleted=bag.deleted if bag is not None else 0,
            error=error,
            refused=self._refused,
            unwritten=bag.unwritten if bag is not None else 0,
            lost=self._lost,
            incidents=incidents.kept if incidents is not None else 0,
            incident=str(open_folder or ""),
        )

    # --- the writer thread ---

    def _run(self) -> None:
        if self._incidents is not None:
            self._mend()
        while not self._stop.wait(PAUSE_S):
            self._work(time.monotonic())
        self._work(time.monotonic())
        if self._incidents is not None:
            self._incidents.close()
        if self._bag is not None:
            self._bag.close()
        if self._mender is not None:
            self._mender.wait()

    def _work(self, now_s: float) -> None:
        """One round: drain the queue into the bag and the incident that is open."""
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        causes = [self._causes.popleft() for _ in range(len(self._causes))]
        bag = ""
        if self._bag is not None:
            self._bag.work(batch, now_s)
            bag = self._bag.folder.name if self._bag.folder is not None else ""
        if self._incidents is not None:
            self._incidents.work(batch, causes, bag, now_s)
        self._drained_bytes += sum(len(data) for _, _, data in batch)

    def _mend(self) -> None:
        """Incidents that a killed forerunner left are finished by a process of its own."""
        root = Path(self._settings.output_folder).expanduser()
        try:
            if unfinished(root):
                command = [sys.executable, "-m", "physical_ai_telemetry.mend", str(root)]
                self._mender = subprocess.Popen(["nice", "-n", "19", *command], stdout=subprocess.DEVNULL)
        except OSError:
            return  # the next start tries again
