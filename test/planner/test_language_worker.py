"""The worker process: never in the way, says what is wrong, ends with its owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from physical_ai_core.goal import GoalState, RefusalReason, Task
from physical_ai_planner.language.worker import LanguageWorker, WorkerState

ROOT = Path(__file__).parents[2]


def collect(worker: LanguageWorker, count: int, seconds: float = 60.0) -> list[GoalState]:
    """Poll until `count` goals came."""
    goals: list[GoalState] = []
    until = time.monotonic() + seconds
    while len(goals) < count and time.monotonic() < until:
        goals += worker.poll()
        time.sleep(0.02)
    return goals


def test_importing_the_package_imports_neither_torch_nor_transformers() -> None:
    code = "import sys, physical_ai_planner.language; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_missing_model_fails_with_the_command_that_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSICAL_AI_CACHE", str(tmp_path))
    worker = LanguageWorker("yard", threads=1)
    worker.start()
    worker.submit("i1", "go to dock B")
    goal = collect(worker, 1)[0]
    assert goal.instruction_id == "i1" and goal.refusal is not None
    assert goal.refusal.reason is RefusalReason.NOT_READY and "language.prepare" in goal.refusal.text.en
    assert worker.state is WorkerState.FAILED and "language.prepare" in worker.reason
    worker.submit("i2", "go to dock A")
    assert worker.poll()[0].refusal is not None
    worker.close()


def test_stop_is_answered_at_once_even_where_nothing_runs() -> None:
    worker = LanguageWorker("yard")
    worker.submit("s", "止まれ")
    goal = worker.poll()[0]
    assert goal.steps is not None and goal.steps[0].task is Task.STOP and goal.instruction_id == "s"


def test_a_child_that_keeps_dying_is_restarted_some_times_and_then_reported(tmp_path: Path) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nexit 9\n")
    dying.chmod(0o755)
    worker = LanguageWorker("yard", python=str(dying))
    worker.start()
    worker.submit("i", "go to dock B")
    goal = collect(worker, 1, 20.0)[0]
    assert goal.refusal is not None and goal.refusal.reason is RefusalReason.NOT_READY
    assert worker.state is WorkerState.FAILED and worker.restarts > 0
    worker.close()


def test_submit_does_not_block_where_the_child_does_not_read(tmp_path: Path) -> None:
    deaf = tmp_path / "python"
    deaf.write_text("#!/bin/sh\nexec sleep 30\n")
    deaf.chmod(0o755)
    worker = LanguageWorker("yard", python=str(deaf))
    worker.start()
    began = time.monotonic()
    for i in range(200):
        worker.submit(str(i), "道" * 3000)
        worker.poll()
    assert time.monotonic() - began < 2.0
    worker.close()
    assert not worker.alive


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_child_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    code = (
        "import time; from physical_ai_planner.language.worker import LanguageWorker\n"
        "w = LanguageWorker('yard', threads=1); w.start(); print(w._child.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    child = int(owner.stdout.readline())
    time.sleep(1.0)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    until = time.monotonic() + 20.0
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False
