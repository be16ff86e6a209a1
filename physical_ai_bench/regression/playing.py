"""One replay: a bag's inputs through the cores on the bag's clock, and what they said."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from physical_ai_bench.regression.ahead import Ahead, Errand, nodes_of
from physical_ai_bench.regression.beside import Beside, Job, beside
from physical_ai_bench.regression.cast import ALSO_HEARD, Part, cast, rates_of
from physical_ai_bench.regression.feed import BagFacts, Came, Word, arrivals, open_feed, persons_words
from physical_ai_bench.regression.mail import LiveNode, live
from physical_ai_bench.regression.readings import ModelReader, ReaderKind, RecordedReader, reader_for, save_readings
from physical_ai_bench.regression.spoken import Listener, Spoken, digest_of
from physical_ai_bench.regression.tolerances import Tolerances
from physical_ai_bench.replay import ReplayConfig
from physical_ai_bench.runner import HEARTBEAT, Runner
from physical_ai_core import graph
from physical_ai_core.core import Core
from physical_ai_core.errors import BagError
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_telemetry.bag import Bag

BESIDE = frozenset(("safety/people", "instruction", "goal_state"))  # what persons' words and readings are made of


@dataclass(frozen=True)
class Replayed:
    """`wall_s`, `cpu_s`: reading, decoding, computing, taking apart what was said; `load_s` is for making the cores.

    `cpu_s` is of all processes of the replay, without the start of the one ahead.
    """

    part: Part
    bag: BagFacts
    spoken: Spoken
    sha256: str
    bag_s: float
    messages_in: int
    messages_out: int
    wall_s: float
    cpu_s: float
    load_s: float

    @property
    def pace(self) -> float:
        """Times real time."""
        return self.bag_s / max(self.wall_s, 1e-9)


def play(
    facts: BagFacts,
    part: Part,
    config: ReplayConfig,
    tolerances: Tolerances,
    reader: ReaderKind = "recorded",
    keep_readings: Path | None = None,
    processes: int = 0,
) -> Replayed:
    """Play `part` from the bag. The same bits for the same bag, parameters and software on one kind of processor.

    `processes`: 2 lets perception run ahead of the whole graph and the world model compute beside it, 0 does so where
    there are two processors; the bits do not depend on it. Raises BagError, ParameterError, and what the cores raise:
    their exceptions end the replay.
    """
    begun = time.perf_counter()
    processes = processes or len(os.sched_getaffinity(0))
    names, aside = nodes_of(part, processes), beside(part, processes)
    with ExitStack() as stack:
        bag = stack.enter_context(open_feed(facts.path, config.topics, part.fed | BESIDE, part.needed))
        ahead = stack.enter_context(Ahead(Errand(facts, part, tuple(names), config, tolerances))) if names else None
        others = {name: stack.enter_context(Beside(Job(name, config, tolerances))) for name in aside}
        readers: list[RecordedReader] = []

        def interpreter(parameters: PlannerParameters) -> RecordedReader | None:
            found = reader_for(reader, bag, parameters)
            readers.extend([found] if found is not None else [])
            return found

        here = [node for node in part.nodes if node not in names and node not in aside]
        nodes = {**cast(here, config, interpreter), **{name: live(name, core) for name, core in others.items()}}
        words = persons_words(bag) if "safety_gate" in nodes else []
        listener = Listener(part.said - _said_by(names) - _said_by(aside), tolerances)
        for other in others.values():
            other.ready()
        if ahead is not None:
            ahead.begin()
        loaded, cpu_s = time.perf_counter(), time.process_time()
        cores: dict[str, Core] = {**nodes, **({name: ahead.core(name) for name in names} if ahead else {})}
        count = _run(bag, part, cores, nodes, words, listener, config)
        apart: list[Ahead | Beside] = [*others.values(), *([ahead] if ahead is not None else [])]
        spoken: Spoken = dict(listener.spoken())
        for one in apart:
            spoken = {**spoken, **one.finish()}
        wall_s, cpu_s = time.perf_counter() - loaded, time.process_time() - cpu_s + sum(one.cpu_s for one in apart)
        bag_s = bag.duration_s
    if keep_readings is not None and readers and isinstance(readers[0], ModelReader):
        save_readings(keep_readings, readers[0].taken)
    if not spoken:
        raise BagError(
            f"The replay of {part.name} from the bag {facts.path} said nothing ({count} messages were fed).",
            "Check the topic map and the parameters of the replay configuration.",
        )
    said = sum(len(series) for series in spoken.values())
    return Replayed(part, facts, spoken, digest_of(spoken), bag_s, count, said, wall_s, cpu_s, loaded - begun)


def play_ahead(
    errand: Errand, told: Callable[[str, LiveNode], Core], begin: Callable[[], None]
) -> tuple[Spoken, float]:
    """The child's side: some nodes of a part, on that part's messages and clock; and the seconds of CPU it took.

    `begin` is called once the cores are made, and waits for the other side's.
    """
    part = errand.part
    with open_feed(errand.bag.path, errand.config.topics, part.fed | BESIDE, part.needed) as bag:
        nodes = cast(errand.nodes, errand.config, lambda _: None)
        begin()
        listener, begun_s = Listener(_said_by(errand.nodes), errand.tolerances), time.process_time()
        _run(bag, part, {name: told(name, node) for name, node in nodes.items()}, nodes, [], listener, errand.config)
        return listener.spoken(), time.process_time() - begun_s


def _run(
    bag: Bag, part: Part, cores: Mapping[str, Core], nodes: Mapping[str, LiveNode], words: list[Word],
    listener: Listener, config: ReplayConfig,
) -> int:  # fmt: skip
    """Feed everything; returns how many messages it was. `nodes`: those of the cores that take the clock from here."""
    rates_hz = {name: rate for name, rate in rates_of(part, config).items() if name in cores}
    runner = Runner(cores, taps=[listener.tap], heartbeats=True, rates_hz=rates_hz, also_hear=ALSO_HEARD)
    for node in nodes.values():
        node.clock = lambda: runner.now_s
        if isinstance(node.core, Beside):
            node.core.clock = node.clock
    for word in words:
        runner.at(word.at_s, partial(_say, nodes["safety_gate"], word))
    count = 0

    def counted() -> Iterator[Came]:
        nonlocal count
        for count, came in enumerate(arrivals(bag, part.fed, part.nodes), 1):  # noqa: B007
            yield came

    with _without_collections():
        runner.run(counted())
    return count


def _said_by(nodes: Any) -> frozenset[str]:
    """What only these nodes say."""
    return frozenset(topic.name for node in nodes for topic in graph.said_by(node)) - {HEARTBEAT, "/diagnostics"}


def _say(gate: LiveNode, word: Word) -> None:
    getattr(gate.core, word.method)(*word.arguments)


@contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage is looked for during a replay; some minutes of it make little."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
