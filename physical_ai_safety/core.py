"""The gate driven by the topics of the graph table: keeps inputs ready, decides on every command, scan and tick."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health, Output, Outputs
from physical_ai_core.reports import ImplementOrder, Takeover
from physical_ai_safety import ladder, words
from physical_ai_safety.desk import Desk, questions
from physical_ai_safety.gate import Decision, decide, stopped_by_fault
from physical_ai_safety.hearing import Hearing
from physical_ai_safety.implements import Implements, implement_rules
from physical_ai_safety.motion import Motion
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.people_say import OPERATOR
from physical_ai_safety.picture import Buttons, Outside, around, robot_state
from physical_ai_safety.reflex import Reflex
from physical_ai_safety.rules import Rules, load_rules
from physical_ai_safety.situation import Book, Command, GateVerdict, Memory, RobotState, compile_rules
from physical_ai_safety.telling import Telling

RECENT_S = 0.015  # a tick that comes so soon after an answered message has nothing to add


class GateCore:
    """Safety gate. `watch` takes the steady clock where there is one; all else goes by stamps.

    Nothing that happens inside makes it silent: an exception becomes a zero command and a verdict that names it.
    """

    def __init__(self, parameters: GateParameters, rules: Rules | None = None) -> None:
        """`rules`: already read and combined; None: those that the parameters name. Raises as `load_rules`."""
        if rules is None:
            rules = load_rules(parameters.rules, parameters.site, parameters.robot, parameters.payload, parameters.mode)
        self.robot_body = rules.robot
        self.rules: Book = compile_rules(rules)
        file = rules.file
        stopping = file.stopping
        self.implements = Implements(implement_rules(file))
        clear_m = max((rule.clear_m for rule in self.implements.rules.values()), default=0.0)
        radius_m = self.rules.hull.radius_m
        self.hearing = Hearing(
            self.rules, rules.robot, parameters,
            max(self.rules.sight_m + stopping.stop_margin_m + 2.0 * radius_m, clear_m + radius_m),
        )  # fmt: skip
        self._outside = Outside(self.hearing, self.rules, rules.site.local.utc_offset_h, parameters)
        self.desk = Desk(questions(file))
        self.memory = Memory(latched=ladder.POWER_UP if parameters.start_latched else ladder.FREE)
        self.verdict: GateVerdict | None = None
        self.buttons = Buttons()
        self._intruders: tuple[str, ...] = ()
        self.telling = Telling(self.implements, self.desk, self.hearing.inputs)
        self.reflex, self.reflexes = Reflex(self.rules.hull, self.rules.braking), 0
        self._was_stopped = False
        self._answered_s = -math.inf  # when a message was last answered at once
        self._takers: dict[str, Callable[[Any, float], bool]] = {
            **self.hearing.takers, "scan": self._take_scan, "state/odometry": self._take_state,
            **{name: partial(self._take_button, name) for name in self.buttons.down},
            "tool_nav": self._take_tool, "implements_nav": self._take_implements,
            "safety/request": lambda data, _: self._heard("safety/request", self.desk.request(data, self._now())),
            "safety/answer": lambda data, _: self._heard("safety/answer", self.desk.answer(data, self._now())),
            "safety/driver": lambda data, _: self._heard("safety/driver", self._drive(data)),
        }  # fmt: skip

    # --- driven by the runner or the node ---

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one message; commands, scans and the emergency stop are answered at once."""
        taker = self._takers.get(topic)
        if taker is None:
            return NOTHING

        def work() -> Outputs:
            self.hearing.ranges.follow()
            self.hearing.between_ticks(stamp_s)
            if not taker(data, stamp_s):
                return NOTHING
            self._answered_s = self._now()
            return self._decide()

        return self._guarded(work)

    def glance(self, scan: m.LaserScan) -> Outputs:
        """Zero, where the first look at a scan leaves nothing of what was sent last; else nothing. The scan is to be
        handled right after it: the decision on it says why, or takes the zero back where the scan is refused."""

        def work() -> Outputs:
            name, memory, now = f"scan {scan.frame_id}", self.memory, self._now()
            fresh = self.hearing.inputs.stamp_s(name) is not None and not self.hearing.inputs.check(
                name, scan.stamp_s, now
            )
            if not fresh or not self.reflex.trips(scan, Motion(memory.v_mps, memory.w_rps)):
                return NOTHING
            self.reflexes += 1
            return [Output("cmd_vel", m.Twist(max(now, scan.stamp_s), "base_link", 0.0, 0.0))]

        return self._guarded(work)

    def arrive(self, stamp_s: float) -> None:
        """The graph's clock as a message is taken, where the node reads it: else a command that was under way while a
        tick spoke would find no time passed since, and the ramps would hold it back until the next decision."""
        if self.hearing.clock(stamp_s):
            self.memory = self.memory._replace(stamp_s=None, clear_since_s=None, rest_due_s=None)
            self.desk.stopped(stamp_s)

    def tick(self, stamp_s: float) -> Outputs:
        """Say the last word again, always: what was right a moment ago may be too fast now."""

        def work() -> Outputs:
            hearing, before_s = self.hearing, self.hearing.now_s
            hearing.ranges.follow()
            self.arrive(stamp_s)
            runs = hearing.now_s != before_s  # while the clock stands, every tick speaks
            due = self.telling.tick()
            age_s = hearing.ranges.age_s(self._now())
            if age_s is not None:
                hearing.reaction.note(self._now(), age_s)
            fresh = runs and not due and 0.0 <= self._now() - self._answered_s < RECENT_S
            return NOTHING if fresh else self._decide()

        return self._guarded(work)

    def settle(self) -> Outputs:
        """What can wait until the answer is out: people in the newest sweep. The next word comes with them; a core
        that nobody settles does it before that."""

        def work() -> Outputs:
            if self.hearing.ranges.follow():
                self.reflex.prepare(Motion(self.memory.v_mps, self.memory.w_rps))
            return NOTHING

        return self._guarded(work)

    def watch(self, steady_s: float) -> None:
        """The steady clock, read by the node before each tick."""
        self.hearing.inputs.watch(steady_s)

    def health(self) -> Health:
        state = self.verdict.state if self.verdict else "waiting"
        level = {"clear": OK, "limited": OK, "emergency_stop": ERROR}.get(state, WARN)
        values = {"state": state, "rules": self.rules.hash, "refused": str(sum(self.hearing.refused.values())),
                  "reflexes": str(self.reflexes)}  # fmt: skip
        if self.hearing.last_refusal:
            values["last_refusal"] = self.hearing.last_refusal
        return Health(level, self.verdict.en if self.verdict else "no decision yet", values)

    def died(self, node: str, pid: str) -> Outputs:
        """The process of a node ended, as the operating system says; answered at once."""

        def work() -> Outputs:
            if not self.hearing.crew.died(node, pid):
                return NOTHING
            self.telling.event_s["heartbeat"] = self._now()
            return self._decide()

        return self._guarded(work)

    # --- a person's word ---

    def reset(self, person: str = OPERATOR) -> tuple[bool, str]:
        """Release what is latched; refused while a cause stands, or the robot moves or may move."""
        held = self.memory.latched
        latched, refusal = ladder.reset(held, self.buttons.causes, self.hearing.at_rest())
        self.memory = self.memory._replace(latched=latched)
        self.desk.note("reset", person, refusal or ", ".join(k for k, on in held._asdict().items() if on), self._now())
        return not refusal, words.both(words.RESET[refusal if held.held else "free"])

    def approve(self, given: bool) -> tuple[bool, str]:
        """A nameless yes or no, to the oldest open request where there is one; every verdict from now on holds it."""
        id = self.desk.approve(given, self._now())
        self.memory = self.memory._replace(approved=given, approval_s=self._now())
        return True, ("Approved" if given else "Refused by the operator") + (f": {id}." if id else ".")

    def drive(self, person: str, takes: bool) -> tuple[bool, str]:
        """Take the robot over, or hand it back to autonomy."""
        why = self._drive(Takeover(person, takes))
        return not why, words.both(words.DRIVER[why if why else "took" if takes else "gave"])

    def intruders(self, names: tuple[str, ...]) -> None:
        """Who else publishes what moves the robot, as the node sees it."""
        self._intruders = names if self.rules.file.second_publisher_stops else ()

    def hear_asleep(self, topic: str, data: Any) -> None:
        """While the node is not active nothing moves, but a button that was pressed meanwhile must not be forgotten."""
        if topic in self.buttons.down:
            self._takers[topic](data, self._now())

    def refuse(self, topic: str, reason: str) -> None:
        """A message that nobody could decode."""
        self.hearing.refuse(topic, reason)

    def _take_scan(self, scan: m.LaserScan, stamp_s: float) -> bool:
        """Also makes the rays known to the reflex."""
        answer = self.hearing.takers["scan"](scan, stamp_s)
        if answer:
            self.reflex.learn(scan, self.robot_body.mount(scan.frame_id))
        return answer

    def _take_state(self, data: m.Odometry, stamp_s: float) -> bool:
        """Also measures the zones anew where it has moved on, so that no command has to wait for it."""
        answer = self.hearing.takers["state/odometry"](data, stamp_s)
        pose = self.hearing.place.pose
        if pose is not None and self.rules.zones.needs_pose and math.isfinite(sum(pose)):
            self.memory = self.memory._replace(anchor=self.rules.zones.anchor(pose, self.memory.anchor))
        return answer

    # --- inputs that latch, switch or come from people ---

    def _take_button(self, topic: str, data: m.Flag, stamp_s: float) -> bool:
        """Latched here, not only in the decision, so that no fault on the way there loses it."""
        if self.buttons.take(topic, data.data):
            self.telling.event_s[topic] = stamp_s
        self.memory = self.memory._replace(latched=ladder.latch(self.memory.latched, self.buttons.causes))
        return True

    def _take_tool(self, data: m.Flag, _stamp_s: float) -> bool:
        self.implements.order_tool(data.data, self.memory.latched.held)  # to be asked for again after the reset
        return True

    def _take_implements(self, data: ImplementOrder, _stamp_s: float) -> bool:
        sound = isinstance(data.on, dict) and all(isinstance(on, bool) for on in data.on.values())
        if not sound:
            return self.hearing.refuse("implements_nav", "form")
        for name, on in data.on.items():
            if not self.implements.order(name, on, self.memory.latched.held):
                self.hearing.refuse("implements_nav", f"no implement '{name:.40}'")
        return True

    def _drive(self, said: Takeover) -> str:
        silent = not self.hearing.inputs.fresh("cmd_vel_teleop", self._now())
        return self.desk.drive(said, silent, self.hearing.at_rest() is True, self._now())

    def _heard(self, topic: str, refusal: str) -> bool:
        if refusal:
            self.hearing.refuse(topic, refusal)
        return True

    # --- deciding ---

    def _now(self) -> float:
        return self.hearing.now()

    def _decide(self) -> Outputs:
        now = self._now()
        self.desk.pass_time(now)
        command = self.hearing.command(self.desk.driver, now)
        robot = robot_state(self.hearing, self.buttons, self._intruders, now)
        ranges, outside = self.hearing.ranges.now(), self._outside.circumstances(self.desk.approvals, now)
        decision = decide(command, robot, ranges, self.rules, self.memory, now, outside)
        self._ask_people(decision.verdict, now)
        if self.implements.busy or self.telling.tool_due:  # what is off and not asked for needs no second look
            lifted = self.buttons.down["lifted"]
            self.implements.decide(around(decision, ranges, self.implements, self.rules, self.hearing, lifted))
        return self._outputs(decision)

    def _ask_people(self, verdict: GateVerdict, now_s: float) -> None:
        """A rule that waits for people holds the robot back: they are asked, with what they have to know."""
        for note in verdict.interventions:
            if note.rule == "approval":
                pose, (v, w) = self.hearing.place.pose, verdict.command_in
                where = "place unknown" if pose is None else f"at x {pose.x_m:.1f} m, y {pose.y_m:.1f} m"
                self.desk.wish(note.clause, f"{where}, {verdict.source} asks for {v:.2f} m/s, {w:.2f} rad/s", now_s)

    def _outputs(self, decision: Decision) -> Outputs:
        self.memory = decision.memory
        was_stopped, self._was_stopped = self._was_stopped, decision.memory.latched.stopped
        if self._was_stopped and not was_stopped:
            self.desk.stopped(self._now())
        said, self.verdict = self.telling.outputs(decision, self._now())
        return said

    def _guarded(self, work: Callable[[], Outputs]) -> Outputs:
        try:
            return work()
        except Exception as error:  # the gate must not fall silent: it stands and says why
            cause = f"{type(error).__name__}: {error}"
            self.hearing.refuse("gate", cause)
            command, now = Command(), self._now()
            self.implements.all_off()
            return self._outputs(stopped_by_fault(cause, command, RobotState(), self.rules, self.memory, now))
