"""A piece of a recording as a bag of its own: what lies between two times, and what was latched before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Channel, Message, Schema

from physical_ai_core.errors import BagError
from physical_ai_telemetry.copying import Copy
from physical_ai_telemetry.metadata import RECORDER, recorded_info, splits, write_metadata
from physical_ai_telemetry.recover import is_finished, salvaged

Said = tuple[Schema, Channel, Message]
LATCHED: Final = 1  # durability `transient local` of an offered QoS profile


def cut(bag: str | Path, from_s: float, to_s: float, folder: str | Path, info: Mapping[str, str] | None = None) -> int:
    """Write what an MCAP recording holds from `from_s` to `to_s` (time of recording) as a new bag `folder`.

    The last message of each latched topic from before is put at its beginning (its `publish_time` keeps when it was
    said). Files that are unfinished, or still being written, are read up to their last whole chunk and left as they
    are. Returns how many messages were written; with none, nothing is. Raises BagError.
    """
    bag, folder = Path(bag), Path(folder)
    files = splits(bag) if bag.is_dir() else [bag] if bag.suffix == ".mcap" and bag.is_file() else []
    if not files:
        raise BagError(f"There is no MCAP file in {bag}.", "Give an MCAP recording; other forms are not cut.")
    from_ns = max(0, round(from_s * 1e9))
    to_ns = max(from_ns, round(to_s * 1e9))
    target = folder / f"{folder.name}_0.mcap"
    draft = folder / ".cut.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            copy = Copy(stream, "physical_ai cut")
            copy.note(RECORDER, {**recorded_info(bag), **(info or {})})
            latched: dict[str, tuple[Path, Said]] = {}
            for path in files:
                for said in _messages(path, 0, from_ns, latched_only=True):
                    latched[said[1].topic] = (path, said)
            for _, said in latched.values():
                copy.next_source()
                _copy(copy, said, from_ns)
            for path in files:
                copy.next_source()
                for said in _messages(path, from_ns, to_ns + 1):
                    _copy(copy, said)
            copy.finish()
            stream.flush()
            os.fsync(stream.fileno())
        if not copy.messages:
            draft.unlink()
            return 0
        os.replace(draft, target)
        write_metadata(folder, [target])
    except (OSError, McapError) as error:
        raise BagError(f"The bag {bag} cannot be cut into {folder}: {error}.", "Name a writable folder.") from error
    return copy.messages


def _copy(copy: Copy, said: Said, log_ns: int | None = None) -> None:
    schema, channel, message = said
    copy.schema(schema)
    copy.channel(channel)
    copy.message(message, log_ns)


def _messages(path: Path, from_ns: int, to_ns: int, latched_only: bool = False) -> Iterator[Said]:
    """Messages of one file in their order, `to_ns` excluded; of an unfinished one what is whole."""
    if not is_finished(path):
        yield from _of_unfinished(path, from_ns, to_ns, latched_only)
        return
    with path.open("rb") as stream:
        reader = make_reader(stream)
        summary = reader.get_summary()
        topics = [c.topic for c in (summary.channels.values() if summary else ()) if _is_latched(c)]
        if (latched_only and not topics) or from_ns >= to_ns:
            return
        wanted = topics if latched_only else None
        for schema, channel, message in reader.iter_messages(wanted, starting_at=from_ns, ending_before=to_ns):
            if schema is not None:
                yield schema, channel, message


def _of_unfinished(path: Path, from_ns: int, to_ns: int, latched_only: bool) -> Iterator[Said]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    with salvaged(path) as source:
        for record in source.records():
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message) and from_ns <= record.log_time < to_ns:
                found = channels.get(record.channel_id)
                if found is not None and found.schema_id in schemas and (not latched_only or _is_latched(found)):
                    yield schemas[found.schema_id], found, record


def _is_latched(channel: Any) -> bool:
    try:
        profiles = yaml.safe_load(channel.metadata.get("offered_qos_profiles", "")) or []
        return any(profile.get("durability") in (LATCHED, "transient_local") for profile in profiles)
    except (yaml.YAMLError, AttributeError, TypeError):
        return False
