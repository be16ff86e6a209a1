"""A bag's messages as decoded tables of graph topics: MCAP by whole chunks, other recordings message by message."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_core.errors import BagError
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.bag import graph_names, open_bag
from physical_ai_telemetry.columns import ChannelDecoder, Table, joined
from physical_ai_telemetry.flatten import arrays, flatten
from physical_ai_telemetry.mcap_batches import Batch, Channel, batches
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.recover import is_finished, recover

SLOW_ROWS: Final = 2000
HASH_BYTES: Final = 1 << 20
BATCH_BYTES: Final = 16 << 20
MOST_KEPT_BYTES: Final = 2 << 30
KEPT_SHARE: Final = 0.1  # of the machine's memory
Wanted = Collection[str] | None


@dataclass(frozen=True)
class Raw:
    """Messages of one channel, still serialized, and the graph topic that it stands for."""

    topic: str
    channel: Channel
    batch: Batch


def files_of(bag: Path) -> list[Path]:
    """Every file of a recording, in the order of writing. Raises BagError when there is none."""
    if bag.is_dir():
        if splits(bag) and not all(is_finished(file) for file in splits(bag)):
            recover(bag)
        found = splits(bag) or sorted(path for path in bag.glob("*.db3"))
    else:
        found = [bag] if bag.is_file() else []
    if not found:
        raise BagError(f"There is no recording at {bag}.", "Give a rosbag2 folder, an .mcap, .db3 or ROS 1 .bag file.")
    return found


def fingerprint(bag: Path) -> str:
    """SHA-256 of a recording's files: the same drive has it under any name. Raises BagError."""
    digest = sha256()
    try:
        for path in files_of(bag):
            with path.open("rb") as stream:
                while part := stream.read(HASH_BYTES):
                    digest.update(part)
    except OSError as error:
        raise BagError(f"The bag {bag} cannot be read: {error}.", "Check its rights and its disk.") from error
    return digest.hexdigest()


def is_mcap(bag: Path) -> bool:
    return all(path.suffix == ".mcap" for path in files_of(bag))


class Shelf:
    """Serialized messages of small bags, kept between looking at them and writing them; the rest is read anew."""

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self._kept: dict[Path, list[list[Raw]]] = {}

    def read(self, bag: Path) -> Iterator[list[Raw]]:
        """Everything of a bag, once more; kept where there is room."""
        held: list[list[Raw]] | None = []
        size = 0
        for raws in raw_batches(bag):
            size += sum(len(payload) for raw in raws for payload in raw.batch.payloads)
            if held is not None:
                held = [*held, raws] if size <= self._room else None
            yield raws
        if held is not None:
            self._room -= size
            self._kept[bag] = held

    def take(self, bag: Path) -> list[list[Raw]] | None:
        """What is kept of a bag; it is given away."""
        return self._kept.pop(bag, None)


def room_for_bags() -> int:
    """Bytes that shelves may take together on this machine."""
    return min(MOST_KEPT_BYTES, int(KEPT_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))


def raw_batches(bag: Path, topics: Wanted = None, batch_bytes: int = BATCH_BYTES) -> Iterator[list[Raw]]:
    """Serialized messages of an MCAP recording, some MB at a time. Raises BagError."""
    names: dict[str, str] = {}

    def wanted(channel: Channel) -> bool:
        names.update(graph_names([channel.topic]))
        topic = names.get(channel.topic)
        return topic is not None and (topics is None or topic in topics)

    for path in files_of(bag):
        for found in batches(path, wanted, batch_bytes):
            yield [Raw(names[channel.topic], channel, batch) for channel, batch in found.items()]


def tables(
    bag: Path, topics: Wanted = None, told: Callable[[int], None] | None = None, kept: list[list[Raw]] | None = None
) -> Iterator[dict[str, Table]]:
    """Decoded messages of graph topics (or of some), a group of rows at a time. `told` hears how many are done;
    `kept` is what a Shelf has of the bag.

    Raises BagError when the bag cannot be read.
    """
    if not is_mcap(bag):
        yield from _slow_tables(bag, topics, told)
        return
    decoders: dict[Channel, ChannelDecoder] = {}
    for raws in kept or raw_batches(bag, topics):
        found: dict[str, list[Table]] = {}
        for raw in raws:
            if topics is not None and raw.topic not in topics:
                continue
            decoder = decoders.get(raw.channel)
            if decoder is None:
                decoder = decoders[raw.channel] = ChannelDecoder(raw.channel, TOPIC[raw.topic].data)
            found.setdefault(raw.topic, []).append(decoder.table(raw.batch))
            if told is not None:
                told(len(raw.batch.payloads))
        yield {topic: joined(parts) for topic, parts in found.items()}


def _slow_tables(bag: Path, topics: Wanted, told: Callable[[int], None] | None) -> Iterator[dict[str, Table]]:
    rows: dict[str, list[tuple[int, Any]]] = {}
    refused: dict[str, int] = {}
    waiting = 0
    with open_bag(bag) as recording:
        for topic, arrived_s, decode in recording.arrivals(topics):
            try:
                rows.setdefault(topic, []).append((round(arrived_s * 1e9), decode()))
            except BagError:
                refused[topic] = refused.get(topic, 0) + 1
            waiting += 1
            if waiting >= SLOW_ROWS:
                yield _decoded(rows, refused)
                rows, refused, waiting = {}, {}, 0
                if told is not None:
                    told(SLOW_ROWS)
    if waiting:
        yield _decoded(rows, refused)


def _decoded(rows: dict[str, list[tuple[int, Any]]], refused: dict[str, int]) -> dict[str, Table]:
    found = {}
    for topic in {**rows, **refused}:
        pairs = rows.get(topic, [])
        stamps = [float(getattr(data, "stamp_s", math.nan)) for _, data in pairs]
        columns = arrays(TOPIC[topic].data, [flatten(data) for _, data in pairs])
        log_ns = np.array([log for log, _ in pairs], dtype=np.int64)
        found[topic] = Table(log_ns, np.array(stamps, dtype=np.float64), columns, refused.get(topic, 0))
    return found
