"""The node table as plain processes: a thin loop over `graph.NODES`, for where `launch_ros` is not installed."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from physical_ai_core import graph

RESPAWN_DELAY_S = 0.2
STOP_PATIENCE_S = 6.0


def _die_with_parent() -> None:
    """Child side, before exec: a killed launcher leaves no orphans (Linux PR_SET_PDEATHSIG)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


@dataclass
class Running:
    """One started process of the table."""

    node: graph.Node
    process: subprocess.Popen[bytes]
    started_s: float
    deaths: list[int] = field(default_factory=list)  # return codes
    dead: bool = False


class NodeProcesses:
    """Starts the nodes, respawns those whose restart policy says so, and stops them all.

    Node output goes to `log_folder/NODE.log`.
    """

    def __init__(
        self,
        nodes: Iterable[graph.Node],
        parameter_file: Path,
        log_folder: Path,
        environment: Mapping[str, str],
        ros_arguments: Iterable[str] = (),
        arguments_of: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """`arguments_of`: node -> ROS arguments of its own, remaps for example."""
        self._nodes = tuple(nodes)
        self._parameter_file = parameter_file
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._arguments = tuple(ros_arguments)
        self._arguments_of = {name: tuple(own) for name, own in (arguments_of or {}).items()}
        self._respawn_at: dict[str, float] = {}
        self.running: dict[str, Running] = {}

    def start(self) -> None:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        for node in self._nodes:
            self._spawn(node)

    def _spawn(self, node: graph.Node) -> None:
        command = [
            sys.executable, "-m", graph.module_of(node), "--ros-args",
            "--params-file", str(self._parameter_file), *self._arguments, *self._arguments_of.get(node.name, ()),
        ]  # fmt: skip
        with (self._log_folder / f"{node.name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C reaches the launcher, which stops the nodes in order
                preexec_fn=_die_with_parent,
            )
        now = time.monotonic()
        before = self.running.get(node.name)
        if before is None:
            self.running[node.name] = Running(node, process, now)
        else:
            before.process, before.started_s, before.dead = process, now, False

    def poll(self) -> list[str]:
        """Respawn what died and may; names of the nodes whose death is new since the last call."""
        died = []
        now = time.monotonic()
        for name, entry in self.running.items():
            code = entry.process.poll()
            if code is None:
                continue
            if not entry.dead:
                entry.dead = True
                entry.deaths.append(code)
                died.append(name)
                if entry.node.restart:
                    self._respawn_at[name] = now + RESPAWN_DELAY_S
            elif name in self._respawn_at and now >= self._respawn_at[name]:
                del self._respawn_at[name]
                self._spawn(entry.node)
        return died

    def alive(self, name: str) -> bool:
        return name in self.running and self.running[name].process.poll() is None

    def kill(self, name: str) -> None:
        """SIGKILL one node (fault injection)."""
        self.running[name].process.kill()

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one node, where it lives."""
        if self.alive(name):
            self.running[name].process.send_signal(number)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each living process with its children (user + system)."""
        found = {}
        for name, entry in self.running.items():
            with suppress(psutil.Error):
                process = psutil.Process(entry.process.pid)
                family = [process, *process.children(recursive=True)]
                found[name] = sum(sum(p.cpu_times()[:2]) for p in family)
        return found

    def stop(self) -> None:
        """SIGINT to all but telemetry, then to telemetry, so that the end is recorded; SIGKILL what stays."""
        last = [name for name in self.running if name == "telemetry"]
        for group in ([name for name in self.running if name not in last], last):
            for name in group:
                if self.alive(name):
                    self.running[name].process.send_signal(signal.SIGINT)
            deadline = time.monotonic() + STOP_PATIENCE_S
            for name in group:
                process = self.running[name].process
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
