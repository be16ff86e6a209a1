"""Bringing back a recording whose recorder was killed: what is readable is kept, the rest is said to be lost."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
import zstandard
from mcap.exceptions import McapError
from mcap.records import Channel, Message, Metadata, Schema
from mcap.stream_reader import StreamReader

from physical_ai_core.errors import BagError
from physical_ai_telemetry.copying import Copy
from physical_ai_telemetry.metadata import NAME, splits, write_metadata
from physical_ai_telemetry.split import LIBRARY, is_locked

MAGIC = b"\x89MCAP0\r\n"
FOOTER_BYTES = 9 + 20 + len(MAGIC)  # record head, footer, magic
# Everything a cut or corrupt byte can raise inside the mcap library and its decompressors.
BROKEN = (McapError, struct.error, zstandard.ZstdError, zlib.error, ValueError, KeyError, RuntimeError, OverflowError)


@dataclass(frozen=True)
class Recovery:
    """What was done to a bag folder. `lost_bytes`: at the end of unfinished files, beyond the last whole chunk."""

    folder: Path
    recovered: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    messages: int = 0
    lost_bytes: int = 0


def is_finished(path: Path) -> bool:
    """Whether an MCAP file has its footer."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size < len(MAGIC) + FOOTER_BYTES:
            return False
        stream.seek(-FOOTER_BYTES, os.SEEK_END)
        tail = stream.read()
    return tail.startswith(b"\x02\x14") and tail.endswith(MAGIC)


def needs_recovery(folder: Path) -> bool:
    """Whether a recorder was killed here: a file without its footer, or one that the metadata does not know of."""
    files = splits(folder) if folder.is_dir() else []
    return any(not is_finished(path) for path in files) or (bool(files) and is_ours(files[0]) and _stale(folder, files))


def is_ours(path: Path) -> bool:
    """Whether this suite wrote the file: the MCAP header names its writer."""
    with path.open("rb") as stream:
        return LIBRARY.encode() in stream.read(128)


def recover(folder: str | Path) -> Recovery:
    """Finish every unfinished MCAP of a bag folder and write its `metadata.yaml`.

    Safe to call on a whole bag (then only the metadata is renewed where it does not know of a file). The original is
    replaced only when its new copy is complete. A file without a whole chunk is removed, or, where it is the only one,
    made an empty bag that opens. Raises BagError when the folder holds no recording, or is still being recorded.
    """
    folder = Path(folder)
    files = splits(folder) if folder.is_dir() else []
    if not files:
        raise BagError(f"There is no MCAP file in {folder}.", "Give the folder of a recording.")
    busy = [path.name for path in files if is_locked(path)]
    if busy:
        raise BagError(
            f"The bag {folder} is still being recorded ({busy[-1]}).", "Deactivate or stop the telemetry node first."
        )
    recovered: list[str] = []
    removed: list[str] = []
    messages = lost = 0
    try:
        for path in files:
            if is_finished(path):
                continue
            kept, lost_bytes = _finish(path)
            messages += kept
            lost += lost_bytes
            if kept or len(files) == 1:
                recovered.append(path.name)
            else:
                path.unlink()
                removed.append(path.name)
        remaining = splits(folder)
        if remaining and (recovered or removed or _stale(folder, remaining)):
            write_metadata(folder, remaining)
    except OSError as error:
        raise BagError(
            f"The bag {folder} cannot be recovered: {error.strerror or error}.", "Free space on the disk, try again."
        ) from error
    return Recovery(folder, tuple(recovered), tuple(removed), messages, lost)


def _stale(folder: Path, files: list[Path]) -> bool:
    """Whether the metadata is missing, unreadable, or of other files than those that are there."""
    try:
        content = yaml.safe_load((folder / NAME).read_text(encoding="utf-8"))
        listed = content["rosbag2_bagfile_information"]["relative_file_paths"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        return True
    return sorted(listed or ()) != sorted(path.name for path in files)


def _finish(path: Path) -> tuple[int, int]:
    """Rewrite an unfinished file. Returns (messages kept, bytes lost at its end)."""
    draft = path.with_suffix(".part")
    with path.open("rb") as source, draft.open("wb") as target:
        size = path.stat().st_size
        copy = Copy(target, "physical_ai recover")
        whole = 0
        for record, position in records(source, size):
            whole = position
            if isinstance(record, Schema):
                copy.schema(record)
            elif isinstance(record, Channel):
                copy.channel(record)
            elif isinstance(record, Message):
                copy.message(record)
            elif isinstance(record, Metadata):
                copy.metadata(record)
        copy.finish()
        target.flush()
        os.fsync(target.fileno())
    os.replace(draft, path)
    return copy.messages, size - whole


def records(source: Any, size: int) -> Iterator[tuple[Any, int]]:
    """Records up to the first damage, each with the number of bytes read before it was whole."""
    try:
        for record in StreamReader(source, validate_crcs=True, record_size_limit=max(size, 64)).records:
            yield record, source.tell()
    except BROKEN:
        return
