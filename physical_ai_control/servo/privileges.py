"""What the kernel grants a servo: real-time priority, locked memory, a core of its own, exact timers. Never fatal."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from dataclasses import dataclass, field

PR_SET_TIMERSLACK = 29
MCL_CURRENT, MCL_FUTURE = 1, 2


@dataclass
class Granted:
    """What was asked for and got, and what was refused and why."""

    got: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def values(self) -> dict[str, str]:
        """For diagnostics."""
        return {"granted": ", ".join(self.got) or "nothing", "refused": "; ".join(self.refused)}


def ask(priority: int = 0, cpu: int = -1, lock_memory: bool = False) -> Granted:
    """Ask for the calling thread. `priority` 1 … 99: SCHED_FIFO; `cpu` >= 0: only that core; 0 and -1: as it is."""
    granted = Granted()
    libc = _libc()
    if libc is not None and libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0) == 0:
        granted.got.append("timer slack 1 ns")  # the kernel's default bundles wake-ups within 50 µs
    if priority > 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
            granted.got.append(f"SCHED_FIFO {priority}")
        except (OSError, AttributeError, ValueError) as error:
            granted.refused.append(f"SCHED_FIFO {priority}: {error} (set rtprio in /etc/security/limits.d)")
    if cpu >= 0:
        try:
            os.sched_setaffinity(0, {cpu})
            granted.got.append(f"core {cpu}")
        except (OSError, AttributeError, ValueError) as error:
            granted.refused.append(f"core {cpu}: {error}")
    if lock_memory:
        if libc is None:
            granted.refused.append("locked memory: no libc")
        elif libc.mlockall(MCL_CURRENT | MCL_FUTURE) == 0:
            granted.got.append("locked memory")
        else:
            reason = os.strerror(ctypes.get_errno())
            granted.refused.append(f"locked memory: {reason} (set memlock in /etc/security/limits.d)")
    return granted


def ask_process(priority: int) -> Granted:
    """SCHED_FIFO for every thread that this process has now; programs and threads that it starts later are ordinary.

    For a process whose middleware wakes it by threads of its own: they must not wait either.
    """
    granted = Granted()
    if priority <= 0:
        return granted
    try:
        policy, parameters = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority)
        for thread in os.listdir("/proc/self/task"):
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.sched_setscheduler(int(thread), policy, parameters)
        granted.got.append(f"SCHED_FIFO {priority}")
    except (OSError, AttributeError, ValueError) as error:
        granted.refused.append(f"SCHED_FIFO {priority}: {error} (set rtprio in /etc/security/limits.d)")
    return granted


def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return libc if hasattr(libc, "prctl") and hasattr(libc, "mlockall") else None
    except OSError:
        return None
