"""What is said of an instruction that is not obeyed as it stands: asked back, a choice between readings, or why not."""

from __future__ import annotations

from physical_ai_core.core import Output
from physical_ai_core.goal import GoalState, Step, Words
from physical_ai_core.reports import PlannerReply
from physical_ai_core.site import Site
from physical_ai_planner import phrases, rule_phrases
from physical_ai_planner.answers import Choice, choices_of
from physical_ai_planner.conversation import Conversation, Instruction, refusal, reply
from physical_ai_planner.hypotheses import Choose, Confirm, Hypothesis, Reply
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.mission import Mission


class Questions:
    """Words for decisions, and the choices that their answers make."""

    def __init__(self, site: Site, conversation: Conversation) -> None:
        self.site, self.conversation = site, conversation
        self._book = NameBook(site)

    def output(self, decision: Confirm | Choose | Reply, said: Instruction, stamp_s: float) -> Output:
        if isinstance(decision, Confirm):
            found = self._confirm(decision.best, said, stamp_s)
        elif isinstance(decision, Choose):
            found = self._choose(decision.rivals, said, stamp_s)
        else:
            found = self._reply(decision.why, said, stamp_s)
        return Output("planner/reply", found)

    def _confirm(self, best: Hypothesis, said: Instruction, stamp_s: float) -> PlannerReply:
        assert best.mission is not None
        choice = Choice("yes", (), Reading(best.goal, best.probability, best.line))
        return self.conversation.ask(phrases.confirm(understood(best.mission)), (choice,), said, stamp_s)

    def _choose(self, rivals: tuple[Hypothesis, ...], said: Instruction, stamp_s: float) -> PlannerReply:
        """One short question that names each reading: by the place where they differ, else by a letter."""
        plans = [understood(rival.mission) for rival in rivals if rival.mission is not None]
        places = where_they_differ([rival.goal for rival in rivals])
        options = places or [chr(ord("A") + i) for i in range(len(rivals))]
        spoken = self.site.spoken_names()
        choices = tuple(
            Choice(option, (*spoken.get(option, ()), option.replace("_", " ")), Reading(r.goal, r.probability, r.line))
            for option, r in zip(options, rivals, strict=True)
        )
        return self.conversation.ask(rule_phrases.which(plans, letters=not places), choices, said, stamp_s)

    def _reply(self, why: Hypothesis, said: Instruction, stamp_s: float) -> PlannerReply:
        """Nothing can be done: the question or the refusal of the most probable reading."""
        instruction_id = said.instruction_id
        if why.refused is not None:
            no = why.refused.refusal
            return reply(
                stamp_s, "refusal", no.text, instruction_id, reason=no.reason.value, options=why.refused.options
            )
        question, turned_down = why.goal.question, why.goal.refusal
        if question is not None:
            choices = choices_of(question, why.line, self.site, self._book, said.there)
            if choices:
                return self.conversation.ask(question.text, choices, said, stamp_s)
            return reply(stamp_s, "question", question.text, instruction_id, options=question.options)
        assert turned_down is not None
        return refusal(stamp_s, turned_down.reason, turned_down.text, instruction_id)


def understood(mission: Mission) -> Words:
    """What a mission will do, in one sentence."""
    return phrases.understood([phrases.step(aim.step, aim.spot) for aim in mission.aims])


def where_they_differ(goals: list[GoalState]) -> list[str]:
    """The names by which goals differ, one each, where they differ in one name of one step only; else nothing."""

    def name(step: Step) -> str | None:
        return getattr(step.target, "name", None)

    def bare(step: Step) -> Step:
        if step.target is None or name(step) is None:
            return step
        return step.model_copy(update={"target": step.target.model_copy(update={"name": ""})})

    steps = [goal.steps or () for goal in goals]
    if len({tuple(map(bare, part)) for part in steps}) != 1 or len({goal.queue for goal in goals}) != 1:
        return []
    at = [i for i in range(len(steps[0])) if len({name(part[i]) for part in steps}) > 1]
    names = [name(part[at[0]]) or "" for part in steps] if len(at) == 1 else []
    return names if len(set(names)) == len(goals) and all(names) else []
