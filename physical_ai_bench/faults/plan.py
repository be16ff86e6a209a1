"""Which faults there are, and after how long at most each of them has to be noticed.

Times are of the graph's clock. `within_s` is the watchdog that has to notice; None: the robot may drive on, as long as
it is safe. Relayed topics: the node that says one is started with the topic remapped to `before(topic)`, and the relay
says what becomes of it under its own name. What the base hears is remapped at the base, for only the gate may say it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from physical_ai_core import graph
from physical_ai_core.errors import InputError


class Kind(str, Enum):
    NONE = "none"  # nothing: the control
    KILL = "kill"  # SIGKILL; the launcher starts the node again
    STOP = "stop"  # SIGSTOP, at the end SIGCONT
    SILENCE = "silence"  # nothing arrives
    DELAY = "delay"  # everything arrives `amount` s late
    DUPLICATE = "duplicate"  # everything arrives twice
    FLOOD = "flood"  # everything arrives `amount` times
    NAN = "nan"  # every real number is NaN
    CORRUPT = "corrupt"  # numbers at random: NaN, infinite, huge, of another sign
    GARBLE = "garble"  # bytes at random, so that it may be no message any more
    FREEZE = "freeze"  # the last good content with new stamps
    SHIFT = "shift"  # stamps are `amount` s ahead


OF_PROCESS: Final = (Kind.KILL, Kind.STOP)
AT_THE_HEARER: Final = {"cmd_vel": "simulator", "tool": "simulator"}  # only the gate may be heard to say these
UNSPOILT: Final = "simulator"  # it hears the robot's streams only to keep in step: a fault must not slow the world
BASE_S: Final = 0.25  # the base brakes by itself after so much silence


@dataclass(frozen=True)
class Fault:
    """One fault. `target` is a node or a topic."""

    kind: Kind
    target: str = ""
    amount: float = 0.0
    within_s: float | None = None

    def __post_init__(self) -> None:
        known = graph.NODE if self.kind in OF_PROCESS else graph.TOPIC
        if self.kind is not Kind.NONE and self.target not in known:
            raise InputError(f"There is no '{self.target}' for the fault {self.kind.value}.", f"Known: {list(known)}.")

    @property
    def name(self) -> str:
        unit = {Kind.FLOOD: f"(x{self.amount:g})", Kind.DELAY: f"({self.amount:g} s)"}
        amount = unit.get(self.kind, f"({self.amount:+g} s)") if self.amount else ""
        return self.kind.value if self.kind is Kind.NONE else f"{self.kind.value}{amount} {self.target}"


@dataclass(frozen=True)
class Relay:
    """A topic in the hands of the relay: the processes whose side is remapped, and the names on both sides of it."""

    topic: str
    remapped_at: tuple[str, ...]
    source: str
    sink: str

    @property
    def remap(self) -> tuple[str, ...]:
        other = self.source if self.topic == self.sink else self.sink
        return ("-r", f"{self.topic}:={other}")


def relay(topic: str) -> Relay:
    """How `topic` is taken into the hands of the relay. Raises InputError where several nodes say it, or none."""
    if topic in AT_THE_HEARER:
        return Relay(topic, (AT_THE_HEARER[topic],), topic, f"{topic}/after_fault")
    says = graph.TOPIC[topic].says
    if len(says) != 1:
        raise InputError(f"'{topic}' is said by {list(says)}.", "Only a topic with one speaker can be relayed.")
    nodes = (*says, UNSPOILT) if UNSPOILT in graph.TOPIC[topic].hears else says
    return Relay(topic, nodes, f"{topic}/before_fault", topic)


# topic -> limit of the watchdog that misses it, None: the robot may drive without it
_HEARD: Final[dict[str, float | None]] = {
    "scan": 0.25, "wheel/odometry": 0.2, "imu/data": None, "state/odometry": 0.3, "cmd_vel_nav": 0.25,
    "state/map_to_odom": 1.0,
}  # fmt: skip


def _of_topic(topic: str, limit_s: float | None) -> tuple[Fault, ...]:
    late_s = 0.5 if limit_s is None else max(0.5, 1.5 * limit_s)
    return (
        Fault(Kind.DELAY, topic, late_s, limit_s),
        Fault(Kind.FLOOD, topic, 20),
        Fault(Kind.NAN, topic, within_s=limit_s),
        Fault(Kind.CORRUPT, topic),
        Fault(Kind.SHIFT, topic, late_s, limit_s),
        Fault(Kind.SHIFT, topic, -late_s, limit_s),
    )


# What a dead or stopped process is noticed by: the crew's death watch, the base's own watchdog, or what it says.
_STOPPED: Final[dict[str, float]] = {"safety_gate": BASE_S, "perception": 0.3, "controller": 0.25}
_MORE: Final = (
    *(Fault(Kind.DUPLICATE, topic) for topic in (*_HEARD, "cmd_vel")),
    *(Fault(Kind.SILENCE, topic, within_s=limit_s) for topic, limit_s in _HEARD.items()),
    *(Fault(Kind.FREEZE, topic) for topic in ("scan", "wheel/odometry", "cmd_vel_nav")),
    Fault(Kind.SILENCE, "cmd_vel", within_s=BASE_S),
    Fault(Kind.NAN, "cmd_vel", within_s=0.05),
    Fault(Kind.DELAY, "cmd_vel", 0.2),
    Fault(Kind.FLOOD, "cmd_vel", 20),
    *(
        fault
        for topic in ("state/objects", "state/occupancy", "world_model/prediction", "plan", "gps/fix")
        for fault in (Fault(Kind.SILENCE, topic), Fault(Kind.NAN, topic), Fault(Kind.CORRUPT, topic))
    ),
    Fault(Kind.GARBLE, "scan"),
    Fault(Kind.GARBLE, "state/odometry"),
    Fault(Kind.SILENCE, "/clock"),
    Fault(Kind.SHIFT, "/clock", 10.0),
    Fault(Kind.SHIFT, "/clock", -10.0),
)
FAULTS: Final[tuple[Fault, ...]] = (
    Fault(Kind.NONE),
    *(
        Fault(Kind.KILL, node.name, within_s=BASE_S if node.name == "safety_gate" else 0.1)
        for node in graph.NODES
        if node.restart
    ),
    *(Fault(Kind.STOP, node.name, within_s=_STOPPED.get(node.name)) for node in graph.NODES),
    *(fault for topic, limit_s in _HEARD.items() for fault in _of_topic(topic, limit_s)),
    *_MORE,
)


def chosen(only: Sequence[str], faults: Sequence[Fault] = FAULTS) -> list[Fault]:
    """Those whose name contains one of `only`; all where it is empty. Raises InputError when none does."""
    found = [fault for fault in faults if not only or any(part in fault.name for part in only)]
    if not found:
        raise InputError(f"No fault matches {list(only)}.", f"Faults: {', '.join(f.name for f in faults)}.")
    return found


def relays(faults: Sequence[Fault]) -> list[Relay]:
    """The relays that `faults` need, each once."""
    topics = dict.fromkeys(f.target for f in faults if f.kind is not Kind.NONE and f.kind not in OF_PROCESS)
    return [relay(topic) for topic in topics]
