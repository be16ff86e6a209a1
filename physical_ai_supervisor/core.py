"""Who is asked for which lifecycle transition, and what /diagnostics says; from heartbeats and answers alone.

A node is brought up on its own account: in the table's order at the start, alone when it comes back. Nothing that
happens to one node ever leads to a request to another, except that later ones wait for earlier ones at the start.
Times are of the steady clock, given by the caller: heartbeats are judged by when they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, STALE, WARN, Health, Output, Outputs
from physical_ai_core.errors import ParameterError
from physical_ai_core.models.limits import load_limits
from physical_ai_core.models.slots import models_folder
from physical_ai_supervisor.keeper import MODELS, Keeper
from physical_ai_supervisor.parameters import SupervisorParameters

DIAGNOSTICS_PERIOD_S: Final = 1.0
ASK_AGAIN_S: Final = 0.05
PATIENCE_S: Final = 10.0  # at the start later nodes wait no longer than this for an earlier one that is not coming up


class State(str, Enum):
    """lifecycle_msgs/State, as far as it matters here."""

    UNKNOWN = "unknown"
    UNCONFIGURED = "unconfigured"
    INACTIVE = "inactive"
    ACTIVE = "active"
    BUSY = "busy"  # configuring, activating, …
    FINALIZED = "finalized"


class Ask(str, Enum):
    GET_STATE = "get_state"
    CONFIGURE = "configure"
    ACTIVATE = "activate"


class Request(NamedTuple):
    """One question to one node; `number` comes back with the answer, so that late answers are known as such."""

    node: str
    ask: Ask
    number: int


@dataclass
class Ward:
    """What is known of one managed node."""

    name: str
    order: int
    state: State = State.UNKNOWN
    beat_s: float | None = None  # arrival of the last heartbeat, steady clock
    beats: m.Status | None = None
    pending: Request | None = None
    asked_s: float = 0.0
    not_before_s: float = 0.0  # next request
    failures: int = 0
    restarts: int = 0
    reason: str = ""
    cpu: tuple[float, float] | None = None  # (cpu_s, steady time) of the heartbeat before
    cpu_percent: float | None = None
    values: dict[str, str] = field(default_factory=dict)


class SupervisorCore:
    """Drive with `handle("heartbeat", …)`, `watch(steady_s)`, `requests()`, `answered(…)`, and `tick`."""

    def __init__(self, parameters: SupervisorParameters) -> None:
        managed = [node for node in graph.NODES if node.managed]
        unknown = set(parameters.nodes) - {node.name for node in managed}
        if unknown:
            raise ParameterError(
                f"Parameter 'nodes' names {sorted(unknown)}, which are not managed nodes.",
                f"Choose from {', '.join(node.name for node in managed)}.",
            )
        chosen = [node for node in managed if not parameters.nodes or node.name in parameters.nodes]
        self.parameters = parameters
        self.wards = {n.name: Ward(n.name, n.order) for n in sorted(chosen, key=lambda n: n.order)}
        folder, limits = models_folder(parameters.models_folder), load_limits(parameters.model_limits).watch
        self.keepers = tuple(Keeper(folder, limits, model) for model in MODELS)
        self._steady_s = 0.0
        self._started_s: float | None = None
        self._told_s: float | None = None
        self._number = 0

    # --- what comes in ---

    def watch(self, steady_s: float) -> None:
        """The steady clock's reading now."""
        self._steady_s = max(self._steady_s, steady_s)
        if self._started_s is None:
            self._started_s = self._steady_s

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        if topic == "heartbeat":
            for status in data.statuses:
                for keeper in self.keepers:
                    keeper.hear(status)
                ward = self.wards.get(status.name)
                if ward is not None:
                    self._beat(ward, status)
        return NOTHING

    def _beat(self, ward: Ward, status: m.Status) -> None:
        now = self._steady_s
        cpu_s = _number(status.values.get("cpu_s"))
        if cpu_s is not None:
            if ward.cpu is not None and cpu_s >= ward.cpu[0] and now - ward.cpu[1] > 0.5:
                ward.cpu_percent = 100.0 * (cpu_s - ward.cpu[0]) / (now - ward.cpu[1])
            if ward.cpu is None or cpu_s < ward.cpu[0] or now - ward.cpu[1] > 0.5:
                ward.cpu = (cpu_s, now)
        silent = ward.beat_s is not None and now - ward.beat_s > self.parameters.late_s
        ward.beat_s, ward.beats = now, status
        pending = ward.pending
        if pending is not None and pending.ask is not Ask.GET_STATE and now - ward.asked_s > self.parameters.reply_s:
            # A node that configures does not beat meanwhile: the request or its answer was lost with a process.
            ward.pending, ward.state, ward.not_before_s = None, State.UNKNOWN, now
        if status.values.get("active") == "true":
            ward.state, ward.failures, ward.reason = State.ACTIVE, 0, ""
        elif ward.state is State.ACTIVE or silent:  # it came back as another process, or someone deactivated it
            ward.restarts += ward.state is State.ACTIVE
            ward.state, ward.pending, ward.not_before_s = State.UNKNOWN, None, now
        elif ward.state is State.UNKNOWN and ward.pending is None and not ward.failures:
            ward.not_before_s = now

    def answered(self, request: Request, state: State | None, success: bool = True) -> None:
        """The answer to a request: the state read (GET_STATE), or whether the transition succeeded.

        `state` None with `success` False also stands for a failed call.
        """
        ward = self.wards[request.node]
        if ward.pending != request:
            return  # an answer given up on
        ward.pending = None
        if request.ask is Ask.GET_STATE:
            if state is None:
                self._failed(ward, "does not answer")
            else:
                ward.state = state
                if state in (State.BUSY, State.FINALIZED):
                    ward.not_before_s = self._steady_s + 2.0 * ASK_AGAIN_S
            return
        if success:
            ward.state = State.INACTIVE if request.ask is Ask.CONFIGURE else State.ACTIVE
            ward.failures, ward.reason = 0, ""
        else:
            ward.state = State.UNKNOWN
            self._failed(ward, f"{request.ask.value} was refused")

    def deferred(self, request: Request) -> None:
        """The request could not be sent yet: the service is not discovered."""
        ward = self.wards[request.node]
        if ward.pending == request:
            ward.pending, ward.not_before_s = None, self._steady_s + ASK_AGAIN_S

    def _failed(self, ward: Ward, reason: str) -> None:
        ward.failures += 1
        ward.reason = reason
        ward.not_before_s = self._steady_s + self.parameters.retry_s

    # --- what is asked ---

    def requests(self) -> list[Request]:
        """Requests to send now; call at every tick and heartbeat, it never repeats one that is under way."""
        now, found = self._steady_s, []
        for ward in self.wards.values():
            pending = ward.pending
            if pending is not None:
                limit = self.parameters.reply_s if pending.ask is Ask.GET_STATE else self.parameters.configure_s
                if now - ward.asked_s > limit:
                    ward.pending, ward.state = None, State.UNKNOWN
                    self._failed(ward, f"no answer to {pending.ask.value} within {limit:g} s")
                    if pending.ask is Ask.GET_STATE:  # costs nothing and may have gone to a dead process
                        ward.not_before_s = now + ASK_AGAIN_S
                continue
            ask = _NEXT.get(ward.state)
            if ask is None or now < ward.not_before_s or not self._alive(ward) or not self._turn(ward, ask):
                continue
            self._number += 1
            ward.pending, ward.asked_s = Request(ward.name, ask, self._number), now
            found.append(ward.pending)
        return found

    def _alive(self, ward: Ward) -> bool:
        """Only who speaks is asked: a request to a dead process would sit until its time-out."""
        return ward.beat_s is not None and self._steady_s - ward.beat_s <= self.parameters.silent_s

    def _turn(self, ward: Ward, ask: Ask) -> bool:
        """The order of the table holds for the first activation; later ones do not wait for ever, nor after that."""
        if ask is not Ask.ACTIVATE or self._steady_s - (self._started_s or 0.0) > PATIENCE_S:
            return True
        earlier = (other for other in self.wards.values() if other.order < ward.order)
        return all(other.state is State.ACTIVE or other.failures or other.restarts for other in earlier)

    # --- what is told ---

    def tick(self, stamp_s: float) -> Outputs:
        if self._told_s is not None and self._steady_s - self._told_s < DIAGNOSTICS_PERIOD_S:
            return NOTHING
        self._told_s = self._steady_s
        statuses = [self.status(ward) for ward in self.wards.values()]
        for keeper in self.keepers:
            keeper.tick(self._steady_s)
            models = keeper.status()
            statuses += [models] if models is not None else []
        return [Output("/diagnostics", m.Diagnostics(stamp_s, (self.summary(statuses), *statuses)))]

    def status(self, ward: Ward) -> m.Status:
        """One line of diagnostics about a node."""
        if ward.beat_s is None or ward.beats is None:
            return m.Status(STALE, f"physical_ai/{ward.name}", "never heard", {"state": ward.state.value})
        age = self._steady_s - ward.beat_s
        level, message = ward.beats.level, ward.beats.message
        if age > self.parameters.silent_s:
            level, message = STALE, f"silent for {age:.1f} s"
        elif age > self.parameters.late_s:
            level, message = max(level, WARN), f"late: last heartbeat {age:.1f} s ago"
        elif ward.state is not State.ACTIVE:
            level = max(level, ERROR if ward.failures else WARN)
            message = f"{ward.state.value}: {ward.reason or 'coming up'}; {message}"
        values = {"state": ward.state.value, "restarts": str(ward.restarts), "heartbeat_age_s": f"{age:.2f}"}
        if ward.cpu_percent is not None:
            values["cpu_percent"] = f"{ward.cpu_percent:.1f}"
        return m.Status(level, f"physical_ai/{ward.name}", message, {**ward.beats.values, **values})

    def summary(self, statuses: list[m.Status]) -> m.Status:
        """The stack in one line."""
        active = sum(ward.state is State.ACTIVE and self._alive(ward) for ward in self.wards.values())
        level = max((status.level for status in statuses), default=OK)
        whole = f"active: all {active}" if active == len(self.wards) else f"{active} of {len(self.wards)} active"
        worst = [status.name.split("/")[-1] for status in statuses if status.level >= ERROR]
        message = f"{whole}; trouble: {', '.join(worst)}" if worst else whole
        return m.Status(
            level, "physical_ai/stack", message, {"nodes_active": str(active), "nodes": str(len(self.wards))}
        )

    def health(self) -> Health:
        summary = self.summary([self.status(ward) for ward in self.wards.values()])
        return Health(min(summary.level, WARN), summary.message, summary.values)


_NEXT: Final = {State.UNKNOWN: Ask.GET_STATE, State.BUSY: Ask.GET_STATE, State.UNCONFIGURED: Ask.CONFIGURE,
                State.INACTIVE: Ask.ACTIVATE}  # fmt: skip


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
