"""Notices at once, and without doubt, when a process on this machine ends (Linux pidfd)."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator


class Deathwatch:
    """Watches processes by name. Where the kernel or a container hides them, nothing is reported."""

    def __init__(self) -> None:
        self._host = socket.gethostname()
        self._poll = select.poll()
        self._watched: dict[int, tuple[str, str]] = {}  # pidfd -> name, pid
        self._known: set[tuple[str, str]] = set()

    def watch(self, name: str, pid: str, host: str) -> None:
        """Watch process `pid` of `host` under `name`; cheap to call again."""
        if host != self._host or (name, pid) in self._known or not pid.isdigit():
            return
        self._known.add((name, pid))
        try:
            handle = os.pidfd_open(int(pid))
        except (OSError, AttributeError):  # gone already, hidden by a container, or an old kernel
            return
        self._watched[handle] = (name, pid)
        self._poll.register(handle, select.POLLIN)

    def ended(self) -> Iterator[tuple[str, str]]:
        """(name, pid) of those that ended since the last call; never waits."""
        for handle, _ in self._poll.poll(0):
            yield self._watched.pop(handle)
            self._poll.unregister(handle)
            os.close(handle)

    def close(self) -> None:
        for handle in self._watched:
            os.close(handle)
        self._watched.clear()
