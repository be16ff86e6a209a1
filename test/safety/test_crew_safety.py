"""A dead process stops the robot until it is active again; a slow or unknown one does not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

from physical_ai_safety.crew import Crew
from physical_ai_safety.deathwatch import Deathwatch


def test_a_node_that_was_never_active_is_not_missed() -> None:
    crew = Crew(["telemetry"])
    assert not crew.died("telemetry", "7")
    crew.hear("telemetry", False)
    crew.hear("coffee", False)
    assert crew.absent == ()


def test_a_dead_node_is_absent_until_another_process_of_it_is_active() -> None:
    crew = Crew(["perception"])
    crew.hear("perception", True, "7")
    assert crew.died("perception", "7")
    assert crew.absent == ("perception",)
    crew.hear("perception", True, "7")  # a last word that was still on the way
    crew.hear("perception", False, "8")  # back, not yet active
    assert crew.absent == ("perception",)
    crew.hear("perception", True, "8")
    assert crew.absent == ()


def test_a_node_that_is_deactivated_is_absent() -> None:
    crew = Crew(["planner"])
    crew.hear("planner", True, "7")
    crew.hear("planner", False, "7")
    assert crew.absent == ("planner",)


def test_the_deathwatch_sees_a_kill_at_once_and_tells_it_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    watch = Deathwatch()
    watch.watch("x", str(process.pid), socket.gethostname())
    watch.watch("x", str(process.pid), socket.gethostname())
    assert list(watch.ended()) == []
    process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5.0
    ended: list[tuple[str, str]] = []
    while not ended and time.monotonic() < deadline:
        ended = list(watch.ended())  # before anybody waited for the child: a zombie has ended, too
    assert ended == [("x", str(process.pid))]
    assert list(watch.ended()) == []
    process.wait()
    watch.close()


def test_what_cannot_be_watched_is_left_alone() -> None:
    watch = Deathwatch()
    watch.watch("elsewhere", str(os.getpid()), "another-host")
    watch.watch("nonsense", "abc", socket.gethostname())
    watch.watch("gone", "4194304", socket.gethostname())
    assert list(watch.ended()) == []
    watch.close()


def test_a_deathwatch_that_is_closed_lets_go_of_the_living() -> None:
    watch = Deathwatch()
    watch.watch("self", str(os.getpid()), socket.gethostname())
    open_before = len(os.listdir("/proc/self/fd"))
    watch.close()
    assert len(os.listdir("/proc/self/fd")) == open_before - 1
    watch.close()


def test_who_is_not_of_the_crew_is_never_missed() -> None:
    crew = Crew(["planner"])
    crew.hear("coffee", True, "3")
    assert not crew.died("coffee", "3") and crew.absent == ()


def test_a_heartbeat_that_names_no_process_is_believed() -> None:
    crew = Crew(["planner"])
    crew.hear("planner", True, "X")
    crew.died("planner", "X")
    crew.hear("planner", True)
    assert crew.absent == ()


def test_looking_for_the_dead_never_waits_and_leaves_no_handle_open() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    watch, before = Deathwatch(), len(os.listdir("/proc/self/fd"))
    watch.watch("x", str(process.pid), socket.gethostname())
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert list(watch.ended()) == [("x", str(process.pid))]
    assert len(os.listdir("/proc/self/fd")) == before
    process.wait()
    waits: list[int] = []

    def nothing(wait_ms: int) -> list[tuple[int, int]]:
        waits.append(wait_ms)
        return []

    watch._poll = SimpleNamespace(poll=nothing)  # type: ignore[assignment]
    assert list(watch.ended()) == [] and waits == [0]
    watch.close()
