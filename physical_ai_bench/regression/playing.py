"""One replay: a bag's inputs through the cores on the bag's clock, and what they said."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from physical_ai_bench.regression.cast import ALSO_HEARD, Part, cast, rates_of
from physical_ai_bench.regression.feed import BagFacts, Word, arrivals, open_feed, persons_words
from physical_ai_bench.regression.mail import LiveNode
from physical_ai_bench.regression.readings import ModelReader, ReaderKind, RecordedReader, reader_for
from physical_ai_bench.regression.spoken import Listener, Spoken, digest_of
from physical_ai_bench.regression.tolerances import Tolerances
from physical_ai_bench.replay import ReplayConfig
from physical_ai_bench.runner import Runner
from physical_ai_core.errors import BagError
from physical_ai_planner.parameters import PlannerParameters


@dataclass(frozen=True)
class Replayed:
    """`wall_s`: reading, decoding, computing and taking apart what was said, without making the cores."""

    part: Part
    bag: BagFacts
    spoken: Spoken
    sha256: str
    bag_s: float
    messages_in: int
    messages_out: int
    wall_s: float
    load_s: float  # making the cores: files, weights, compiled steps

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
) -> Replayed:
    """Play `part` from the bag. The same bits for the same bag, parameters and software on one kind of processor.

    Raises BagError, ParameterError, and what the cores raise; an exception inside a core ends the replay.
    """
    fed, begun = part.fed, time.perf_counter()
    with open_feed(facts.path, config.topics, fed | {"safety/people", "instruction", "goal_state"}, part.needed) as bag:
        made: list[RecordedReader] = []

        def interpreter(parameters: PlannerParameters) -> RecordedReader | None:
            found = reader_for(reader, bag, parameters)
            made.extend([found] if found is not None else [])
            return found

        nodes = cast(part.nodes, config, interpreter)
        words = persons_words(bag) if "safety_gate" in nodes else []
        listener = Listener(part.said, tolerances)
        count = 0
        loaded = time.perf_counter()
        with unhurried():
            runner = _runner(nodes, words, listener, rates_of(part, config))

            def counted() -> Iterator[Any]:
                nonlocal count
                for came in arrivals(bag, fed, nodes):
                    count += 1
                    yield came

            runner.run(counted())
        bag_s = bag.duration_s
    if keep_readings is not None and made and isinstance(made[0], ModelReader):
        from physical_ai_bench.regression.readings import save_readings

        save_readings(keep_readings, made[0].taken)
    spoken = listener.spoken()
    if not spoken:
        raise BagError(
            f"The replay of {part.name} from the bag {facts.path} said nothing ({count} messages were fed).",
            "Check the topic map and the parameters of the replay configuration.",
        )
    return Replayed(
        part, facts, spoken, digest_of(spoken), bag_s, count, sum(len(series) for series in spoken.values()),
        time.perf_counter() - loaded, loaded - begun,
    )  # fmt: skip


def _runner(nodes: dict[str, LiveNode], words: list[Word], listener: Listener, rates_hz: dict[str, float]) -> Runner:
    runner = Runner(nodes, taps=[listener.tap], heartbeats=True, rates_hz=rates_hz, also_hear=ALSO_HEARD)
    for node in nodes.values():
        node.clock = lambda: runner.now_s
    for word in words:
        runner.at(word.at_s, partial(_say, nodes["safety_gate"], word))
    return runner


def _say(gate: LiveNode, word: Word) -> None:
    getattr(gate.core, word.method)(*word.arguments)


@contextmanager
def unhurried() -> Iterator[None]:
    """No garbage is looked for during a replay; a run of some minutes makes little of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
