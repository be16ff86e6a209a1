"""What a bag says about itself, in one quick look: who recorded it, its missions, what people did, and marks of its
content by which the same drive is known again in another bag.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.errors import BagError
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.columns import ChannelDecoder
from physical_ai_telemetry.dataset.events import Heard, rows_of
from physical_ai_telemetry.dataset.source import Shelf, fingerprint, is_mcap, raw_batches
from physical_ai_telemetry.interventions import TOPICS as LABEL_TOPICS
from physical_ai_telemetry.interventions import Intervention, InterventionTracker
from physical_ai_telemetry.metadata import recorded_info
from physical_ai_telemetry.missions import BEGUN, COMPLETED

MARK_TOPICS: Final = ("state/odometry", "scan")  # what they hold is the same in no two drives
MARK_EVERY: Final = 4  # one message in so many, by its content, is a mark
ID_LETTERS: Final = 12  # of a bag's SHA-256, for names

Marks = NDArray[np.uint64]


@dataclass(frozen=True)
class Unit:
    """What is never divided: a mission, or the time between two (`mission` ""). Stamps of recording, both included."""

    bag: str  # the recording's id
    number: int  # within the bag
    mission: str
    begin_ns: int
    end_ns: int
    instruction: str = ""
    completed: bool = False

    @property
    def name(self) -> str:
        return f"{self.bag}/{self.number}" + (f"/{self.mission}" if self.mission else "")


@dataclass(frozen=True)
class Recording:
    """One bag. `info`: what its recorder wrote of itself (site, robot, software, …)."""

    path: Path
    sha256: str
    info: dict[str, str] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    marks: Marks = field(default_factory=lambda: np.empty(0, np.uint64))
    mark_units: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def id(self) -> str:
        return self.sha256[:ID_LETTERS]

    def unit_of(self, log_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the unit that each stamp belongs to."""
        begins = np.array([unit.begin_ns for unit in self.units], dtype=np.int64)
        return np.clip(np.searchsorted(begins, log_ns, side="right") - 1, 0, None)


def look_at(bag: str | Path, shelf: Shelf | None = None) -> Recording:
    """Read a bag's labels; `shelf` keeps what was read for who comes next.

    Raises BagError when it cannot be read or holds no topic of the graph."""
    path = Path(bag)
    digest = fingerprint(path)
    reader = _of_mcap(path, shelf) if is_mcap(path) else _of_others(path)
    tracker, timeline = InterventionTracker(), _Timeline(digest[:ID_LETTERS])
    for log_ns, topic, data, stamp_s in reader.events:
        tracker.hear(topic, data, stamp_s)
        timeline.hear(log_ns, topic, data, tracker)
    if not reader.seen:
        raise BagError(
            f"The bag {path} has no message of the graph's topics (found: {', '.join(reader.found) or 'nothing'}).",
            "Give a recording of this suite, or rename its topics.",
        )
    units = timeline.units(min(reader.seen), max(reader.seen))
    recording = Recording(path, digest, recorded_info(path), units, tracker.interventions())
    marks, marked_ns = reader.marks()
    return replace(recording, marks=marks, mark_units=recording.unit_of(marked_ns))


