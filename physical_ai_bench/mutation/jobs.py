"""Work in forked children, so many at a time."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any, Final, Generic, NamedTuple, TypeVar

from physical_ai_bench.mutation.child import start

LOOK_S: Final = 0.003
Key = TypeVar("Key")


class Task(NamedTuple, Generic[Key]):
    """`work` gets a folder of its own to put files in; it ends after `limit_s` of processor time."""

    key: Key
    work: Callable[[Path], dict[str, Any]]
    limit_s: float


class Done(NamedTuple, Generic[Key]):
    """`answer`: None where the child did not come to its end."""

    key: Key
    answer: dict[str, Any] | None
    cpu_s: float


def run_tasks(tasks: Iterable[Task[Key]], jobs: int) -> Iterator[Done[Key]]:
    """Each task as it ends. The next one is asked for when there is room for it."""
    waiting, running, count = iter(tasks), dict[int, tuple[Key, Path]](), 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        while True:
            while len(running) < jobs and (task := next(waiting, None)) is not None:
                folder, count = Path(scratch) / str(count), count + 1
                folder.mkdir()
                child = start(_bound(task.work, folder / "files"), folder / "answer.json", task.limit_s)
                running[child] = task.key, folder
            if not running:
                return
            for child, cpu_s in _ended(list(running)):
                key, folder = running.pop(child)
                answer = folder / "answer.json"
                try:
                    found = json.loads(answer.read_text(encoding="utf-8"))
                except (OSError, ValueError):
                    found = None
                rmtree(folder, ignore_errors=True)
                yield Done(key, found, cpu_s)


def _bound(work: Callable[[Path], dict[str, Any]], folder: Path) -> Callable[[], dict[str, Any]]:
    return lambda: work(folder)


def _ended(children: list[int]) -> list[tuple[int, float]]:
    """Those that ended, with their processor time; waits for the first."""
    while True:
        ended = []
        for child in children:
            done, _, usage = os.wait4(child, 0 if len(children) == 1 else os.WNOHANG)
            if done:
                ended.append((child, usage.ru_utime + usage.ru_stime))
        if ended:
            return ended
        time.sleep(LOOK_S)
