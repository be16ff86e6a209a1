"""Incidents on disk: a ring of what was heard, and for each incident a bag of its own with the story beside it.

Runs in the recorder's thread. Nothing here asks for the least free space that ordinary recording leaves: that reserve
is for incidents.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.graph import Qos
from physical_ai_telemetry.incidents import Cause, Incident, begun_by
from physical_ai_telemetry.metadata import STORY, write_metadata
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.provenance import Provenance
from physical_ai_telemetry.quota import prune
from physical_ai_telemetry.ring import Ring
from physical_ai_telemetry.split import Letter, Split

FOLDER: Final = "incidents"
MB: Final = 1e6
ROUND_BYTES: Final = 8_000_000  # of what came before, written a round: the robot's processor is shared
QUIET_S: Final = 5.0  # steady clock; the graph has fallen silent, or its clock stands
RECORDING, FINISHED, CUT_SHORT, RECUT = "recording", "finished", "cut_short", "recut"


def write_story(folder: Path, story: Mapping[str, Any]) -> None:
    """Replace the JSON beside an incident in one step."""
    draft = folder / f".{STORY}.part"
    draft.write_text(json.dumps(story, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    os.replace(draft, folder / STORY)


class IncidentWriter:
    """Feed it every batch by `work`; it opens, fills and closes the files of incidents by itself."""

    def __init__(self, settings: TelemetryParameters, provenance: Provenance | None = None) -> None:
        self._settings = settings
        self._provenance = provenance or Provenance()
        self._root = Path(settings.output_folder).expanduser() / FOLDER
        self._ring = Ring(settings.incident_before_s, int(settings.incident_ring_mb * MB))
        self._incident: Incident | None = None
        self._story: dict[str, Any] = {}
        self._backlog: deque[Letter] = deque()  # of the open incident, not yet in its file
        self._split: Split | None = None
        self._heard_s = self._flushed_s = self._synced_s = 0.0
        self.kept = 0
        self.error = ""

    @property
    def open_folder(self) -> Path | None:
        """Of the incident that is being written."""
        return self._split.path.parent if self._split is not None else None

    def name_what_runs(self, said: Mapping[str, str]) -> None:
        """What nodes name in their heartbeats, for the next incident."""
        self._provenance = replace(self._provenance, said=dict(said))

    def work(self, batch: list[Letter], causes: list[Cause], bag: str, now_s: float) -> None:
        """One round. `bag`: name of the ordinary bag that is being written; `now_s`: the steady clock."""
        self._ring.add(batch)
        if self._split is not None:
            self._backlog.extend(batch)
        if batch:
            self._heard_s = now_s
        for cause in causes:
            self._guard(self._note, cause, bag)
        if self._split is not None:
            self._guard(self._write, now_s)

    def close(self) -> None:
        """Finish the incident that is open with what is there."""
        if self._split is not None:
            self._guard(self._finish)

    def _guard(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except (OSError, PhysicalAIError, ValueError) as error:
            self.error = f"An incident could not be kept in {self._root}: {getattr(error, 'cause', None) or error}"
            if self._split is not None:
                self._split.abandon()  # what reached the disk is recovered with the next start
            self._split, self._incident = None, None
            self._backlog.clear()

    def _note(self, cause: Cause, bag: str) -> None:
        settings = self._settings
        if self._incident is not None:
            joined = self._incident.joined_by(cause, settings.incident_after_s, settings.incident_longest_s)
            if joined is not None:
                self._incident = joined
                self._tell(RECORDING)
                return
            self._finish()
        self._begin(begun_by(cause, settings.incident_before_s, settings.incident_after_s), bag)

    def _begin(self, incident: Incident, bag: str) -> None:
        cause = incident.causes[0]
        rule = "".join(c if c.isalnum() or c in "_-" else "_" for c in cause.rule)[:40]
        name = f"{time.strftime('%Y_%m_%d-%H_%M_%S')}_{cause.kind}_{rule}"
        folder = self._root / name
        count = 1
        while folder.exists():
            count += 1
            folder = self._root / f"{name}_{count}"
        folder.mkdir(parents=True)
        prune(self._root, int(self._settings.incident_quota_mb * MB))
        found = self._ring.since(round(incident.begin_s * 1e9))
        first = next((letter for letter in found if letter[1] >= incident.begin_s * 1e9), None)
        self._story = {
            "schema_version": "1.0",
            "bag": bag,
            "data_from_s": first[1] * 1e-9 if first is not None else cause.stamp_s,
            **self._provenance.to_dict(),
        }
        self._incident = incident
        self._backlog = deque(found)
        info = {"incident": cause.kind, "rule": cause.rule, "stamp_s": f"{cause.stamp_s:.9f}", "mission": cause.mission}
        known = {key: str(self._story[key]) for key in ("software", "site", "robot")}
        self._split = Split(folder / f"{folder.name}_0.mcap", self._settings.compression, {**known, **info})
        self._tell(RECORDING)
        self._split.note("incident", {"story": (folder / STORY).read_text(encoding="utf-8")})
        self.kept += 1
        self.error = ""

    def _write(self, now_s: float) -> None:
        assert self._split is not None and self._incident is not None
        begin_ns, end_ns = round(self._incident.begin_s * 1e9), round(self._incident.end_s * 1e9)
        written = 0
        over = False
        while self._backlog and written < ROUND_BYTES:
            topic, stamp_ns, data = self._backlog.popleft()
            if stamp_ns > end_ns:
                over = True
                break
            if stamp_ns < begin_ns and topic.qos is not Qos.LATCHED:  # the clock was set back
                over = True
                break
            self._split.write(topic, max(begin_ns, stamp_ns, 0), data, max(stamp_ns, 0))
            written += len(data)
        if over or (not self._backlog and now_s - self._heard_s > QUIET_S):
            self._finish()
        elif now_s - self._flushed_s >= self._settings.flush_s:
            self._flushed_s = now_s
            self._split.flush()
            if 0.0 < self._settings.sync_s <= now_s - self._synced_s:
                self._synced_s = now_s
                self._split.sync()

    def _finish(self) -> None:
        assert self._split is not None and self._incident is not None
        end_ns, begin_ns = round(self._incident.end_s * 1e9), round(self._incident.begin_s * 1e9)
        for topic, stamp_ns, data in self._backlog:  # the recorder stops in the middle of it
            if stamp_ns <= end_ns and (stamp_ns >= begin_ns or topic.qos is Qos.LATCHED):
                self._split.write(topic, max(begin_ns, stamp_ns, 0), data, max(stamp_ns, 0))
        self._backlog.clear()
        folder = self._split.path.parent
        self._tell(FINISHED)
        self._split.note("incident", {"story": (folder / STORY).read_text(encoding="utf-8")})
        split, self._split = self._split, None
        self._incident = None
        split.flush()
        if self._settings.sync_s > 0.0:
            split.sync()
        split.close()
        write_metadata(folder, [split.path])

    def _tell(self, state: str) -> None:
        assert self._split is not None and self._incident is not None
        write_story(self._split.path.parent, {**self._story, "state": state, **self._incident.to_dict()})
