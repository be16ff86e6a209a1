"""The rules of a goal's life: judged, obeyed, asked back, put in line, refused, stopped, gone on with.

docs/planner.md has them as a table. Nothing here reads topics or keeps time: `PlannerCore` brings what was said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from physical_ai_core.core import NOTHING, Output, Outputs
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState, RefusalReason, Step, Task, Words
from physical_ai_core.reports import PlannerReply
from physical_ai_planner import phrases, rule_phrases
from physical_ai_planner.answers import Choice
from physical_ai_planner.conversation import Conversation, Instruction, last_place, refusal, reply
from physical_ai_planner.experts.seat import Seat
from physical_ai_planner.hypotheses import Hypothesis, Obey
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.judge import Judge, Thought
from physical_ai_planner.mission import Mission
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.pursuit import Pursuit, end_of
from physical_ai_planner.questions import Questions, understood
from physical_ai_planner.refused import Refused
from physical_ai_planner.replies import Replies, refused
from physical_ai_planner.waiting import MOST, Line, Waiting

ALONE = {Task.RESUME, Task.CANCEL}


class Goals:
    """`drive` says path and speed of now; it is called whenever they may have changed at once. `seat` None: no expert
    has a word."""

    def __init__(
        self,
        parameters: PlannerParameters,
        pursuit: Pursuit,
        conversation: Conversation,
        judge: Judge,
        replies: Replies,
        drive: Callable[[float], list[Output]],
        seat: Seat | None = None,
    ) -> None:
        self.p, self.pursuit, self.conversation, self.judge = parameters, pursuit, conversation, judge
        self.replies, self._drive, self._seat = replies, drive, seat
        self._questions = Questions(pursuit.site, conversation)
        self._thoughts: deque[Thought] = deque()  # instructions not yet decided on, in order
        self.line = Line()
        self.emergency = False
        self._count = 0
        self._put_off: tuple[Instruction, float] | None = None  # waits for the first pose
        self._last_queued = False  # the goal that was said last waits in line
        self.touched = False  # somebody has given, stopped or dropped a goal in this run

    # --- what was said ---

    def take(self, heard: Iterable[PlannerReply | Instruction], stamp_s: float) -> Outputs:
        outputs: list[Output] = []
        for item in heard:
            if isinstance(item, PlannerReply):
                outputs.append(Output("planner/reply", item))
            else:
                outputs += self.consider(item, stamp_s)
        return outputs

    def consider(self, said: Instruction, stamp_s: float) -> Outputs:
        """An instruction: obeyed, put in line, asked back, put off, or refused; now, or in the next few ticks."""
        first = said.readings[0]
        task = (first.goal.steps or (Step(task=Task.WAIT),))[0].task
        if task is Task.STOP:
            return self._stop(first.goal, stamp_s)
        try:
            if said.confirmed and task in ALONE and len(first.goal.steps or ()) == 1:
                return self._word(first.goal, stamp_s)
        except Refused as error:
            return [refused(error, said.instruction_id, stamp_s)]
        if any(r.goal.steps for r in said.readings) and self.pursuit.localisation.here(stamp_s) is None:
            self._put_off = (said, stamp_s)
            return [Output("planner/reply", reply(stamp_s, "info", phrases.WAITING_FOR_POSE, said.instruction_id))]
        queues = bool(first.goal.queue) and self._busy
        corrects_line = said.corrects and self._last_queued and len(self.line) > 0
        after = self._end_of_line(stamp_s, corrects_line) if queues or corrects_line else None
        self._thoughts.append(self.judge.thought(said, after, corrects_line))
        return self.think(stamp_s) if len(self._thoughts) == 1 else NOTHING

    def think(self, stamp_s: float) -> Outputs:
        """Try out one more reading, so that a stop never waits for more than one; decide once all are tried."""
        if not self._thoughts:
            return NOTHING
        thought = self._thoughts[0]
        decision = self.judge.go_on(thought, stamp_s)
        if decision is None:
            return NOTHING
        self._thoughts.popleft()
        if not isinstance(decision, Obey):
            return [self._questions.output(decision, thought.said, stamp_s)]
        try:
            return self._obey(decision.best, thought.said, stamp_s, thought.corrects_line, thought.after)
        except Refused as error:
            return [refused(error, thought.said.instruction_id, stamp_s)]

    def try_put_off(self, stamp_s: float) -> Outputs:
        """What was said before the first pose was known."""
        if self._put_off is None:
            return NOTHING
        said, since_s = self._put_off
        if self.pursuit.localisation.here(stamp_s) is not None:
            self._put_off = None
            return self.consider(said, stamp_s)
        if abs(stamp_s - since_s) > self.p.pose_wait_s:
            self._put_off = None
            words = refusal(stamp_s, RefusalReason.NOT_READY, phrases.NO_POSE, said.instruction_id)
            return [Output("planner/reply", words)]
        return NOTHING

    def _obey(
        self, best: Hypothesis, said: Instruction, stamp_s: float, corrects_line: bool, after: Array | None
    ) -> Outputs:
        goal = best.goal
        if (goal.steps or ())[0].task in ALONE and len(goal.steps or ()) == 1:
            return self._word(goal, stamp_s)
        counsel = self._counsel(best, said, stamp_s, after)
        if isinstance(counsel, Output):
            return [counsel]
        mission, because = counsel
        goal = mission.goal
        confidence = 1.0 if said.confirmed else round(best.probability, 4)
        mission.goal = goal.model_copy(update={"confidence": confidence, "instruction_id": said.instruction_id})
        self.conversation.withdraw(said.instruction_id)
        if self._busy and (goal.queue or corrects_line):
            told = [self.replies.info(words, stamp_s) for words in because]
            return [*self._join_line(mission, stamp_s, corrects_line), *told]
        gone = self._drop_line(stamp_s)
        return [*gone, *self.begin(mission, rule_phrases.because(understood(mission), because), stamp_s)]

    def _counsel(
        self, best: Hypothesis, said: Instruction, stamp_s: float, after: Array | None
    ) -> Output | tuple[Mission, tuple[Words, ...]]:
        """The mission as tight as the experts want it, and why; or their question or refusal. Raises Refused."""
        mission = best.mission
        assert mission is not None
        if self._seat is None:
            return mission, ()
        goal = best.goal.model_copy(update={"instruction_id": said.instruction_id})
        judged = self._seat.judge(mission, goal, said.sentence, stamp_s, said.confirmed)
        if judged.refusal is not None:
            words = refusal(stamp_s, judged.refusal.reason, judged.refusal.text, said.instruction_id)
            return Output("planner/reply", words)
        if judged.question is not None:
            choice = Choice("yes", (), Reading(judged.goal, best.probability, best.line))
            return Output("planner/reply", self.conversation.ask(judged.question.text, (choice,), said, stamp_s))
        if judged.goal is not goal:
            mission = self.judge.try_out(judged.goal, stamp_s, after).mission
        return mission, judged.because

    # --- the present goal and the line behind it ---

    @property
    def _busy(self) -> bool:
        mission = self.pursuit.mission
        return mission is not None and not mission.done

    def begin(self, mission: Mission, words: Words, stamp_s: float) -> list[Output]:
        """Make a checked mission the present one. Under an emergency stop it begins with the next resume."""
        self._count += 1
        goal_id = f"g{self._count}-{round(stamp_s * 1000.0)}"
        mission.goal = mission.goal.model_copy(update={"goal_id": goal_id})
        self._put_off = None
        self._last_queued, self.touched = False, True
        self.replies.fresh()
        self.conversation.present = last_place(mission.goal)
        mission.paused = self.emergency and not self.p.resume_after_emergency_stop
        self.pursuit.begin(mission, stamp_s)
        said = reply(stamp_s, "understood", words, mission.goal.instruction_id, goal_id)
        if mission.paused:
            held = self.replies.info(rule_phrases.HELD_BY_EMERGENCY, stamp_s)
            return [Output("planner/reply", said), self.replies.goal(Task.STOP), held, *self._drive(stamp_s)]
        outputs = [Output("planner/reply", said), Output("goal_state", self.pursuit.present)]
        outputs += self.replies.tell(self.pursuit.tick(stamp_s), stamp_s)
        return [*outputs, *self._drive(stamp_s)]

    def _join_line(self, mission: Mission, stamp_s: float, corrects: bool) -> Outputs:
        goal = mission.goal
        if self.line.full and not corrects:
            words = rule_phrases.queue_full(MOST)
            return [Output("planner/reply", refusal(stamp_s, RefusalReason.NOT_ABLE, words, goal.instruction_id))]
        waiting = Waiting(goal.model_copy(update={"queue": True}), end_of(mission, mission.start))
        if corrects:
            self.line.replace_last(waiting)
            words = rule_phrases.requeued(understood(mission))
        else:
            words = rule_phrases.queued(understood(mission), self.line.add(waiting))
        self._last_queued = True
        self.conversation.present = last_place(goal) or self.conversation.present
        self._keep_line(stamp_s)
        return [Output("planner/reply", reply(stamp_s, "understood", words, goal.instruction_id))]

    def _end_of_line(self, stamp_s: float, corrects: bool) -> Array | None:
        """Where the goal will end behind which the new one comes."""
        before = self.line.before_last() if corrects else self.line.last
        if before is not None and before.end is not None:
            return before.end
        return self.pursuit.end_pose(stamp_s)

    def _drop_line(self, stamp_s: float) -> list[Output]:
        count, self._last_queued = self.line.clear(), False
        self.pursuit.behind = ()
        return [self.replies.info(rule_phrases.dropped(count), stamp_s)] if count else []

    def _keep_line(self, stamp_s: float) -> None:
        self.pursuit.behind = self.line.goals
        self.pursuit.save(stamp_s)

    def next(self, stamp_s: float) -> Outputs:
        """Begin the first goal in line once the present one is done, checked anew from where the robot is now."""
        if self._busy or self.pursuit.mission is None or not len(self.line):
            return NOTHING
        if self.pursuit.localisation.here(stamp_s) is None:
            return NOTHING
        goal = self.line.take()
        assert goal is not None
        self.pursuit.behind = self.line.goals
        try:
            trial = self.judge.try_out(goal, stamp_s)
            best = Hypothesis("", 1.0, trial.mission.goal, mission=trial.mission)
            said = Instruction((Reading(goal, 1.0),), goal.instruction_id, confirmed=True)
            counsel = self._counsel(best, said, stamp_s, None)
        except Refused as error:
            return [refused(error, goal.instruction_id, stamp_s)]
        except Exception as error:  # as in `weigh`: it must not reach the tick
            words = Words(en=f"I cannot do the goal that waited ({error}).", ja="待っていた指示を実行できません。")
            return [Output("planner/reply", refusal(stamp_s, RefusalReason.NOT_ABLE, words, goal.instruction_id))]
        if isinstance(counsel, Output):
            return [counsel]
        mission, because = counsel
        words = rule_phrases.because(rule_phrases.begun_next(understood(mission)), because)
        return self.begin(mission, words, stamp_s)

    # --- words about the present goal ---

    def _forget(self) -> None:
        """What was said before a stop or a cancel never moves the robot after it."""
        self.conversation.forget()
        self._thoughts.clear()
        self._put_off = None
        self.touched = True

    def _stop(self, goal: GoalState, stamp_s: float) -> Outputs:
        self._forget()
        going, mission = self._busy, self.pursuit.mission
        gone = self._drop_line(stamp_s)
        self.pursuit.pause(True, stamp_s)
        said = reply(
            stamp_s, "understood", phrases.STOPPED_GOAL if going else phrases.STOPPED, goal.instruction_id,
            mission.goal.goal_id if going and mission is not None else "",
        )  # fmt: skip
        stop = self.replies.goal(Task.STOP, goal.instruction_id)
        return [stop, *self._drive(stamp_s), *gone, Output("planner/reply", said)]

    def _word(self, goal: GoalState, stamp_s: float) -> Outputs:
        task = (goal.steps or ())[0].task
        return self._resume(goal, stamp_s) if task is Task.RESUME else self._cancel(goal, stamp_s)

    def _resume(self, goal: GoalState, stamp_s: float) -> Outputs:
        mission = self.pursuit.mission
        if mission is None or mission.done:
            raise Refused(RefusalReason.NOT_ABLE, phrases.NOTHING_TO_RESUME.en, phrases.NOTHING_TO_RESUME.ja)
        if self.emergency:
            held = rule_phrases.NOT_WHILE_STOPPED
            raise Refused(RefusalReason.NOT_READY, held.en, held.ja)
        if mission.paused:
            self.pursuit.pause(False, stamp_s)
        else:
            mission.word()
        said = reply(stamp_s, "understood", phrases.RESUMED, goal.instruction_id, mission.goal.goal_id)
        outputs = [Output("planner/reply", said), Output("goal_state", self.pursuit.present)]
        outputs += self.replies.tell(self.pursuit.tick(stamp_s), stamp_s)
        return [*outputs, *self._drive(stamp_s)]

    def _cancel(self, goal: GoalState, stamp_s: float) -> Outputs:
        self._forget()
        going = self._busy
        gone = self._drop_line(stamp_s)
        outputs = [self.replies.goal(Task.CANCEL, goal.instruction_id)]
        self.pursuit.drop()
        words = phrases.CANCELLED if going else phrases.NOTHING_TO_CANCEL
        said = Output("planner/reply", reply(stamp_s, "understood", words, goal.instruction_id))
        return [*outputs, *self._drive(stamp_s), *gone, said]

    def emergency_stop(self, on: bool, stamp_s: float) -> Outputs:
        """It pauses the goal: what a person stopped, a person starts again. Goals in line stay there."""
        begun, self.emergency = on and not self.emergency, on
        mission = self.pursuit.mission
        if not begun or self.p.resume_after_emergency_stop or mission is None or mission.done or mission.paused:
            return NOTHING
        self.pursuit.pause(True, stamp_s)
        said = self.replies.info(phrases.EMERGENCY, stamp_s)
        return [said, self.replies.goal(Task.STOP), *self._drive(stamp_s)]
