"""Serialized messages of one channel to the Arrow columns of their payload type, without an object a message.

What the quick ways (`block_columns`, `string_columns`) do not serve (an odd encoding, a definition that cannot be
read, content that `decode` would refuse) takes the slow way, message by message, and gives the same columns.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rosbags.serde import SerdeError

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import JsonReport
from physical_ai_core.ros.decode import decode
from physical_ai_telemetry.block_columns import FAST, stamps
from physical_ai_telemetry.cdr import BlockReader, NoLayout
from physical_ai_telemetry.flatten import arrays, columns_of, flatten
from physical_ai_telemetry.mcap_batches import Batch, Channel
from physical_ai_telemetry.schemas import typestore
from physical_ai_telemetry.string_columns import diagnostics, reports
from physical_ai_telemetry.table import Columns, Stamps, Table, joined

__all__ = ["ChannelDecoder", "Columns", "Stamps", "Table", "joined"]
_REFUSED: Final = (InputError, AttributeError, ValueError, IndexError, TypeError, KeyError, struct.error, SerdeError)


class ChannelDecoder:
    """Batches of one channel to tables of the payload `kind`."""

    def __init__(self, channel: Channel, kind: type[Any]) -> None:
        self._channel, self._kind = channel, kind
        self._reader: BlockReader | None = None
        self.slow = 0  # messages that took the slow way
        if kind in FAST and channel.encoding == "cdr":
            try:
                self._reader = BlockReader(channel.definition, channel.ros_type)
            except NoLayout:
                self._reader = None

    def table(self, batch: Batch) -> Table:
        """All messages at once; where that fails, one by one, so that a spoilt one costs no other."""
        log_ns = np.array(batch.log_ns, dtype=np.int64)
        found = self._quick(log_ns, batch.payloads)
        if found is not None:
            return found
        if not self._has_quick() or len(log_ns) < 2:
            return self._slow(log_ns, batch.payloads)
        return joined([self.table(Batch([log], [one])) for log, one in zip(batch.log_ns, batch.payloads, strict=True)])

    def _has_quick(self) -> bool:
        return (
            self._reader is not None or self._kind is m.Diagnostics or issubclass(self._kind, (GoalState, JsonReport))
        )

    def _quick(self, log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table | None:
        try:
            if issubclass(self._kind, (GoalState, JsonReport)):
                return reports(self._kind, log_ns, payloads)
            if self._kind is m.Diagnostics:
                return Table(log_ns, *diagnostics(payloads))
            if self._reader is not None:
                return self._fast(log_ns, payloads)
        except (NoLayout, *_REFUSED):
            pass
        return None

    def _fast(self, log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table:
        assert self._reader is not None
        parts: list[pa.Table] = []
        heads = np.full(len(payloads), np.nan)
        order: list[NDArray[np.int64]] = []
        types = columns_of(self._kind)
        for block in self._reader.blocks(payloads):
            columns = FAST[self._kind](block)
            if block.has("header.stamp.sec"):
                heads[block.index] = stamps(block, "header.stamp")
            parts.append(pa.table([columns[name].cast(type_) for name, type_ in types.items()], names=list(types)))
            order.append(block.index)
        table = parts[0] if len(parts) == 1 else pa.concat_tables(parts)
        index = order[0] if len(order) == 1 else np.concatenate(order)
        if len(order) > 1:
            table = table.combine_chunks().take(pa.array(np.argsort(index)))
        return Table(log_ns, heads, {name: _whole(table.column(name)) for name in types})

    def _slow(self, log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table:
        store, rows, heads, kept = typestore(), [], [], []
        self.slow += len(payloads)
        for number, payload in enumerate(payloads):
            try:
                data = decode(self._kind, store.deserialize_cdr(bytes(payload), self._channel.ros_type))
            except _REFUSED:
                continue
            rows.append(flatten(data))
            heads.append(float(getattr(data, "stamp_s", np.nan)))
            kept.append(number)
        unreadable = len(payloads) - len(kept)
        return Table(log_ns[kept], np.array(heads, dtype=np.float64), arrays(self._kind, rows), unreadable)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