class _Timeline:
    """Begin and end of each mission, by the time of recording of what began and ended it."""

    def __init__(self, bag: str) -> None:
        self._bag = bag
        self._spans: list[tuple[int, int, str, str, bool]] = []
        self._open: tuple[int, str, str] | None = None
        self._sentence = ""

    def hear(self, log_ns: int, topic: str, data: Any, tracker: InterventionTracker) -> None:
        if topic == "instruction" and isinstance(data, m.Text):
            self._sentence = data.data
        if not tracker.change:
            return
        if self._open is not None:
            begin_ns, name, sentence = self._open
            last = log_ns - 1 if tracker.change == BEGUN else log_ns
            self._spans.append((begin_ns, max(begin_ns, last), name, sentence, tracker.change == COMPLETED))
            self._open = None
        if tracker.change == BEGUN:
            self._open = (log_ns, tracker.missions.goal_id or f"mission_{len(self._spans) + 1}", self._sentence)

    def units(self, first_ns: int, last_ns: int) -> tuple[Unit, ...]:
        """The whole time of the bag: missions, and sessions between them."""
        spans = list(self._spans)
        if self._open is not None:
            begin_ns, name, sentence = self._open
            spans.append((begin_ns, max(begin_ns, last_ns), name, sentence, False))
        found: list[Unit] = []
        now_ns = first_ns
        for begin_ns, end_ns, name, sentence, completed in sorted(spans):
            if begin_ns > now_ns:
                found.append(Unit(self._bag, len(found), "", now_ns, begin_ns - 1))
            found.append(Unit(self._bag, len(found), name, begin_ns, end_ns, sentence, completed))
            now_ns = max(now_ns, end_ns + 1)
        if now_ns <= last_ns or not found:
            found.append(Unit(self._bag, len(found), "", now_ns, last_ns))
        return tuple(found)


Labels = Iterator[tuple[int, str, Any, float]]


@dataclass
class _Look:
    """What one pass over a bag gives; `events` has to be run through before the rest is asked."""

    events: Labels = field(default_factory=lambda: iter(()))
    seen: list[int] = field(default_factory=list)  # first and last stamp of recording of every group of messages
    found: set[str] = field(default_factory=set)  # the bag's own topics
    _marks: list[Marks] = field(default_factory=list)
    _log: list[NDArray[np.int64]] = field(default_factory=list)

    def mark(self, log_ns: list[int], payloads: Sequence[Any]) -> None:
        """Remember some messages by their content, which holds their own stamps; by content too is chosen which."""
        chosen = [number for number, payload in enumerate(payloads) if zlib.crc32(payload) % MARK_EVERY == 0]
        digests = b"".join([blake2b(payloads[number], digest_size=8).digest() for number in chosen])
        self._marks.append(np.frombuffer(digests, dtype=np.uint64))
        self._log.append(np.array([log_ns[number] for number in chosen], dtype=np.int64))

    def marks(self) -> tuple[Marks, NDArray[np.int64]]:
        if not self._marks:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        return np.concatenate(self._marks), np.concatenate(self._log)


def _of_mcap(path: Path, shelf: Shelf | None) -> _Look:
    look = _Look()

    def events() -> Labels:
        decoders: dict[Any, ChannelDecoder] = {}
        for raws in raw_batches(path) if shelf is None else shelf.read(path):
            heard: list[Heard] = []
            for raw in raws:
                log_ns = raw.batch.log_ns
                look.seen += [min(log_ns), max(log_ns)]
                look.found.add(raw.channel.topic)
                if raw.topic in MARK_TOPICS:
                    look.mark(log_ns, raw.batch.payloads)
                if raw.topic in LABEL_TOPICS:
                    decoder = decoders.get(raw.channel)
                    if decoder is None:
                        decoder = decoders[raw.channel] = ChannelDecoder(raw.channel, TOPIC[raw.topic].data)
                    heard += rows_of(raw.topic, decoder.table(raw.batch))
            for one in sorted(heard, key=lambda one: one.log_ns):
                yield one.log_ns, one.topic, one.data, one.stamp_s

    look.events = events()
    return look


def _of_others(path: Path) -> _Look:
    look = _Look()

    def events() -> Labels:
        with open_bag(path) as bag:
            look.found |= set(bag.topics)
            for topic, arrived_s, decode in bag.arrivals():
                log_ns = round(arrived_s * 1e9)
                look.seen += [log_ns] if len(look.seen) < 2 else []
                look.seen[-1] = max(look.seen[-1], log_ns)
                if topic in MARK_TOPICS:
                    try:
                        data = decode()
                    except BagError:
                        continue
                    look.mark([log_ns], [repr(data).encode()])
                elif topic in LABEL_TOPICS:
                    try:
                        data = decode()
                    except BagError:
                        continue
                    own_s = float(getattr(data, "stamp_s", float("nan")))
                    yield log_ns, topic, data, own_s if own_s > 0.0 else arrived_s

    look.events = events()
    return look
