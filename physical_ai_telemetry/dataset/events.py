"""Decoded events of some topics of a bag in the order of recording, fast; of others the header stamps alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from physical_ai_core.errors import BagError
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.columns import ChannelDecoder, Table
from physical_ai_telemetry.dataset.source import is_mcap, raw_batches
from physical_ai_telemetry.flatten import JSON, unflatten
from physical_ai_telemetry.mcap_batches import Channel

NO_STAMP: Final = float("nan")


class Heard(NamedTuple):
    """One message: `data` None where only its stamps were asked for; `own_s` of its header, NaN where it has none."""

    log_ns: int
    topic: str
    data: Any
    own_s: float
    stamp_s: float  # the header's, else the time of recording


def rows_of(topic: str, table: Table) -> Iterator[Heard]:
    """A decoded table as events."""
    kind = TOPIC[topic].data
    names = [JSON] if JSON in table.columns else list(table.columns)
    columns = [table.columns[name].to_pylist() for name in names]
    stamps = (table.log_ns.tolist(), table.stamp_s.tolist(), table.times_s().tolist())
    for log_ns, own_s, stamp_s, *values in zip(*stamps, *columns, strict=True):
        yield Heard(log_ns, topic, unflatten(kind, dict(zip(names, values, strict=True)), own_s), own_s, stamp_s)


def stamps_of(topic: str, table: Table) -> Iterator[Heard]:
    """The stamps of a decoded table."""
    for log_ns, own_s, stamp_s in zip(
        table.log_ns.tolist(), table.stamp_s.tolist(), table.times_s().tolist(), strict=True
    ):
        yield Heard(log_ns, topic, None, own_s, stamp_s)


def events_of(bag: Path, topics: Collection[str], stamps: Collection[str] = ()) -> Iterator[Heard]:
    """Events of `topics`, and the stamps of `stamps`. Raises BagError."""
    wanted = {*topics, *stamps}
    if not is_mcap(bag):
        yield from _slow(bag, wanted, stamps)
        return
    decoders: dict[Channel, ChannelDecoder] = {}
    for raws in raw_batches(bag, wanted):
        heard: list[Heard] = []
        for raw in raws:
            decoder = decoders.get(raw.channel)
            if decoder is None:
                decoder = decoders[raw.channel] = ChannelDecoder(raw.channel, TOPIC[raw.topic].data)
            table = decoder.table(raw.batch)
            heard += stamps_of(raw.topic, table) if raw.topic in stamps else rows_of(raw.topic, table)
        yield from sorted(heard, key=lambda one: one.log_ns)


def _slow(bag: Path, wanted: Collection[str], stamps: Collection[str]) -> Iterator[Heard]:
    with open_bag(bag) as recording:
        for topic, arrived_s, decode in recording.arrivals(wanted):
            try:
                data = decode()
            except BagError:
                continue
            own_s = float(getattr(data, "stamp_s", NO_STAMP))
            stamp_s = own_s if own_s > 0.0 else arrived_s
            yield Heard(round(arrived_s * 1e9), topic, None if topic in stamps else data, own_s, stamp_s)
