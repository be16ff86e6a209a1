"""A core that answers only by its tick computes in a process of its own, beside the others.

What it hears is passed on at once and worked on while the others go on; its tick and its health are waited for. It gets
the same calls in the same order as in one process, so that no bit depends on where it runs.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from physical_ai_bench.regression.cast import Part, cast
from physical_ai_bench.regression.spoken import Listener, Spoken
from physical_ai_bench.regression.tolerances import Tolerances
from physical_ai_bench.replay import ReplayConfig
from physical_ai_core import graph
from physical_ai_core.core import NOTHING, Health, Outputs
from physical_ai_core.errors import PhysicalAIError

ONLY_BY_TICK: Final = ("world_model",)  # nodes whose core's `handle` never answers


@dataclass(frozen=True)
class Job:
    """What the process is to be: one node's core, and how what it says is kept."""

    node: str
    config: ReplayConfig
    tolerances: Tolerances


def beside(part: Part, processes: int) -> tuple[str, ...]:
    """Which nodes of a part of several compute beside the others with so many processes."""
    return tuple(node for node in part.nodes if node in ONLY_BY_TICK) if processes > 1 and len(part.nodes) > 1 else ()


class Beside:
    """The process, seen as the core that it runs. Use as a context. `clock` gives the replay's time."""

    def __init__(self, job: Job) -> None:
        self.spoken: Spoken = {}
        self.cpu_s = 0.0  # of its replay, once it is over
        self.clock: Callable[[], float] = lambda: 0.0
        self._node, self._sampled = job.node, frozenset(graph.NODE[job.node].samples)
        self._calls: list[tuple[str, Any, float]] = []  # of `handle`, not yet passed on
        self._child = subprocess.Popen(
            [sys.executable, "-c", "from physical_ai_bench.regression.beside import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip
        self._pass_on(job)

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # what it did not read any more
                pipe.close()
        self._child.wait()

    def ready(self) -> None:
        """Wait until the core is made. Raises as the core does."""
        self._answer()

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        self._calls.append((topic, data, stamp_s))
        if topic not in self._sampled:  # what is sampled comes just before a tick
            self._send(("handle",))
        return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        self._send(("tick", stamp_s, self.clock()))
        outputs: Outputs = self._answer()
        return outputs

    def health(self) -> Health:
        self._send(("health",))
        health: Health = self._answer()
        return health

    def finish(self) -> Spoken:
        """What the core said."""
        self._send(("end",))
        self.spoken, self.cpu_s = self._answer()
        return self.spoken

    def _send(self, what: tuple[Any, ...]) -> None:
        calls, self._calls = self._calls, []
        self._pass_on((calls, *what))

    def _pass_on(self, what: Any) -> None:
        assert self._child.stdin is not None
        try:
            pickle.dump(what, self._child.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._child.stdin.flush()
        except BrokenPipeError:
            self._answer()  # it ended: by an exception that waits to be read, or dead

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        try:
            answer = pickle.load(self._child.stdout)
        except EOFError as error:
            raise PhysicalAIError(
                f"The process that plays {self._node} ended with code {self._child.wait()}.",
                "Play it in one process (`processes=1`) to see why.",
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer


def main() -> None:
    """The process: a job comes on stdin, then call after call; answers go out on stdout."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not come between

    def say(answer: Any) -> None:
        pickle.dump(answer, pipe, protocol=pickle.HIGHEST_PROTOCOL)
        pipe.flush()

    try:
        _serve(pickle.load(sys.stdin.buffer), say)
    except EOFError:
        pass  # nobody wants to know any more
    except Exception as error:  # whatever it is, the other side raises it
        plain = PhysicalAIError(f"{type(error).__name__}: {error}.", "Play it in one process to see where.")
        say(error if isinstance(error, PhysicalAIError) else plain)


def _serve(job: Job, say: Callable[[Any], None]) -> None:
    core = cast((job.node,), job.config, lambda _: None)[job.node].core
    topics = frozenset(topic.name for topic in graph.said_by(job.node)) - {"heartbeat", "/diagnostics"}
    listener, begun_s = Listener(topics, job.tolerances), time.process_time()
    say(None)
    while True:
        calls, what, *given = pickle.load(sys.stdin.buffer)
        for call in calls:
            if list(core.handle(*call)):
                raise PhysicalAIError(
                    f"The core of {job.node} answered to {call[0]} and not by its tick.",
                    "It is no node of `ONLY_BY_TICK`.",
                )
        if what == "tick":
            stamp_s, now_s = given
            outputs = list(core.tick(stamp_s))
            say(outputs)
            for output in outputs:
                listener.tap(output.topic, output.data, now_s)
        elif what == "health":
            say(core.health())
        elif what == "end":
            say((listener.spoken(), time.process_time() - begun_s))
            return
