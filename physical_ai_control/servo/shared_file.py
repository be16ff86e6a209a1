"""The file behind a mailbox: there whole or not at all, with one living writer, for one user.

The writer holds an exclusive `flock` on it for as long as it lives; the kernel takes that back when it dies, however it
dies. So a file without a lock is what somebody left behind: no reader believes it, and the next writer replaces it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from physical_ai_core.errors import InputError

TRIES: Final = 20  # a reader that looks whether a file is stale holds its lock for an instant
PAUSE_S: Final = 5e-3


class ForeignMailboxError(InputError):
    """The file is another user's, or others may open it, or it is no plain file."""


class StaleMailboxError(InputError):
    """Nobody writes the file any more."""


class TakenMailboxError(InputError):
    """Another living controller writes the file."""


def create(path: Path, content: bytes) -> int:
    """A file of this content under `path`, mode 0600, put there in one step; what a dead writer left is replaced.

    The descriptor holds the writer's lock until it is closed. Raises TakenMailboxError, ForeignMailboxError, OSError.
    """
    file, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, 0600, closed on exec
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, len(content))
        os.pwrite(file, content, 0)
        for _ in range(TRIES):
            if _put(Path(made), path):
                return file
            time.sleep(PAUSE_S)
        raise TakenMailboxError(
            f"Another controller writes {path}.", "Give each controller of a host a namespace or a domain."
        )
    except BaseException:
        os.close(file)
        raise
    finally:
        with suppress(OSError):
            os.unlink(made)


def open_checked(path: Path) -> int:
    """Open what a living writer of this user made. Raises ForeignMailboxError, StaleMailboxError, OSError."""
    file = _open(path)
    try:
        if _lock(file, fcntl.LOCK_SH):
            raise StaleMailboxError(f"Nobody writes {path} any more.", "Start the controller, then open it anew.")
    except BaseException:
        os.close(file)
        raise
    return file


def remove(path: Path, file: int) -> None:
    """Remove `path` where it is still the file that `file` has open, not a successor's."""
    with suppress(OSError):
        if _is(file, path):
            os.unlink(path)


def _put(made: Path, path: Path) -> bool:
    """Give the made file its name; False where a living writer has it, or somebody changed it meanwhile."""
    with suppress(FileExistsError):
        os.link(made, path)
        return True
    try:
        with _opened(path) as old:
            free = _lock(old, fcntl.LOCK_EX) and _is(old, path)
            if free:
                os.rename(made, path)
            return free
    except FileNotFoundError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = _open(path)
    try:
        yield file
    finally:
        os.close(file)


def _open(path: Path) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ForeignMailboxError(f"{path} is not this user's mailbox ({error}).", "Remove it.") from error
    found = os.fstat(file)
    trouble = ""
    if not stat.S_ISREG(found.st_mode):
        trouble = "is no plain file"
    elif found.st_uid != os.geteuid():
        trouble = f"belongs to user {found.st_uid}, not {os.geteuid()}"
    elif stat.S_IMODE(found.st_mode) != 0o600:
        trouble = f"has mode {stat.S_IMODE(found.st_mode):04o}, not 0600"
    if trouble:
        os.close(file)
        raise ForeignMailboxError(f"{path} {trouble}: others could write commands.", "Remove it.")
    return file


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(file: int, path: Path) -> bool:
    try:
        found = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), found)
