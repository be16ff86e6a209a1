"""Records of one MCAP file written into another as they are: schemas, channels with their QoS, messages."""

from __future__ import annotations

from typing import IO, Any

from mcap.records import Channel, Message, Metadata, Schema
from mcap.writer import Writer


class Copy:
    """A new file that is filled with records of others, which may number schemas and channels each in their own way."""

    def __init__(self, target: IO[bytes], library: str) -> None:
        self._writer: Any = Writer(target)
        self._writer.start(profile="ros2", library=library)
        self._schemas: dict[tuple[str, bytes], int] = {}
        self._channels: dict[tuple[str, int], int] = {}
        self._of_source: dict[int, int] = {}  # schema ids of the present source
        self._channel_of_source: dict[int, int] = {}
        self.messages = 0
        self.nameless = 0  # messages left out, of a channel that the source does not tell

    def next_source(self) -> None:
        """What follows is of another file, with its own ids."""
        self._of_source, self._channel_of_source = {}, {}

    def schema(self, record: Schema) -> None:
        key = (record.name, record.data)
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(record.name, record.encoding, record.data)
        self._of_source[record.id] = self._schemas[key]

    def channel(self, record: Channel) -> None:
        """A channel of a schema that the source does not hold is left out, and its messages with it."""
        schema = self._of_source.get(record.schema_id)
        if schema is None:
            return
        key = (record.topic, schema)
        if key not in self._channels:
            self._channels[key] = self._writer.register_channel(
                record.topic, record.message_encoding, schema, record.metadata
            )
        self._channel_of_source[record.id] = self._channels[key]

    def message(self, record: Message, log_ns: int | None = None) -> None:
        """`log_ns`: the time at which it counts in the copy, where that is another one."""
        channel = self._channel_of_source.get(record.channel_id)
        if channel is None:
            self.nameless += 1
        else:
            at_ns = record.log_time if log_ns is None else log_ns
            self._writer.add_message(channel, at_ns, record.data, record.publish_time, record.sequence)
            self.messages += 1

    def metadata(self, record: Metadata) -> None:
        self._writer.add_metadata(record.name, record.metadata)

    def note(self, name: str, values: dict[str, str]) -> None:
        self._writer.add_metadata(name, values)

    def finish(self) -> None:
        self._writer.finish()
