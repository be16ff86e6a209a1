"""What people did to the robot: who, in which role, what, why if told, from when to when, by the stamps of the graph.

| `what` | role | begins | ends |
|---|---|---|---|
| emergency_stop | anyone | `emergency_stop` true | `emergency_stop` false |
| takeover | driver | the gate's note `took_over` on `safety/people` | its note `handed_back` |
| teleop | driver | the first command on `cmd_vel_teleop` | the last one before 0.5 s of silence |
| stop, cancel | operator | the sentence, or else the goal, that ended a running mission | the next goal that moves |
| yes, no, withdrawn, denied, reset | approver, driver, operator | the gate's note of that name | at once |

`safety/driver` and `safety/answer` are what a person asked for, and carry the reason; the gate's notes are what came of
it. The messages themselves count only where no gate reports on `safety/people`.
"""

from __future__ import annotations

import math
import unicodedata
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core.reports import PeopleReport, PersonsAnswer, Takeover, Verdict
from physical_ai_telemetry.missions import CANCELLED, STOPPED, MissionWatch

TOPICS: Final = (
    "emergency_stop", "safety/people", "safety/driver", "safety/answer", "cmd_vel_teleop", "safety/verdict",
    "instruction", "goal_state", "planner/reply", "controller/status",
)  # fmt: skip
SILENT_S: Final = 0.5  # the gate gives the robot back to autonomy after so long without a command of a person
GATE_SILENT_S: Final = 3.0  # safety/people comes once a second
HEARD_S: Final = 10.0  # a sentence so long before a stop is the one that asked for it
TOLD_S: Final = 5.0  # a reason belongs to the gate's note within this time
MOST: Final = 2000  # kept; the oldest are forgotten, not uncounted
ROLES: Final = {"yes": "approver", "no": "approver", "withdrawn": "approver", "reset": "operator"}
WORDS: Final = {
    "emergency_stop": ("emergency stop pressed", "非常停止ボタン"),
    "takeover": ("took the robot over", "運転を引き取った"),
    "teleop": ("drove by hand", "手動で運転"),
    "stop": ("told it to stop", "停止を指示"),
    "cancel": ("cancelled the mission", "任務を取り消した"),
    "yes": ("approved", "承認した"),
    "no": ("refused", "承認しなかった"),
    "withdrawn": ("took an approval back", "承認を取り消した"),
    "denied": ("asked for what the gate denied", "ゲートが受け付けなかった"),
    "reset": ("released the robot", "停止を解除した"),
}


