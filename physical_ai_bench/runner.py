"""The in-process runner: cores of the graph table on one simulated clock, deterministic and as fast as they compute.

Order of things, the same in every run:
- what is said at a time is heard at that time (unless the wire delays it), first said first heard, and hearers in
  the order of activation of the node table;
- a core ticks at its node's rate, counted from the first stamp; messages of a stamp come before ticks of that stamp,
  ticks of a stamp in order of activation.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from physical_ai_bench.wire import PERFECT, Wire
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, Core, Health, Output, Outputs
from physical_ai_core.graph import Qos

Tap = Callable[[str, Any, float], None]  # (topic, payload, time of the runner's clock)

HEARTBEAT: Final = "heartbeat"
LONGEST_GAP_S: Final = 30.0  # over a longer silence of the source nobody ticks: the clock was set, not waited for
DELIVERY, TICK = 0, 1


class Simulator(Protocol):
    """What closes the loop: moves on to a stamp and says what its sensors saw meanwhile."""

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs: ...

    def advance(self, to_stamp_s: float) -> Outputs: ...


class Event(Protocol):
    """One message of a source, as `physical_ai_telemetry.bag.Event`."""

    @property
    def topic(self) -> str: ...

    @property
    def data(self) -> Any: ...

    @property
    def stamp_s(self) -> float: ...


class Due(NamedTuple):
    """Something that happens at a time: compared by time, kind, order, then first come first served."""

    time_s: float
    kind: int
    order: int
    serial: int
    action: Callable[[], None]


def in_stamp_order(events: Iterable[Event], window_s: float = 1.0) -> Iterable[Event]:
    """Sort events by stamp within a sliding window; one that is later than the window comes when it comes.

    A stamp far ahead of its neighbours (more than the window) is passed on at once instead of holding up the rest.
    """
    waiting: list[tuple[float, int, Event]] = []
    newest_s = -math.inf
    for serial, event in enumerate(events):
        if event.stamp_s > newest_s + LONGEST_GAP_S and math.isfinite(newest_s):
            while waiting:
                yield heapq.heappop(waiting)[2]
        newest_s = max(newest_s, event.stamp_s)
        heapq.heappush(waiting, (event.stamp_s, serial, event))
        while waiting and waiting[0][0] < newest_s - window_s:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


class Runner:
    """Drives cores by the graph table. `strict`: an exception of a core ends the run; else it is that node's fault.

    Example:
        runner = Runner({"perception": PerceptionCore(parameters)}, taps=[print])
        runner.run(in_stamp_order(bag.events()))
    """

    def __init__(
        self,
        cores: Mapping[str, Core],
        *,
        taps: Sequence[Tap] = (),
        wire: Wire = PERFECT,
        heartbeats: bool = False,
        strict: bool = True,
        rates_hz: Mapping[str, float] = MappingProxyType({}),
        also_hear: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """`rates_hz`: of nodes whose parameters set another rate than the table's; `also_hear`: topics beyond it."""
        order = {node.name: rank for rank, node in enumerate(sorted(graph.NODES, key=lambda node: node.order))}
        self.cores: dict[str, Core | None] = {name: cores[name] for name in sorted(cores, key=order.__getitem__)}
        self.now_s = -math.inf
        self.faults: dict[str, str] = {}  # node -> last exception, where not strict
        self._order = order
        self._taps = list(taps)
        self._wire = wire
        self._heartbeats = heartbeats
        self._strict = strict
        self._agenda: list[Due] = []
        self._serial = itertools.count()
        self._spoken: deque[tuple[str, Any]] = deque()
        self._latched: dict[str, Any] = {}
        self._origin_s = math.nan
        self._simulator: Simulator | None = None
        self._rates_hz = {name: rates_hz.get(name, graph.NODE[name].rate_hz) for name in self.cores}
        self._hearers = {
            topic.name: [n for n in self.cores if n in topic.hears or topic.name in also_hear.get(n, ())]
            for topic in graph.TOPICS
        }

    # --- driving ---

    def run(self, events: Iterable[Event]) -> None:
        """Run a recorded source to its end; the clock follows its stamps and never goes back."""
        for event in events:
            if math.isfinite(event.stamp_s):
                self._advance_to(event.stamp_s)
            self.say(event.topic, event.data)
        if self._agenda:
            self._work_until(self.now_s, inclusive=True)

    def drive(
        self, simulator: Simulator, until_s: float, step_s: float = 0.005, stop: Callable[[], bool] | None = None
    ) -> None:
        """Close the loop with a simulator, in steps of `step_s`, until a time or until `stop()`."""
        self._simulator = simulator
        start_s = self.now_s if math.isfinite(self.now_s) else 0.0
        if math.isnan(self._origin_s):
            self._start(start_s)
        for k in itertools.count(1):
            time_s = start_s + k * step_s
            if time_s > until_s + 1e-9 or (stop is not None and stop()):
                return
            for output in simulator.advance(time_s):
                stamp_s = _stamp(output.data, time_s)
                if self.now_s < stamp_s <= time_s:
                    self._work_until(stamp_s, inclusive=False)
                    self.now_s = stamp_s
                self.say(output.topic, output.data)
            self._work_until(time_s, inclusive=True)
            self.now_s = time_s

    def say(self, topic: str, data: Any) -> None:
        """Put a payload on the wire now, and let everything that follows from it happen."""
        self._spoken.append((topic, data))
        if len(self._spoken) > 1:  # called from inside a core's answer: the outer loop goes on with it
            return
        while self._spoken:
            spoken = self._spoken[0]
            self._carry(*spoken)
            self._spoken.popleft()

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Do something at a time of the clock, after the messages and before the ticks of that time."""
        self._plan(time_s, DELIVERY, len(self._order), action)

    def take_down(self, name: str) -> None:
        """A node dies: it hears, ticks and says nothing any more."""
        self.cores[name] = None

    def bring_up(self, name: str, core: Core) -> None:
        """A fresh core takes the node's place; latched topics are heard again, as DDS would have it."""
        self.cores[name] = core
        for topic, data in list(self._latched.items()):
            if name in self._hearers[topic]:
                self._hear(name, topic, data)

    # --- the clock ---

    def _start(self, time_s: float) -> None:
        self._origin_s = self.now_s = time_s
        self._agenda = [due for due in self._agenda if due.kind == DELIVERY]
        heapq.heapify(self._agenda)
        for name in self.cores:
            self._plan_tick(name, 0)
        if self._heartbeats:
            self._plan_heartbeat(0)

    def _advance_to(self, time_s: float) -> None:
        if math.isnan(self._origin_s) or time_s > self.now_s + LONGEST_GAP_S:
            if self._agenda:
                self._work_until(self.now_s, inclusive=True)
            self._start(time_s)
        elif time_s > self.now_s:
            self._work_until(time_s, inclusive=False)
            self.now_s = time_s

    def _work_until(self, time_s: float, inclusive: bool) -> None:
        """Do what is due before `time_s` (or at it)."""
        agenda = self._agenda
        while agenda and (agenda[0].time_s < time_s or (inclusive and agenda[0].time_s == time_s)):
            due = heapq.heappop(agenda)
            self.now_s = max(self.now_s, due.time_s)
            due.action()

    def _plan(self, time_s: float, kind: int, order: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, Due(time_s, kind, order, next(self._serial), action))

    def _plan_tick(self, name: str, count: int) -> None:
        time_s = self._origin_s + count / self._rates_hz[name]

        def tick() -> None:
            self._plan_tick(name, count + 1)
            core = self.cores[name]
            if core is not None:
                self._answer(name, core.tick, time_s)

        self._plan(time_s, TICK, self._order[name], tick)

    def _plan_heartbeat(self, count: int) -> None:
        time_s = self._origin_s + count / graph.TOPIC[HEARTBEAT].rate_hz

        def beat() -> None:
            self._plan_heartbeat(count + 1)
            for name, core in self.cores.items():
                if core is not None:
                    self.say(HEARTBEAT, m.Diagnostics(time_s, (self._status(name, core),)))

        self._plan(time_s, TICK, len(self._order), beat)

    def _status(self, name: str, core: Core) -> m.Status:
        health = core.health()
        if name in self.faults:
            health = Health(ERROR, self.faults[name], health.values)
        return m.Status(health.level, name, health.message, {"active": "true", **health.values})

    # --- the wire ---

    def _carry(self, topic: str, data: Any) -> None:
        for tap in self._taps:
            tap(topic, data, self.now_s)
        spec = graph.TOPIC.get(topic)
        if spec is None:
            return
        if self._wire is PERFECT:
            self.deliver(topic, data)
            return
        for delay_s, carried in self._wire.carry(topic, data, self.now_s):
            if delay_s > 0.0:
                self._plan(self.now_s + delay_s, DELIVERY, 0, _Deliver(self, topic, carried))
            else:
                self.deliver(topic, carried)

    def deliver(self, topic: str, data: Any) -> None:
        """Hand a payload to everyone who hears the topic."""
        spec = graph.TOPIC[topic]
        if spec.qos is Qos.LATCHED:
            self._latched[topic] = data
        if self._simulator is not None and "simulator" in spec.hears:
            self._simulator.handle(topic, data, _stamp(data, self.now_s))
        for name in self._hearers[topic]:
            self._hear(name, topic, data)

    def _hear(self, name: str, topic: str, data: Any) -> None:
        core = self.cores[name]
        if core is not None:
            self._answer(name, core.handle, topic, data, _stamp(data, self.now_s))

    def _answer(self, name: str, work: Callable[..., Iterable[Output]], *given: Any) -> None:
        try:
            outputs = list(work(*given))
        except Exception as error:
            if self._strict:
                raise
            self.faults[name] = f"{type(error).__name__}: {error}"
            return
        for output in outputs:
            self.say(output.topic, output.data)


class _Deliver:
    """A delivery that waits on the agenda."""

    def __init__(self, runner: Runner, topic: str, data: Any) -> None:
        self._runner, self._topic, self._data = runner, topic, data

    def __call__(self) -> None:
        self._runner.deliver(self._topic, self._data)


def _stamp(data: Any, otherwise_s: float) -> float:
    """Header stamp of a payload, as a node would take it; else the time of arrival."""
    stamp_s = getattr(data, "stamp_s", None)
    return otherwise_s if stamp_s is None or stamp_s != stamp_s else float(stamp_s)
