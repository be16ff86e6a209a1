"""The interpreter in a process of its own, so that "stop" never waits for it and its crash takes nothing down.

The child runs `main` below: JSON lines in, JSON lines out. It ends when its input
ends, which the kernel brings about however the parent dies, and also when its parent's process id changes. Nothing
here blocks the caller: writes go through a non-blocking pipe, reads take what a thread has collected.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from enum import Enum
from pathlib import Path
from typing import IO, Any

from physical_ai_core.errors import GoalError, PhysicalAIError
from physical_ai_core.goal import GoalState, Refusal, RefusalReason, Words
from physical_ai_core.site import load_site
from physical_ai_planner.interpreter import InterpreterStatus, Readiness, Reading
from physical_ai_planner.language.normalise import MAX_CHARS
from physical_ai_planner.language.stop_words import fast_path
from physical_ai_planner.language.weights import DEFAULT_MODEL

_CHILD = (
    "import sys; from physical_ai_planner.language.worker import main; "
    "sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))"
)
MAX_RESTARTS = 3  # within one life of the owner; then it stays failed and says why
MAX_WAITING = 16  # instructions not yet answered


class WorkerState(str, Enum):
    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class LanguageWorker:
    """Owner's side. `site` is a site's name or file. Call `poll()` regularly: it also restarts a dead child.

    >>> worker = LanguageWorker("yard")
    >>> worker.start()                        # returns at once; the model loads in the child
    >>> worker.submit("i1", "go to dock B")
    >>> for goal in worker.poll(): ...        # later; `goal.instruction_id` says which
    """

    def __init__(
        self, site: str, model: str = DEFAULT_MODEL, threads: int = 1, *, python: str = sys.executable
    ) -> None:
        self.state = WorkerState.STOPPED
        self.reason = ""  # why it failed, with the mend
        self.restarts = 0
        self._command = [python, "-c", _CHILD, site, model, str(threads)]
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: dict[str, dict[str, Any]] = {}  # submitted and not answered, in order
        self._lines: deque[bytes] = deque()
        self._answers: list[GoalState] = []
        self.budget: tuple[int, float] = (1, 0.0)  # readings of a sentence, and seconds for those after the first
        self._readings: dict[str, tuple[Reading, ...]] = {}
        self._unsent: deque[bytes] = deque()

    @property
    def alive(self) -> bool:
        """Whether the child runs (loading or ready)."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the child, for those who measure it."""
        return None if self._child is None else self._child.pid

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def start(self) -> None:
        """Start the child; returns at once. Nothing where it runs already."""
        if self.alive:
            return
        self.state, self.reason = WorkerState.LOADING, ""
        self._lines = lines = deque[bytes]()
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        assert self._child.stdin is not None and self._child.stdout is not None
        os.set_blocking(self._child.stdin.fileno(), False)
        threading.Thread(target=_collect, args=(self._child.stdout, lines), name="language-worker", daemon=True).start()
        self._unsent = deque(_line(request) for request in self._waiting.values())
        self._flush()

    def status(self) -> InterpreterStatus:
        """As `physical_ai_planner.interpreter.Interpreter` has it, which this class satisfies."""
        readiness = Readiness.ABSENT if self.state is WorkerState.STOPPED else Readiness(self.state.value)
        return InterpreterStatus(readiness, self.reason)

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        """Hand over one sentence. Its goal comes from `poll()`: at once for a stop word, or when the worker cannot."""
        fast = fast_path(text)
        if fast is not None:
            self._answer(fast, instruction_id)
        elif self.state in (WorkerState.FAILED, WorkerState.STOPPED):
            self._answer(
                GoalState(refusal=_not_ready(self.reason or "The language worker was not started.")), instruction_id
            )
        elif len(self._waiting) >= MAX_WAITING:
            self._answer(GoalState(refusal=_not_ready(f"{MAX_WAITING} instructions wait already.")), instruction_id)
        else:
            # One character more than the limit is enough for the child to refuse it, and never fills the pipe.
            request = {"id": instruction_id, "text": text[: MAX_CHARS + 1], "present": present, "budget": self.budget}
            self._waiting[instruction_id] = request
            self._unsent.append(_line(request))
            self._flush()

    def poll(self) -> list[GoalState]:
        """Goals that are ready, oldest first; never waits."""
        dead = self._child is not None and self._child.poll() is not None  # before reading, so that last words count
        while self._lines:
            self._hear(self._lines.popleft())
        if dead and self.state in (WorkerState.LOADING, WorkerState.READY):
            self._revive()
        self._flush()
        answers, self._answers = self._answers, []
        return answers

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        """As `physical_ai_planner.interpreter.ReadsMany` has it."""
        return self._readings.pop(instruction_id, ())

    def close(self) -> None:
        """End the child and forget what waits; returns within two seconds."""
        child, self._child = self._child, None
        self.state = WorkerState.STOPPED
        self._waiting.clear()
        self._unsent.clear()
        if child is None:
            return
        for stream in (child.stdin,):
            if stream is not None:
                stream.close()
        try:
            child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(timeout=1.5)

    def _hear(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            if said["say"] == "ready":
                self.state = WorkerState.READY
            elif said["say"] == "failed":
                self._fail(str(said.get("reason")))
            elif said["say"] == "goal" and said["id"] in self._waiting:
                goal, readings = GoalState.from_json(said["goal"]), _read(said)
                del self._waiting[said["id"]]
                self._readings = dict([*self._readings.items(), (said["id"], readings)][-MAX_WAITING:])
                self._answer(goal, said["id"])
        except (ValueError, TypeError, KeyError, AttributeError, GoalError):
            return  # a library printed something

    def _revive(self) -> None:
        code = self._child.returncode if self._child is not None else None
        if self.restarts >= MAX_RESTARTS:
            self._fail(f"The language worker died {MAX_RESTARTS + 1} times (last exit code {code}).")
            return
        self.restarts += 1
        self._child = None
        if (
            self.state is WorkerState.READY and self._waiting
        ):  # what it died of may be the sentence itself: do not feed it again
            first = next(iter(self._waiting))
            del self._waiting[first]
            self._answer(
                GoalState(refusal=_not_ready("The language worker died while it read this instruction.")), first
            )
        self.start()

    def _fail(self, reason: str) -> None:
        self.state, self.reason = WorkerState.FAILED, reason
        for key in list(self._waiting):
            self._answer(GoalState(refusal=_not_ready(reason)), key)
        self._waiting.clear()
        self._unsent.clear()

    def _answer(self, goal: GoalState, instruction_id: str) -> None:
        self._answers.append(goal.model_copy(update={"instruction_id": instruction_id}))

    def _flush(self) -> None:
        """Write what the pipe takes."""
        if not self.alive or self._child is None or self._child.stdin is None:
            return
        while self._unsent:
            data = self._unsent[0]
            try:
                written = os.write(self._child.stdin.fileno(), data)
            except BlockingIOError:
                return
            except OSError:
                return  # it died; poll() sees that
            if written < len(data):
                self._unsent[0] = data[written:]
                return
            self._unsent.popleft()


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _read(said: dict[str, Any]) -> tuple[Reading, ...]:
    """The optional field `readings` of an answer: `[goal, probability, line]` each."""
    return tuple(Reading(GoalState.from_json(goal), float(p), str(line)) for goal, p, line in said.get("readings", ()))


def _not_ready(reason: str) -> Refusal:
    return Refusal(
        reason=RefusalReason.NOT_READY,
        text=Words(en=f"I cannot read instructions now. {reason}", ja=f"今は指示を読み取れません。{reason}"),
    )


def _collect(stream: IO[bytes], lines: deque[bytes]) -> None:
    for line in stream:
        lines.append(line)


def _watch_parent(parent: int) -> None:
    """Ends the process when its parent is gone; for the case that somebody else holds the pipe's other end."""
    while os.getppid() == parent:
        time.sleep(0.25)
    os._exit(0)


def _watch_input(requests: deque[dict[str, Any]], some: threading.Semaphore) -> None:
    """Reads requests on a thread of its own, so that the end of input ends the process in mid-sentence too."""
    for line in sys.stdin.buffer:
        requests.append(json.loads(line))
        some.release()
    os._exit(0)


def main(site_name: str, model: str, threads: int) -> int:
    """The child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    requests: deque[dict[str, Any]] = deque()
    some = threading.Semaphore(0)
    threading.Thread(target=_watch_input, args=(requests, some), daemon=True).start()
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    try:
        from physical_ai_planner.language.interpreter import LanguageInterpreter
        from physical_ai_planner.language.nbest import Budget

        site = load_site(site_name)
        interpreter = LanguageInterpreter(model, threads)
        interpreter.interpret("go to the gate", site)  # the first sentence pays for lazy set-up
    except PhysicalAIError as error:
        out.write(_line({"say": "failed", "reason": str(error)}))
        return 1
    except (MemoryError, RuntimeError, OSError) as error:  # torch tells of missing memory by any of these
        reason = f"The language model cannot run: {error or 'not enough memory'}. Free memory, or take a smaller model."
        out.write(_line({"say": "failed", "reason": reason}))
        return 1
    out.write(_line({"say": "ready"}))
    while True:
        some.acquire()
        request = requests.popleft()
        count, seconds = request.get("budget", (1, 0.0))
        goal, read = interpreter.read(
            request["text"], site, present=request.get("present"), budget=Budget(int(count), float(seconds))
        )
        every = [(reading.goal.to_json(), reading.probability, reading.line) for reading in read]
        out.write(_line({"say": "goal", "id": request["id"], "goal": goal.to_json(), "readings": every}))
