"""Bringing back a recording whose recorder was killed or whose disk forgot: what is sound is kept, the rest is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

import yaml
from mcap.records import Channel, Message, Metadata, Schema

from physical_ai_core.errors import BagError
from physical_ai_telemetry.copying import Copy
from physical_ai_telemetry.metadata import NAME, splits, write_metadata
from physical_ai_telemetry.salvage import FOOTER_BYTES, MAGIC, Lost, Salvage, record_at
from physical_ai_telemetry.split import LIBRARY, is_locked

HEAD_BYTES = 128  # magic and header of a file of ours; a shorter one holds no message


@dataclass(frozen=True)
class Recovery:
    """What was done to a bag folder.

    `messages`: kept in the files that were written anew. `lost_bytes`: of these, what was not sound, and what lay at
    the end of unfinished ones beyond the last whole chunk. `lost`: chunks before that end; where framing was broken, at
    least so many. `nameless`: messages of sound chunks whose channel nothing tells any more.
    """

    folder: Path
    recovered: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    messages: int = 0
    lost_bytes: int = 0
    lost: tuple[Lost, ...] = ()
    nameless: int = 0

    @property
    def lost_s(self) -> tuple[tuple[float, float], ...]:
        """From when to when (s, time of recording) messages are missing; chunks that overlap or touch as one."""
        spans: list[tuple[float, float]] = []
        known = [(one.begin_ns, one.end_ns) for one in self.lost if one.begin_ns is not None and one.end_ns is not None]
        for begin_ns, end_ns in sorted(known):
            begin_s, end_s = begin_ns * 1e-9, end_ns * 1e-9
            if spans and begin_s <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(spans[-1][1], end_s)
            else:
                spans.append((begin_s, end_s))
        return tuple(spans)


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


def recover(folder: str | Path, check: bool = False) -> Recovery:
    """Finish every unfinished MCAP of a bag folder and write its `metadata.yaml`. `check`: finished files are read
    whole too, and written anew where something of them is damaged.

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
    messages = lost_bytes = nameless = 0
    lost: list[Lost] = []
    try:
        unfinished = [path for path in files if not is_finished(path)]
        for path in files:
            _refuse_foreign(path, path in unfinished)
        ours = any(is_ours(path) for path in files)
        for path in files:
            if path not in unfinished and not (check and is_damaged(path)):
                continue
            kept, source = _finish(path, len(files) == 1)
            messages += kept.messages
            nameless += kept.nameless
            lost_bytes += source.wrong_bytes
            lost += source.lost
            if kept.messages or len(files) == 1:
                recovered.append(path.name)
            else:
                path.unlink()
                removed.append(path.name)
        remaining = splits(folder)
        if remaining and (recovered or removed or (check and ours) or _stale(folder, remaining)):
            write_metadata(folder, remaining)
    except OSError as error:
        raise BagError(
            f"The bag {folder} cannot be recovered: {error.strerror or error}.", "Free space on the disk, try again."
        ) from error
    return Recovery(folder, tuple(recovered), tuple(removed), messages, lost_bytes, tuple(lost), nameless)


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
        head = stream.read(HEAD_BYTES)
        begin = head[: len(MAGIC)]
        if begin != MAGIC[: len(begin)] and record_at(head, len(MAGIC)) is None:
            raise BagError(
                f"The file {path} is no MCAP: it begins with {begin.hex(' ')}.",
                "It was left as it is. Move it out of the folder of the recording, and try again.",
            )
        if not unfinished or path.stat().st_size <= HEAD_BYTES or is_ours(path):
            return
    with salvaged(path) as source:
        if not any(isinstance(record, Message) for record in source.records()):
            raise BagError(
                f"No message can be read of the file {path}, which another tool than this recorder wrote.",
                "It was left as it is. Recover it with the tool that wrote it, or move it out of the folder.",
            )


def is_damaged(path: Path) -> bool:
    """Whether bytes of a finished file are not what was written: all of it is read."""
    with salvaged(path) as source:
        for _ in source.pieces():
            pass
        return bool(source.differs or source.lost or source.wrong_bytes)


@contextmanager
def salvaged(path: Path) -> Iterator[Salvage]:
    """What is sound of a file, while it is open. Raises OSError."""
    with path.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            yield Salvage(b"")
            return
        with mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
            yield Salvage(content)


def _finish(path: Path, alone: bool) -> tuple[Copy, Salvage]:
    """Write anew what is sound of a file.

    The copy takes its place when it is whole and on the disk; one without a message only where it is `alone`.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        with salvaged(path) as source, draft.open("wb") as target:
            copy = Copy(target, "physical_ai recover")
            for record in source.records():
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
    return copy, source


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