@dataclass(frozen=True)
class Intervention:
    """One thing a person did. Stamps in seconds of the graph's clock; `end_s` None: it lasts to the end of what was
    heard. `about`: what it was about (the sentence, the request); `why`: the reason, where the person gave one.
    `counts`: it changed what the robot would have done, and is no part of another that does (the KPI's interventions).
    """

    begin_s: float
    end_s: float | None
    what: str
    role: str
    who: str = ""  # "" is not known
    about: str = ""
    why: str = ""
    mission: str = ""
    counts: bool = False

    @property
    def en(self) -> str:
        return WORDS[self.what][0]

    @property
    def ja(self) -> str:
        return WORDS[self.what][1]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class InterventionTracker:
    """Feed it events in the order of their stamps by `hear`; `interventions()` may be asked at any time."""

    def __init__(self) -> None:
        self.missions = MissionWatch()
        self.change = ""  # what the last event did to the mission, as MissionWatch says it
        self.count = 0  # of those that count
        self._over: deque[Intervention] = deque(maxlen=MOST)
        self._lasting: dict[str, Intervention] = {}  # by `what`
        self._teleop_s = -math.inf  # the last command by hand
        self._gate_s = -math.inf  # the last safety/people
        self._sentence: tuple[float, str] = (-math.inf, "")
        self._told: dict[str, tuple[float, str]] = {}  # person -> when, and why

    def hear(self, topic: str, data: Any, stamp_s: float) -> tuple[Intervention, ...]:
        """Take one payload (of `TOPICS`; others are ignored). Returns the interventions that begin by it."""
        if not math.isfinite(stamp_s):
            self.change = ""
            return ()
        mission = self.missions.goal_id
        change = self.change = self.missions.hear(data)
        if change == "begun":
            self._end("stop", stamp_s)
            self._end("cancel", stamp_s)
        elif change in (STOPPED, CANCELLED):
            said_s, words = self._sentence
            asked = 0.0 <= stamp_s - said_s <= HEARD_S
            what = "stop" if change == STOPPED else "cancel"
            return self._begin(
                what, said_s if asked else stamp_s, "operator", about=words if asked else "", mission=mission
            )
        if isinstance(data, PeopleReport):
            return self._hear_people(data, stamp_s)
        if isinstance(data, Verdict):
            return self._hear_source(data.source, stamp_s)
        if topic == "cmd_vel_teleop":
            return self._hear_teleop(stamp_s)
        if topic == "emergency_stop" and isinstance(data, m.Flag):
            if data.data:
                return self._begin("emergency_stop", stamp_s, "anyone")
            self._end("emergency_stop", stamp_s)
        elif topic == "instruction" and isinstance(data, m.Text):
            self._sentence = (stamp_s, data.data)
        elif isinstance(data, (Takeover, PersonsAnswer)):
            return self._hear_person(data, stamp_s)
        return ()

    def interventions(self) -> tuple[Intervention, ...]:
        """All that are remembered, in the order in which they began; what lasts has no end."""
        return tuple(sorted((*self._over, *self._lasting.values()), key=lambda one: one.begin_s))

    # --- who drives ---

    def _hear_teleop(self, stamp_s: float) -> tuple[Intervention, ...]:
        if stamp_s - self._teleop_s > SILENT_S:
            self._end("teleop", self._teleop_s)
        driver = self._lasting.get("takeover")
        begun = self._begin("teleop", stamp_s, "driver", who=driver.who if driver is not None else "")
        self._teleop_s = stamp_s if begun else max(self._teleop_s, stamp_s)
        return begun

    def _hear_source(self, source: str, stamp_s: float) -> tuple[Intervention, ...]:
        if source == "teleop":  # also where cmd_vel_teleop was not recorded
            return self._hear_teleop(stamp_s)
        if not 0.0 <= stamp_s - self._teleop_s <= SILENT_S:
            self._end("teleop", self._teleop_s)
        return ()

    def _hear_people(self, report: PeopleReport, stamp_s: float) -> tuple[Intervention, ...]:
        self._gate_s = stamp_s
        begun: list[Intervention] = []
        for note in report.notes:
            if isinstance(note, dict):
                begun += self._hear_note(note, stamp_s)
        lasting = self._lasting.get("takeover")
        if lasting is not None and not _same(lasting.who, report.driver):  # a note was missed
            self._end("takeover", stamp_s)
        if report.driver:
            begun += self._begin("takeover", stamp_s, "driver", who=report.driver)
        return tuple(begun)

    def _hear_note(self, note: dict[str, Any], report_s: float) -> tuple[Intervention, ...]:
        what, who = str(note.get("what", "")), str(note.get("person", ""))
        stamp_s = float(note.get("stamp_s", report_s))
        stamp_s = stamp_s if math.isfinite(stamp_s) else report_s
        told_s, why = self._told.get(_plain(who), (-math.inf, ""))
        why = why if abs(stamp_s - told_s) <= TOLD_S else ""
        if what == "took_over":
            self._end("takeover", stamp_s)
            return self._begin("takeover", stamp_s, "driver", who=who, about=str(note.get("context", "")), why=why)
        if what == "handed_back":
            self._end("takeover", stamp_s)
        elif what in ("yes", "no", "withdrawn", "denied", "reset"):
            about = ", ".join(str(note[name]) for name in ("id", "action", "context") if note.get(name))
            role = "driver" if note.get("id") in ("takeover", "hand_back") else ROLES.get(what, "approver")
            one = Intervention(stamp_s, stamp_s, what, role, who, about, why, self.missions.goal_id)
            self._over.append(one)
            return (one,)
        return ()

    def _hear_person(self, said: Takeover | PersonsAnswer, stamp_s: float) -> tuple[Intervention, ...]:
        """A person's own message: why, and, where no gate reports, what came of it."""
        why = str(getattr(said, "why", ""))
        self._told[_plain(said.person)] = (stamp_s, why)
        if 0.0 <= stamp_s - self._gate_s <= GATE_SILENT_S:
            return ()
        if isinstance(said, PersonsAnswer):
            what = "yes" if said.yes is True else "no"
            one = Intervention(stamp_s, stamp_s, what, "approver", said.person, said.id, why, self.missions.goal_id)
            self._over.append(one)
            return (one,)
        if said.takes is True:
            return self._begin("takeover", stamp_s, "driver", who=said.person, why=why)
        self._end("takeover", stamp_s)
        return ()

    # --- what lasts ---

    def _begin(
        self, what: str, stamp_s: float, role: str, *, who: str = "", about: str = "", why: str = "", mission: str = ""
    ) -> tuple[Intervention, ...]:
        if what in self._lasting:
            return ()
        other = {"teleop": "takeover", "takeover": "teleop"}.get(what, what)
        counts = other not in self._lasting  # driving is part of a take-over
        one = Intervention(stamp_s, None, what, role, who, about, why, mission or self.missions.goal_id, counts)
        self._lasting[what] = one
        self.count += counts
        return (one,)

    def _end(self, what: str, stamp_s: float) -> None:
        one = self._lasting.pop(what, None)
        if one is not None:
            self._over.append(replace(one, end_s=max(one.begin_s, stamp_s)))


def interventions_of_events(events: Iterable[tuple[str, Any, float]]) -> tuple[Intervention, ...]:
    """What people did, of (topic, payload, stamp) events in stamp order."""
    tracker = InterventionTracker()
    for topic, data, stamp_s in events:
        tracker.hear(topic, data, stamp_s)
    return tracker.interventions()


def interventions_of_bag(path: str | Path) -> tuple[Intervention, ...]:
    """What people did while this bag was recorded, in the order in which it began. Raises BagError."""
    from physical_ai_telemetry.bag import open_bag

    with open_bag(path) as bag:
        return interventions_of_events(bag.events(TOPICS))


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(name)).casefold().split())


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)
