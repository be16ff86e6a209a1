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
HEAD_BYTES = 128  # magic and header of a file of ours; a shorter one holds no message
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
        return LIBRARY.encode() in stream.read(HEAD_BYTES)


def recover(folder: str | Path) -> Recovery:
    """Finish every unfinished MCAP of a bag folder and write its `metadata.yaml`.

    Safe to call on a whole bag (then only the metadata is renewed where it does not know of a file). The original is
    replaced only when its new copy is complete and on the disk. A file of ours without a whole chunk is removed, or,
    where it is the only one, made an empty bag that opens. Raises BagError when the folder holds no recording, is
    still being recorded, or holds a file that is no MCAP or that another tool wrote and of which nothing can be read:
    nothing is changed then.
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
        unfinished = [path for path in files if not is_finished(path)]
        for path in files:
            _refuse_foreign(path, path in unfinished)
        for path in unfinished:
            kept, lost_bytes = _finish(path, len(files) == 1)
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


def _refuse_foreign(path: Path, unfinished: bool) -> None:
    """Raises BagError for what no recorder left here. A file that ends within its magic is one that had just begun."""
    with path.open("rb") as stream:
        head = stream.read(len(MAGIC))
        if head != MAGIC[: len(head)]:
            raise BagError(
                f"The file {path} is no MCAP: it begins with {head.hex(' ')}.",
                "It was left as it is. Move it out of the folder of the recording, and try again.",
            )
        if not unfinished or path.stat().st_size <= HEAD_BYTES or is_ours(path):
            return
        stream.seek(0)
        if not any(isinstance(record, Message) for record, _ in records(stream, path.stat().st_size)):
            raise BagError(
                f"No message can be read of the file {path}, which another tool than this recorder wrote.",
                "It was left as it is. Recover it with the tool that wrote it, or move it out of the folder.",
            )


def _finish(path: Path, alone: bool) -> tuple[int, int]:
    """Rewrite an unfinished file. Returns (messages kept, bytes lost at its end).

    The copy takes its place when it is whole and on the disk; one without a message only where it is `alone`.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
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
        if copy.messages or alone:
            os.replace(draft, path)
            _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return copy.messages, size - whole


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def records(source: Any, size: int) -> Iterator[tuple[Any, int]]:
    """Records up to the first damage, each with the number of bytes read before it was whole."""
    try:
        for record in StreamReader(source, validate_crcs=True, record_size_limit=max(size, 64)).records:
            yield record, source.tell()
    except BROKEN:
        return
