"""Reading recordings as events of the graph: topic, payload, stamp. ROS 1 bags, rosbag2 sqlite3 and MCAP alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.highlevel import AnyReader, AnyReaderError

from physical_ai_core.errors import BagError, InputError
from physical_ai_core.graph import TOPIC, TOPICS
from physical_ai_core.ros.decode import decode
from physical_ai_telemetry.mcap_order import Ordered, messages, ordered
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.recover import needs_recovery, recover
from physical_ai_telemetry.schemas import typestore
from physical_ai_telemetry.straight import ODD, Straight, straight


class Event(NamedTuple):
    """One message: name in the graph table, decoded payload, its header stamp (else the time it was recorded)."""

    topic: str
    data: Any
    stamp_s: float


class Arrival(NamedTuple):
    """One message as it came: when it was recorded, and what decodes it, for who needs it. `decode` raises BagError."""

    topic: str
    arrived_s: float
    decode: Callable[[], Any]


def graph_names(bag_topics: Iterable[str], namespace: str | None = None) -> dict[str, str]:
    """Bag topic -> graph topic. `namespace` None: whichever the bag has; topics of no meaning here are left out."""
    names = {}
    for name in bag_topics:
        for topic in TOPICS:
            if namespace is not None:
                resolved = topic.name if topic.name.startswith("/") else f"/{namespace.strip('/')}/{topic.name}"
                found = name == resolved.replace("//", "/")
            else:
                found = name == topic.name or name.endswith("/" + topic.name.lstrip("/"))
            if found:
                names[name] = topic.name
    return names


class Bag:
    """An open recording. `mapping`: bag topic -> graph topic of everything that can be read as events."""

    def __init__(self, reader: Any, path: Path, mapping: Mapping[str, str]) -> None:
        self._reader = reader
        self._straight: dict[str, Straight | None] = {}  # bag topic: the quick way to its payloads, if there is one
        self.path = path
        self.topics: dict[str, str] = {
            name: info.msgtype or "several types" for name, info in sorted(reader.topics.items())
        }
        self.mapping = {name: topic for name, topic in mapping.items() if name in self.topics}
        self.unreadable = 0  # messages that had another form than the graph table says

    @property
    def start_s(self) -> float:
        return float(self._reader.start_time) * 1e-9

    @property
    def duration_s(self) -> float:
        return float(self._reader.duration) * 1e-9 if self._reader.message_count else 0.0

    @property
    def message_count(self) -> int:
        return int(self._reader.message_count)

    def count(self, topic: str) -> int:
        """Messages recorded of a graph topic."""
        return sum(self._reader.topics[name].msgcount for name, mapped in self.mapping.items() if mapped == topic)

    def arrivals(self, topics: Collection[str] | None = None) -> Iterator[Arrival]:
        """Messages in the order of recording, none of them decoded yet, of all mapped graph topics or of some."""
        wanted = self._connections(topics)
        by_topic = {connection.topic: (self.mapping[connection.topic], connection) for connection in wanted}
        quick = self._ordered() if len(by_topic) == len(wanted) else None
        if quick is not None:
            for log_ns, name, raw in messages(quick, by_topic):
                topic, connection = by_topic[name]
                yield Arrival(topic, log_ns * 1e-9, partial(self._decoded, connection, raw))
            return
        for connection, log_ns, raw in self._reader.messages(connections=wanted) if wanted else ():
            yield Arrival(self.mapping[connection.topic], log_ns * 1e-9, partial(self._decoded, connection, raw))

    def _ordered(self) -> Ordered | None:
        """The one indexed MCAP file that the recording is, if it is one."""
        if self.path.suffix == ".mcap":
            return ordered(self.path)
        files = splits(self.path) if self.path.is_dir() else []
        return ordered(files[0]) if len(files) == 1 and files[0].suffix == ".mcap" else None

    def _decoded(self, connection: Any, raw: bytes) -> Any:
        topic = self.mapping[connection.topic]
        try:
            return self._payload(connection, raw, TOPIC[topic].data)
        except (InputError, AnyReaderError, AttributeError, ValueError, IndexError, TypeError) as error:
            raise BagError(
                f"A message of {connection.topic} ({connection.msgtype}) in {self.path} cannot be read: {error}.",
                f"'{topic}' should be {TOPIC[topic].ros_type}; map the bag's topics in the replay configuration.",
            ) from error

    def _payload(self, connection: Any, raw: bytes, kind: type[Any]) -> Any:
        if connection.topic not in self._straight:
            known = self._reader.typestore.fielddefs if self._reader.is2 else {}
            self._straight[connection.topic] = straight(connection.msgtype, kind, known)
        quick = self._straight[connection.topic]
        if quick is not None:
            try:
                return quick(raw)
            except ODD:
                pass  # the slow way says what is wrong, or knows it
        return decode(kind, self._reader.deserialize(raw, connection.msgtype))

    def _connections(self, topics: Collection[str] | None) -> list[Any]:
        return [
            connection
            for connection in self._reader.connections
            if connection.topic in self.mapping and (topics is None or self.mapping[connection.topic] in topics)
        ]

    def events(self, topics: Collection[str] | None = None) -> Iterator[Event]:
        """Payloads in the order of recording, of all mapped graph topics or of some."""
        wanted = self._connections(topics)
        if not wanted:
            return
        for connection, log_ns, raw in self._reader.messages(connections=wanted):
            topic = self.mapping[connection.topic]
            try:
                data = self._payload(connection, raw, TOPIC[topic].data)
            except (InputError, AnyReaderError, AttributeError, ValueError, IndexError, TypeError):
                self.unreadable += 1
                continue
            stamp_s = float(getattr(data, "stamp_s", math.nan))
            yield Event(topic, data, stamp_s if math.isfinite(stamp_s) and stamp_s > 0.0 else log_ns * 1e-9)


@contextmanager
def open_bag(path: str | Path, mapping: Mapping[str, str] | None = None, namespace: str | None = None) -> Iterator[Bag]:
    """Open a bag folder or file. An unfinished recording of ours is recovered first. Raises BagError.

    `mapping` (bag topic -> graph topic) replaces the names of the graph table.
    """
    path = Path(path)
    if needs_recovery(path):
        recover(path)
    try:
        with AnyReader([path], default_typestore=typestore()) as reader:
            names = mapping if mapping is not None else graph_names(reader.topics, namespace)
            yield Bag(reader, path, names)
    except (AnyReaderError, OSError) as error:
        raise BagError(
            f"The bag {path} cannot be read: {error}.",
            "Give a rosbag2 folder, an .mcap or .db3 file, or a ROS 1 .bag; recover() mends an unfinished recording.",
        ) from error


def require(bag: Bag, needed: Collection[str]) -> None:
    """Raises BagError when the bag lacks a graph topic, naming what was found and needed."""
    missing = [topic for topic in needed if not bag.count(topic)]
    if missing:
        found = ", ".join(f"{name} ({kind})" for name, kind in bag.topics.items()) or "nothing"
        raise BagError(
            f"The bag {bag.path} lacks what is needed as {', '.join(missing)}. Found: {found}.",
            "Map the bag's topics to these names in the replay configuration (`topics: {BAG TOPIC: GRAPH TOPIC}`).",
        )
