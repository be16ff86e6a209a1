"""What the gate says of a decision: the command always, the rest at its own pace and at once on change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.reports import ImplementStates
from physical_ai_safety import ladder, words
from physical_ai_safety.desk import Desk
from physical_ai_safety.gate import Decision
from physical_ai_safety.implements import Implements
from physical_ai_safety.inputs import Inputs
from physical_ai_safety.situation import GateVerdict

VERDICT_TICKS, TOOL_TICKS = 4, 10
COMMAND_OF: Final = {"teleop": "cmd_vel_teleop", "autonomy": "cmd_vel_nav"}


class Telling:
    """Remembers what was said last."""

    def __init__(self, implements: Implements, desk: Desk, inputs: Inputs) -> None:
        self._implements, self._desk, self._inputs = implements, desk, inputs
        self.event_s: dict[str, float] = {}  # when a button was pressed or a process missed
        self.tool_due = self._verdict_due = True
        self._ticks = 0
        self._on: dict[str, bool] = {}
        self._category = ladder.NO_CATEGORY
        self._told: tuple[Any, ...] = ()

    def tick(self) -> bool:
        """Count a tick; whether something beside the command is due by it."""
        self._ticks += 1
        self._verdict_due = self._ticks % VERDICT_TICKS == 0
        self.tool_due = self._ticks % TOOL_TICKS == 0
        return self._verdict_due or self.tool_due

    def outputs(self, decision: Decision, now_s: float) -> tuple[list[Output], GateVerdict]:
        """The command first; and the verdict as it stands now."""
        verdict, implements = decision.verdict, self._implements
        if implements.tool:
            verdict = replace(verdict, tool=True)
        said = [Output("cmd_vel", m.Twist(verdict.stamp_s, "base_link", decision.v_mps, decision.w_rps))]
        if implements.on != self._on or verdict.category != self._category or self.tool_due:
            self._on, self._category, self.tool_due = dict(implements.on), verdict.category, False
            why = {name: [cause.value for cause in causes] for name, causes in implements.causes.items()}
            said.append(Output("tool", m.Flag(implements.tool)))
            said.append(Output("implements", ImplementStates(verdict.stamp_s, self._on, why)))
            said.append(Output("safety/hardware_stop", m.Whole(verdict.category)))
        people = self._desk.report(verdict.stamp_s)
        if people is not None:
            said.append(Output("safety/people", people))
        told = (
            verdict.state, verdict.source, implements.tool, self._desk.consent,
            *((note.rule, note.clause) for note in verdict.interventions),
        )  # fmt: skip
        if told != self._told or self._verdict_due:
            self._told, self._verdict_due = told, False
            verdict = self._full(verdict, now_s)
            said.append(Output("safety/verdict", verdict))
        return said, verdict

    def _full(self, verdict: GateVerdict, now_s: float) -> GateVerdict:
        """With what people said and the stamp of the input that it answers."""
        rule = verdict.interventions[-1].rule if verdict.interventions else ""
        topic = words.CAUSED_BY.get(rule, COMMAND_OF.get(verdict.source, ""))
        if rule == "stale_input":
            topic = verdict.interventions[-1].clause
        cause_s = self.event_s.get(topic, self._inputs.stamp_s(topic))
        return replace(
            verdict, cause_s=cause_s, cause_ms=None if cause_s is None else 1e3 * max(0.0, now_s - cause_s),
            approvals=sorted(self._desk.approvals), asked=self._desk.asked, driver=self._desk.driver,
            implements=self._on,
        )  # fmt: skip
