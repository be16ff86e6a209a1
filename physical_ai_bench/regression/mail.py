"""A core with the mail of its live node: what is sampled, gathered and put off, on the replay's clock.

The node shell (`physical_ai_core/ros/node.py`) lets messages wait in the middleware and hands them over at a tick;
which ones stands in the graph table. The same happens here, so that a replayed core is called as often, with the same
messages, as the live one. What waits is not decoded, and what is overtaken by a newer one never is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from physical_ai_core import graph
from physical_ai_core.core import Core, Health, Output, Outputs
from physical_ai_telemetry import incidents, kpi
from physical_ai_telemetry.latency import OFTEN

GATHER_S: Final = 0.5  # as the node shell: so much traffic of a gathered topic waits
DEEP: Final = 5  # messages of a topic put off that wait: the depth of the table's sensor profile


class Letter:
    """A recorded message that is decoded when somebody reads it, once."""

    __slots__ = ("_data", "_decode")

    def __init__(self, decode: Callable[[], Any]) -> None:
        self._decode: Callable[[], Any] | None = decode
        self._data: Any = None

    def read(self) -> Any:
        if self._decode is not None:
            self._data, self._decode = self._decode(), None
        return self._data


def opened(data: Any) -> Any:
    """The payload, be it in a letter or not."""
    return data.read() if isinstance(data, Letter) else data


class LiveNode:
    """Drives `core` as the node `name` would. `clock` gives the replay's time; the runner sets it."""

    def __init__(self, name: str, core: Core) -> None:
        spec = graph.NODE[name]
        self.name, self.core = name, core
        self.clock: Callable[[], float] = lambda: 0.0
        self._samples, self._gathers, self._defers = map(frozenset, (spec.samples, spec.gathers, spec.defers))
        heard = [topic for topic in graph.heard_by(name) if topic.name in self._samples | self._gathers]
        self._mail: dict[str, deque[Any]] = {
            topic.name: deque(
                maxlen=1 if topic.name in self._samples else max(DEEP, int(GATHER_S * topic.rate_hz))
            )
            for topic in heard
        }  # fmt: skip
        self._later: dict[str, deque[Any]] = {topic: deque(maxlen=DEEP) for topic in spec.defers}

    def __getattr__(self, name: str) -> Any:
        """A person's word, and whatever else a core answers to."""
        return getattr(self.core, name)

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """A message came. It waits, or wakes the core; what was gathered until now comes before it."""
        waits = self._mail.get(topic)
        if waits is None:
            waits = self._later.get(topic)
        if waits is not None:
            waits.append(data)
            return ()
        return [*self._take(self._gathers), *self.hand(topic, data)]

    def tick(self, stamp_s: float) -> Outputs:
        """All mail in the order of its stamps, the core's tick, then one of each that was put off."""
        outputs = [*self._take(self._mail), *self.core.tick(stamp_s)]
        for topic, waits in self._later.items():
            if waits:
                outputs += self.hand(topic, waits.popleft())
        return outputs

    def health(self) -> Health:
        return self.core.health()

    def hand(self, topic: str, data: Any) -> Iterable[Output]:
        """Give the core one message, with its header's stamp, else the time."""
        data = opened(data)
        stamp_s = getattr(data, "stamp_s", None)
        if stamp_s is None or stamp_s != stamp_s:
            stamp_s = self.clock()
        return self.core.handle(topic, data, stamp_s)

    def _take(self, topics: Iterable[str]) -> list[Output]:
        letters = []
        for topic, waits in self._mail.items():
            if waits and topic in topics:
                letters += [(topic, opened(data)) for data in waits]
                waits.clear()
        outputs: list[Output] = []
        for topic, data in sorted(letters, key=_header_s):
            outputs += self.hand(topic, data)
        return outputs


class LiveGate(LiveNode):
    """The gate's node also tells its core the time of each arrival, and lets it settle what an answer left over.

    The steady clock that its watchdogs use besides is the replay's.
    """

    def tick(self, stamp_s: float) -> Outputs:
        self.core.watch(stamp_s)  # type: ignore[attr-defined]
        return super().tick(stamp_s)

    def hand(self, topic: str, data: Any) -> Iterable[Output]:
        core: Any = self.core
        core.arrive(self.clock())
        return [*super().hand(topic, data), *core.settle()]


class LiveTelemetry(LiveNode):
    """Telemetry hears, beyond the graph table, what its figures are made of, all of it at its tick in the order of
    arrival; of the estimate some ten messages a second, and of frequent topics the stamp alone."""

    DECODED: Final = frozenset((*kpi.TOPICS, *incidents.TOPICS))
    HEARS: Final = DECODED | frozenset(OFTEN)
    FAST: Final = "state/odometry"
    PERIOD_S: Final = 0.095

    def __init__(self, name: str, core: Core) -> None:
        super().__init__(name, core)
        self._heard_s = -1e18
        self._came: list[tuple[str, Any]] = []

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        now_s = self.clock()
        if topic == self.FAST:
            if 0.0 <= now_s - self._heard_s < self.PERIOD_S:
                return ()
            self._heard_s = now_s
        self._came.append((topic, data))
        return ()

    def tick(self, stamp_s: float) -> Outputs:
        came, self._came = self._came, []
        core: Any = self.core
        outputs: list[Output] = []
        for topic, data in came:
            if topic in OFTEN:
                stamp = getattr(opened(data), "stamp_s", None)
                if stamp is not None:
                    core.hear_stamp(topic, stamp)
            if topic in self.DECODED:
                outputs += self.hand(topic, data)
        core.take_causes()  # they are the recorder's
        return [*outputs, *core.tick(stamp_s)]


SHELLS: Final[dict[str, type[LiveNode]]] = {"safety_gate": LiveGate, "telemetry": LiveTelemetry}


def live(name: str, core: Core) -> LiveNode:
    """The core behind the mail of its node."""
    return SHELLS.get(name, LiveNode)(name, core)


def _header_s(letter: tuple[str, Any]) -> float:
    stamp_s = getattr(letter[1], "stamp_s", None)
    return 0.0 if stamp_s is None or stamp_s != stamp_s else float(stamp_s)
