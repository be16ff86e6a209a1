"""The few steps by which anything here changes on a disk. Between any two of them the power may go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from physical_ai_core.models.errors import SlotError

CHUNK: Final = 1 << 16


class Disk:
    """Each method is one step, or says of which it is made. Tests put one that fails in its place."""

    def put(self, file: IO[bytes], part: bytes) -> None:
        """Append some bytes."""
        file.write(part)

    def force(self, file: IO[bytes]) -> None:
        """Until this returns, what was put may be lost."""
        file.flush()
        os.fsync(file.fileno())

    def make(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def rename(self, source: Path, target: Path) -> None:
        """Atomic within one file system: `target` is the old file or the new one, never a part."""
        os.replace(source, target)

    def settle(self, folder: Path) -> None:
        """Force the names in a folder to the disk."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def clear(self, folder: Path) -> None:
        """Remove a folder and what is in it, the card of a slot first, so that no half of it looks whole."""
        for path in sorted(folder.glob("*.yaml")):
            path.unlink()
        self.settle_if_there(folder)
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def settle_if_there(self, folder: Path) -> None:
        if folder.is_dir():
            self.settle(folder)

    def replace(self, path: Path, content: bytes) -> None:
        """Put `content` in the place of a file: written beside it, forced, renamed, settled."""
        self.make(path.parent)
        beside = path.with_name(f".{path.name}.new")
        with beside.open("wb") as file:
            for begin in range(0, len(content), CHUNK):
                self.put(file, content[begin : begin + CHUNK])
            self.force(file)
        self.rename(beside, path)
        self.settle(path.parent)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else changes what lies in `folder` meanwhile; a killed process leaves no lock. Raises SlotError."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SlotError(f"Another process changes the models in {folder}.", "Wait until it is done.") from error
        yield
