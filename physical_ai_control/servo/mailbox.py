"""Memory that one process writes and others read without a lock: the newest record, never half of one.

A sequence lock (Lamport 1977; odd while it is written) with a checksum besides, since Python cannot order its stores on
processors that reorder them. A reader never waits for the writer and a writer never for readers: a writer that died in
the middle leaves the record odd, and readers keep the last whole one, which expires by its own validity.

Layout, little-endian, read by C through `physical_ai_servo.h`:
magic (8 bytes), then for each slot: sequence uint64, count uint32, crc32 uint32, `count` float64.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_control.servo import shared_file
from physical_ai_control.servo.reference import MOST_NUMBERS
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

MAGIC: Final = b"PAISRV01"
HEAD: Final = struct.Struct("<II")
SLOT_HEAD: Final = 16
MOST_PRESENT: Final = 16
REFERENCE_AT: Final = len(MAGIC)
PRESENT_AT: Final = REFERENCE_AT + SLOT_HEAD + 8 * MOST_NUMBERS
REPLY_AT: Final = PRESENT_AT + SLOT_HEAD + 8 * MOST_PRESENT
REPORT_AT: Final = REPLY_AT + SLOT_HEAD + 8 * MOST_PRESENT
MOST_REPORT: Final = 1024
VOICE_AT: Final = REPORT_AT + SLOT_HEAD + 8 * MOST_REPORT
SIZE: Final = VOICE_AT + SLOT_HEAD + 8 * MOST_PRESENT
TRIES: Final = 3


class Slot:
    """One record of up to `most` numbers in a writable buffer."""

    def __init__(self, buffer: memoryview, at: int, most: int) -> None:
        self._words = buffer[at : at + 8].cast("Q")
        self._head = buffer[at + 8 : at + SLOT_HEAD]
        self._body = buffer[at + SLOT_HEAD : at + SLOT_HEAD + 8 * most]
        self._most = most
        self._seen = 0

    def write(self, numbers: Array) -> None:
        """Replace the record. Raises InputError where it is too long. One writer only."""
        self._write(np.ascontiguousarray(numbers, dtype="<f8").tobytes())

    def write_text(self, text: str) -> None:
        """The same for text, filled up with spaces."""
        data = text.encode()
        self._write(data + b" " * (-len(data) % 8))

    def read_new(self) -> tuple[float, ...] | None:
        """The record, when it is whole and newer than the one read last; None otherwise. Never waits."""
        data = self._read()
        return None if data is None else struct.unpack(f"<{len(data) // 8}d", data)

    def read_new_text(self) -> str | None:
        """The same for text."""
        data = self._read()
        return None if data is None else data.decode(errors="replace").rstrip()

    def _write(self, data: bytes) -> None:
        count = len(data) // 8
        if count > self._most:
            raise InputError(f"A record of {count} numbers does not fit.", f"At most {self._most}.")
        before = self._words[0]
        self._words[0] = before | 1
        self._body[: len(data)] = data
        HEAD.pack_into(self._head, 0, count, zlib.crc32(data))
        self._words[0] = (before | 1) + 1

    def _read(self) -> bytes | None:
        for _ in range(TRIES):
            sequence = self._words[0]
            if sequence == self._seen or sequence & 1:
                return None
            count, crc = HEAD.unpack_from(self._head, 0)
            data = bytes(self._body[: 8 * min(count, self._most)])
            if self._words[0] == sequence and zlib.crc32(data) == crc:
                self._seen = sequence
                return data
        return None

    def release(self) -> None:
        for view in (self._words, self._head, self._body):
            view.release()


class Mailbox:
    """A file in shared memory: `reference` (see `reference.pack`) and `present` (see `present.py`) of the controller,
    `reply` of the servo: the graph's time of its last word, linear and angular command; `report`: text on its loop;
    `voice`: the stamp that was published last."""

    def __init__(self, path: Path, create: bool = False) -> None:
        """Raises InputError where the file is absent or no mailbox; its kinds TakenMailboxError (`create`, and another
        lives there), ForeignMailboxError (of another user, or open to others), StaleMailboxError (its writer is gone).
        """
        if sys.byteorder != "little":
            raise InputError("The mailbox needs a little-endian machine.", "Set servo_rate_hz to 0.")
        self.path, self._owner = path, create
        try:
            content = MAGIC.ljust(SIZE, b"\0")
            self._file = shared_file.create(path, content) if create else shared_file.open_checked(path)
        except OSError as error:
            raise InputError(
                f"The mailbox {path} cannot be opened ({error}).", "Start the controller first."
            ) from error
        try:
            if os.fstat(self._file).st_size != SIZE or os.pread(self._file, len(MAGIC), 0) != MAGIC:
                raise InputError(f"{path} is no mailbox of this version.", "Name the one that the controller wrote.")
            self._map = mmap.mmap(self._file, SIZE)
        except BaseException:
            os.close(self._file)
            raise
        self._view = memoryview(self._map)
        self.reference = Slot(self._view, REFERENCE_AT, MOST_NUMBERS)
        self.present = Slot(self._view, PRESENT_AT, MOST_PRESENT)
        self.reply = Slot(self._view, REPLY_AT, MOST_PRESENT)
        self.report = Slot(self._view, REPORT_AT, MOST_REPORT)
        self.voice = Slot(self._view, VOICE_AT, MOST_PRESENT)

    def remove(self) -> None:
        """Take the file's name away, unless a successor's file has it; those who have it open keep it."""
        shared_file.remove(self.path, self._file)

    def close(self) -> None:
        """Let go; the creator's file is gone after that."""
        for slot in (self.reference, self.present, self.reply, self.report, self.voice):
            slot.release()
        self._view.release()
        self._map.close()
        if self._owner:
            self.remove()
        os.close(self._file)


def mailbox_name(begin: str, domain: int, namespace: str) -> str:
    """One name a controller: `begin`, the ROS domain, and the node's namespace with points for its slashes.

    No name in ROS has a point, so that two controllers of one host never meet: `base.7.fleet.robot_1`.
    """
    return ".".join([begin, str(domain), *filter(None, namespace.split("/"))])


def mailbox_path(name: str) -> Path:
    """Where a mailbox of this name lies: what `shm_open("/NAME")` opens in C, a temporary file elsewhere."""
    shared = Path("/dev/shm")
    folder = shared if shared.is_dir() and os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    if not name or "/" in name:
        raise InputError(f"'{name}' names no mailbox.", "Choose a name without a slash.")
    return folder / name
