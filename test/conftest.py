"""Options and fixtures that every room's tests share."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from physical_ai_cli.environment import ros_environment, uses_wheels


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of slow campaigns")


def pytest_configure(config: pytest.Config) -> None:
    if uses_wheels() and "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in os.environ:
        raise pytest.UsageError("Run the tests with `./run test` (or `./run test FILE`): ROS needs its environment.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="long form: run with --long"))


# Begun at another number by each process, so that two runs on one machine do not hear each other.
_domains = (120 + (os.getpid() + count) % 100 for count in itertools.count())


@pytest.fixture
def ros_env(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A ROS environment with a domain of its own, also set for this process."""
    domain = str(next(_domains))
    monkeypatch.setenv("ROS_DOMAIN_ID", domain)
    return {**ros_environment(), "ROS_DOMAIN_ID": domain}


Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn(ros_env: dict[str, str], tmp_path: Path) -> Iterator[Spawn]:
    """Start `python -m MODULE ARGS…` as a process of its own; all are stopped at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(module: str, *arguments: str) -> subprocess.Popen[str]:
        log = (tmp_path / f"{module}-{len(started)}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=ros_env, stdout=log, stderr=subprocess.STDOUT, text=True
        )
        log.close()
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in started:
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
