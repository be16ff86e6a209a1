"""The rules of a goal's life: judged, obeyed, asked back, put in line, refused, stopped, gone on with, taken up again.

docs/planner.md has them as a table. Nothing here reads topics or keeps time: `PlannerCore` brings what was said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from physical_ai_core.core import NOTHING, Output, Outputs
from physical_ai_core.errors import GoalError
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState, RefusalReason, Step, Task, Words
from physical_ai_core.reports import PlannerReply
from physical_ai_planner import phrases, rule_phrases
from physical_ai_planner.answers import Choice, choices_of
from physical_ai_planner.conversation import Conversation, Instruction, last_place, refusal, reply
from physical_ai_planner.experts.seat import Seat
from physical_ai_planner.hypotheses import Choose, Confirm, Hypothesis, Obey
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.judge import Judge
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.mission import Mission
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.present_goal import PresentGoal
from physical_ai_planner.pursuit import Pursuit, end_of
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
        self.p, self.pursuit, self.conversation, self.judge, self.replies = (
            parameters, pursuit, conversation, judge, replies,
        )  # fmt: skip
        self._drive, self._seat = drive, seat
        self._book = NameBook(pursuit.site)
        self.line = Line()
        self.emergency = False
        self._count = 0
        self._put_off: tuple[Instruction, float] | None = None  # waits for the first pose
        self._last_queued = False  # the goal that was said last waits in line
        self._kept: PresentGoal | None = None
        self._looked_for_kept = False

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
        """An instruction: obeyed, put in line, asked back, put off, or refused."""
        first = said.readings[0]
        task = (first.goal.steps or (Step(task=Task.WAIT),))[0].task
        if task is Task.STOP:
            return self._stop(first.goal, stamp_s)
        try:
            if said.confirmed and task in ALONE and len(first.goal.steps or ()) == 1:
                return self._word(first.goal, stamp_s)
            if any(r.goal.steps for r in said.readings) and self.pursuit.localisation.here(stamp_s) is None:
                return self._wait_for_pose(said, stamp_s)
            return self._decide(said, stamp_s)
        except Refused as error:
            return [refused(error, said.instruction_id, stamp_s)]

    def _decide(self, said: Instruction, stamp_s: float) -> Outputs:
        queues = bool(said.readings[0].goal.queue) and self._busy
        corrects_line = said.corrects and self._last_queued and len(self.line) > 0
        after = self._end_of_line(stamp_s, corrects_line) if queues or corrects_line else None
        decision = self.judge.judge(said.readings, stamp_s, after)
        if isinstance(decision, Obey):
            return self._obey(decision.best, said, stamp_s, corrects_line, after)
        if isinstance(decision, Confirm):
            return [self._confirm(decision.best, said, stamp_s)]
        if isinstance(decision, Choose):
            return [self._choose(decision.rivals, said, stamp_s)]
        return [self._answer(decision.why, said, stamp_s)]

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
        return [*gone, *self.begin(mission, rule_phrases.because(_understood(mission), because), stamp_s)]

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

    # --- questions ---

    def _confirm(self, best: Hypothesis, said: Instruction, stamp_s: float) -> Output:
        assert best.mission is not None
        choice = Choice("yes", (), Reading(best.goal, best.probability, best.line))
        words = phrases.confirm(_understood(best.mission))
        return Output("planner/reply", self.conversation.ask(words, (choice,), said, stamp_s))

    def _choose(self, rivals: tuple[Hypothesis, ...], said: Instruction, stamp_s: float) -> Output:
        """One short question that names each reading: by the place where they differ, else by a letter."""
        plans = [_understood(rival.mission) for rival in rivals if rival.mission is not None]
        places = _where_they_differ([rival.goal for rival in rivals])
        options = places or [chr(ord("A") + i) for i in range(len(rivals))]
        spoken = self.pursuit.site.spoken_names()
        choices = tuple(
            Choice(option, (*spoken.get(option, ()), option.replace("_", " ")), Reading(r.goal, r.probability, r.line))
            for option, r in zip(options, rivals, strict=True)
        )
        words = rule_phrases.which(plans, letters=not places)
        return Output("planner/reply", self.conversation.ask(words, choices, said, stamp_s))

    def _answer(self, why: Hypothesis, said: Instruction, stamp_s: float) -> Output:
        """Nothing can be done: the question or the refusal of the most probable reading."""
        if why.refused is not None:
            return refused(why.refused, said.instruction_id, stamp_s)
        question, turned_down = why.goal.question, why.goal.refusal
        if question is not None:
            choices = choices_of(question, why.line, self.pursuit.site, self._book, said.there)
            if choices:
                return Output("planner/reply", self.conversation.ask(question.text, choices, said, stamp_s))
            options = question.options
            return Output(
                "planner/reply", reply(stamp_s, "question", question.text, said.instruction_id, options=options)
            )
        assert turned_down is not None
        return Output("planner/reply", refusal(stamp_s, turned_down.reason, turned_down.text, said.instruction_id))

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
        self._put_off = self._kept = None
        self._last_queued = False
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
            words = rule_phrases.requeued(_understood(mission))
        else:
            words = rule_phrases.queued(_understood(mission), self.line.add(waiting))
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
        words = rule_phrases.because(rule_phrases.begun_next(_understood(mission)), because)
        return self.begin(mission, words, stamp_s)

    # --- words about the present goal ---

    def _stop(self, goal: GoalState, stamp_s: float) -> Outputs:
        self.conversation.forget()
        self._put_off = self._kept = None
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
        self.conversation.forget()
        self._put_off = self._kept = None
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

    # --- before the first pose, and after a restart ---

    def _wait_for_pose(self, said: Instruction, stamp_s: float) -> Outputs:
        self._put_off = (said, stamp_s)
        return [Output("planner/reply", reply(stamp_s, "info", phrases.WAITING_FOR_POSE, said.instruction_id))]

    def try_put_off(self, stamp_s: float) -> Outputs:
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

    def restore(self, stamp_s: float) -> Outputs:
        """Take up the goal of a former run, and those that waited behind it, once, as soon as the pose is known."""
        if not self._looked_for_kept:
            self._looked_for_kept = True
            try:
                self._kept = self.pursuit.kept(stamp_s)
            except GoalError as error:
                self.pursuit.file_fault = str(error)
        if self._kept is None or self.pursuit.localisation.here(stamp_s) is None:
            return NOTHING
        kept, self._kept = self._kept, None
        try:
            mission = self.pursuit.take_up(kept, stamp_s)
        except Refused as error:
            self.pursuit.drop()
            return [refused(error, kept.goal.instruction_id, stamp_s)]
        except GoalError as error:
            self.pursuit.drop()
            self.pursuit.file_fault = str(error)
            return NOTHING
        self.line.restore(kept.behind)
        self.pursuit.behind = self.line.goals
        self.pursuit.begin(mission, stamp_s)
        self.conversation.present = last_place(mission.goal)
        rest = mission.aims[mission.progress.step :]
        words = phrases.restored(phrases.understood([phrases.step(aim.step, aim.spot) for aim in rest]))
        if mission.paused:
            words = phrases.STOPPED_GOAL
        goal = self.replies.goal(Task.STOP) if mission.paused else Output("goal_state", self.pursuit.present)
        return [self.replies.info(words, stamp_s), goal]


def _understood(mission: Mission) -> Words:
    return phrases.understood([phrases.step(aim.step, aim.spot) for aim in mission.aims])


def _where_they_differ(goals: list[GoalState]) -> list[str]:
    """The names by which goals differ, one each, where they differ in one name of one step only; else nothing."""

    def name(step: Step) -> str | None:
        return getattr(step.target, "name", None)

    def bare(step: Step) -> Step:
        named = name(step) is not None and step.target is not None
        return step.model_copy(update={"target": step.target.model_copy(update={"name": ""})}) if named else step  # type: ignore[union-attr]

    steps = [goal.steps or () for goal in goals]
    if len({tuple(map(bare, part)) for part in steps}) != 1 or len({goal.queue for goal in goals}) != 1:
        return []
    at = [i for i in range(len(steps[0])) if len({name(part[i]) for part in steps}) > 1]
    names = [name(part[at[0]]) or "" for part in steps] if len(at) == 1 else []
    return names if len(set(names)) == len(goals) and all(names) else []
