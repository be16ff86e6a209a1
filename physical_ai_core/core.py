"""How every core is driven: `handle` what came in, `tick` with the clock; both return what to say.

A core keeps no clock and no thread. The node shell and the in-process runner drive the same object, in stamp
order, so that a recorded run and a live run are the same computation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Output(NamedTuple):
    """One thing a core says: a topic of the graph table and its payload (a type of `messages`)."""

    topic: str
    data: Any


Outputs = Sequence[Output]
NOTHING: Outputs = ()


class Core(Protocol):
    """The pure half of a node."""

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one payload that arrived on `topic`; `stamp_s` is its header stamp, or its time of arrival."""
        ...

    def tick(self, stamp_s: float) -> Outputs:
        """Do the periodic work for time `stamp_s`; called at the node's rate."""
        ...

    def health(self) -> Health:
        """How the core is, for heartbeat and diagnostics; cheap, callable at any time."""
        ...


@runtime_checkable
class Refuses(Protocol):
    """A core that keeps a book of messages nobody could decode; for others such a message is the node's fault."""

    def refuse(self, topic: str, reason: str) -> None:
        """Count a message of `topic` that was left out for `reason`."""
        ...


class Health(NamedTuple):
    """`level` as in diagnostic_msgs/DiagnosticStatus: 0 OK, 1 WARN, 2 ERROR, 3 STALE."""

    level: int = 0
    message: str = "ok"
    values: dict[str, str] = {}  # noqa: RUF012  (NamedTuple default; never mutated)


OK, WARN, ERROR, STALE = 0, 1, 2, 3
