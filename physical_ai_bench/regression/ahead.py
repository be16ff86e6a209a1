"""Nodes that hear no other played node run ahead in a process of their own: the whole graph on two cores.

Perception needs sensors alone, so its answers can be computed before anybody asks. The child plays it on the same
messages and the same clock and hands over what each call gave, by the number of the call; the parent's runner calls a
stand-in at the very same moments. What is heard when, and so every bit, is the same as in one process.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO, Any, Final, TypeVar

from physical_ai_bench.regression.cast import Part
from physical_ai_bench.regression.feed import BagFacts
from physical_ai_bench.regression.mail import LiveNode
from physical_ai_bench.regression.spoken import Spoken
from physical_ai_bench.regression.tolerances import Tolerances
from physical_ai_bench.replay import ReplayConfig
from physical_ai_core import graph
from physical_ai_core.core import Core, Health, Output, Outputs
from physical_ai_core.errors import PhysicalAIError

A = TypeVar("A", "list[Output]", Health)
BATCH: Final = 64  # answers handed over together


@dataclass(frozen=True)
class Errand:
    """What the child is to play: `nodes` of `part`."""

    bag: BagFacts
    part: Part
    nodes: tuple[str, ...]
    config: ReplayConfig
    tolerances: Tolerances


def independent(part: Part) -> tuple[str, ...]:
    """Nodes of a part of several that hear none of the others."""
    if len(part.nodes) < 2:
        return ()
    found = []
    for node in part.nodes:
        others = {topic.name for other in part.nodes if other != node for topic in graph.said_by(other)}
        heard = {topic.name for topic in graph.heard_by(node)}
        if heard and not heard & others:
            found.append(node)
    return tuple(found)


class Teller:
    """Around a node in the child: every answer that is not empty goes into the stream, by the number of the call."""

    def __init__(self, name: str, node: LiveNode, stream: _Stream) -> None:
        self._name, self._node, self._stream, self._calls = name, node, stream, 0

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        return self._told(list(self._node.handle(topic, data, stamp_s)))

    def tick(self, stamp_s: float) -> Outputs:
        return self._told(list(self._node.tick(stamp_s)))

    def health(self) -> Health:
        return self._told(self._node.health())

    def _told(self, answer: A) -> A:
        self._calls += 1
        if answer:
            self._stream.put((self._name, self._calls, answer))
        return answer


class _Stream:
    """Answers in batches on a pipe."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._waiting = pipe, list[Any]()

    def put(self, item: Any) -> None:
        self._waiting.append(item)
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        pickle.dump(self._waiting, self._pipe, protocol=pickle.HIGHEST_PROTOCOL)
        self._pipe.flush()
        self._waiting = []


class Ahead:
    """The child, seen from the parent. Use as a context; `core(node)` stands in for a node."""

    def __init__(self, errand: Errand) -> None:
        self.spoken: Spoken = {}
        self.cpu_s = 0.0  # of the child's replay, once it is over
        self._coming: dict[str, list[tuple[float, Any]]] = {node: [] for node in errand.nodes}
        self._over = False
        self._errand = errand
        self._child = subprocess.Popen(
            [sys.executable, "-c", "from physical_ai_bench.regression.ahead import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip
        assert self._child.stdin is not None
        pickle.dump(errand, self._child.stdin)
        self._child.stdin.flush()

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None and not self._over:
            self._child.kill()
        assert self._child.stdout is not None and self._child.stdin is not None
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait()

    def begin(self) -> None:
        """Wait until its cores are made, and let it play. Raises as they do."""
        assert self._child.stdin is not None
        self._read()
        self._child.stdin.write(b"!")
        self._child.stdin.flush()

    def core(self, node: str) -> Core:
        return StandIn(self, node)

    def next(self, node: str) -> tuple[float, Any]:
        """Number and content of the node's next answer that is not empty; waits for the child."""
        coming = self._coming[node]
        while not coming and not self._over:
            self._read()
        return coming.pop(0) if coming else (math.inf, ())

    def finish(self) -> Spoken:
        """What the child's nodes said, once all is read."""
        while not self._over:
            self._read()
        return self.spoken

    def _read(self) -> None:
        assert self._child.stdout is not None
        try:
            batch = pickle.load(self._child.stdout)
        except EOFError as error:
            raise PhysicalAIError(
                f"The process that plays {', '.join(self._errand.nodes)} ended with code {self._child.wait()}.",
                "Play it in one process (`processes=1`) to see why.",
            ) from error
        if isinstance(batch, BaseException):
            self._over = True
            raise batch
        if isinstance(batch, tuple):
            (self.spoken, self.cpu_s), self._over = batch, True
            return
        for node, number, answer in batch:
            self._coming[node].append((number, answer))


class StandIn:
    """Answers as the node in the child did, call by call."""

    def __init__(self, ahead: Ahead, node: str) -> None:
        self._ahead, self._node, self._calls = ahead, node, 0
        self._next: tuple[float, Any] | None = None

    def handle(self, topic: str, data: Any, stamp_s: float) -> list[Output]:
        return list(self._answer())

    def tick(self, stamp_s: float) -> list[Output]:
        return list(self._answer())

    def health(self) -> Health:
        answer = self._answer()
        return answer if isinstance(answer, Health) else Health()

    def _answer(self) -> Any:
        self._calls += 1
        if self._next is None:
            self._next = self._ahead.next(self._node)
        if self._next[0] != self._calls:
            return ()
        answer, self._next = self._next[1], None
        return answer


def main() -> None:
    """The child: an errand comes on stdin, answers go out on stdout, what was said last."""
    from physical_ai_bench.regression.playing import play_ahead

    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not come between
    errand: Errand = pickle.load(sys.stdin.buffer)
    stream = _Stream(pipe)

    def begin() -> None:
        stream.flush()
        sys.stdin.buffer.read(1)

    try:
        said = play_ahead(errand, lambda name, node: Teller(name, node, stream), begin)
        stream.flush()
        pickle.dump(said, pipe)
    except Exception as error:  # whatever it is, the parent raises it
        pickle.dump(error if isinstance(error, PhysicalAIError) else _plain(error), pipe)
    pipe.close()


def _plain(error: Exception) -> PhysicalAIError:
    return PhysicalAIError(f"{type(error).__name__}: {error}.", "Play it in one process to see where.")


def nodes_of(part: Part, processes: int) -> Collection[str]:
    """Which nodes run ahead with so many processes."""
    return independent(part) if processes > 1 else ()
