"""What a person says and what comes of it: fast words, the queue to the language model, and questions left open.

Hands on goal states (not yet checked) and replies. Rules: stop words are answered at once and drop every sentence
still being read; a sentence that comes while the model loads waits for it; the answer to a question is a plain yes
or no, and any other sentence withdraws the question.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from physical_ai_core.goal import GoalState, Refusal, RefusalReason, Task, Words
from physical_ai_core.reports import PlannerReply
from physical_ai_planner import halt, phrases
from physical_ai_planner.interpreter import Interpreter, InterpreterStatus, Readiness
from physical_ai_planner.parameters import PlannerParameters

MOST_QUEUED = 4
GARBAGE_SHARE = 0.1  # of characters that no keyboard writes

Heard = list["PlannerReply | GoalState"]


def reply(
    stamp_s: float, kind: str, words: Words, instruction_id: str = "", goal_id: str = "", reason: str = "",
    options: Sequence[str] = (),
) -> PlannerReply:  # fmt: skip
    return PlannerReply(stamp_s, kind, words.en, words.ja, instruction_id, goal_id, reason, list(options))


def refusal(stamp_s: float, reason: RefusalReason, words: Words, instruction_id: str = "") -> PlannerReply:
    return reply(stamp_s, "refusal", words, instruction_id, reason=reason.value)


def readable(text: object, most: int) -> str | Words:
    """The sentence without control characters, or why it is not one."""
    if not isinstance(text, str):
        return phrases.EMPTY
    if len(text) > most:
        return phrases.TOO_LONG
    kept = "".join(c for c in text if c in "\t\n\r" or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn"))
    kept = " ".join(kept.replace("\ufffd", "").split())
    if not any(c.isalnum() for c in kept) or len(text.strip()) - len(kept) > GARBAGE_SHARE * len(text) + 2:
        return phrases.EMPTY
    return kept


class Conversation:
    """Between the person, the interpreter and the core."""

    def __init__(self, parameters: PlannerParameters, interpreter: Interpreter | None) -> None:
        self.p, self._interpreter = parameters, interpreter
        self.present: str | None = None  # place of the last goal, for "there"
        halt.prepare()
        self._count = 0
        self._awaited: dict[str, float] = {}  # instruction id -> when it was submitted
        self._queue: list[tuple[str, str]] = []
        self._question: tuple[GoalState, float] | None = None

    def new_id(self, stamp_s: float) -> str:
        """Id of the next instruction: counts up, with the time in ms so that a restart repeats none."""
        self._count += 1
        return f"i{self._count}-{round(stamp_s * 1000.0)}"

    def status(self) -> InterpreterStatus:
        """Of the interpreter; a failing one is FAILED, not an error here."""
        if self._interpreter is None:
            return InterpreterStatus(Readiness.ABSENT, "no language model is configured")
        try:
            return self._interpreter.status()
        except Exception as error:  # whatever happens in there must not reach the route
            return InterpreterStatus(Readiness.FAILED, f"{type(error).__name__}: {error}")

    def hear(self, text: object, stamp_s: float) -> Heard:
        """Take one sentence."""
        instruction_id = self.new_id(stamp_s)
        sentence = readable(text, self.p.max_instruction_chars)
        if isinstance(sentence, Words):
            return [refusal(stamp_s, RefusalReason.NOT_UNDERSTOOD, sentence, instruction_id)]
        fast = halt.fast_goal(sentence)
        if fast is not None:
            dropped = self.forget() if fast.steps and fast.steps[0].task in (Task.STOP, Task.CANCEL) else False
            heard: Heard = [fast.model_copy(update={"instruction_id": instruction_id, "confidence": 1.0})]
            return [*heard, reply(stamp_s, "info", phrases.OVERTAKEN, instruction_id)] if dropped else heard
        answered = self._answer(sentence, stamp_s, instruction_id)
        return answered if answered is not None else self._submit(instruction_id, sentence, stamp_s)

    def ask(self, goal: GoalState, words: Words, stamp_s: float) -> PlannerReply:
        """Put a goal to the person; a yes within the time hands it out again."""
        self._question = (goal.model_copy(update={"confidence": 1.0}), stamp_s)
        return reply(stamp_s, "question", words, goal.instruction_id, options=("yes", "no"))

    def forget(self) -> bool:
        """Drop what is still being read and every open question; True if a sentence was dropped."""
        dropped = bool(self._awaited or self._queue)
        self._awaited, self._queue, self._question = {}, [], None
        return dropped

    def tick(self, stamp_s: float) -> Heard:
        """Answers of the interpreter, and what waited for it."""
        heard: Heard = []
        if self._queue:
            queue, self._queue = self._queue, []
            for instruction_id, sentence in queue:
                heard += self._submit(instruction_id, sentence, stamp_s, again=True)
        heard += self._poll(stamp_s)
        for instruction_id, since_s in list(self._awaited.items()):
            if abs(stamp_s - since_s) > self.p.language_timeout_s:
                del self._awaited[instruction_id]
                heard.append(refusal(stamp_s, RefusalReason.NOT_READY, phrases.MODEL_SILENT, instruction_id))
        return heard

    def _answer(self, sentence: str, stamp_s: float, instruction_id: str) -> Heard | None:
        if self._question is None:
            return None
        (goal, asked_s), self._question = self._question, None
        yes = halt.answer(sentence)
        if yes is None or abs(stamp_s - asked_s) > self.p.confirm_within_s:
            return None
        return [goal] if yes else [reply(stamp_s, "info", phrases.DROPPED_QUESTION, instruction_id)]

    def _submit(self, instruction_id: str, sentence: str, stamp_s: float, again: bool = False) -> Heard:
        status = self.status()
        if self._interpreter is None or status.readiness is Readiness.ABSENT:
            return [refusal(stamp_s, RefusalReason.NOT_READY, phrases.MODEL_ABSENT, instruction_id)]
        if status.readiness is Readiness.FAILED:
            return [refusal(stamp_s, RefusalReason.NOT_READY, phrases.model_failed(status.message), instruction_id)]
        if status.readiness is Readiness.LOADING:
            self._queue = [*self._queue, (instruction_id, sentence)][-MOST_QUEUED:]
            return [] if again else [reply(stamp_s, "info", phrases.MODEL_LOADING, instruction_id)]
        try:
            self._interpreter.submit(instruction_id, sentence, self.present)
        except Exception as error:  # as in `status`
            words = phrases.model_failed(f"{type(error).__name__}: {error}")
            return [refusal(stamp_s, RefusalReason.NOT_READY, words, instruction_id)]
        self._awaited[instruction_id] = stamp_s
        return []

    def _poll(self, stamp_s: float) -> Heard:
        if self._interpreter is None:
            return []
        try:
            goals = self._interpreter.poll()
        except Exception as error:  # as in `status`
            words = phrases.model_failed(f"{type(error).__name__}: {error}")
            lost, self._awaited = list(self._awaited), {}
            return [refusal(stamp_s, RefusalReason.NOT_READY, words, instruction_id) for instruction_id in lost]
        heard: Heard = []
        for goal in goals:
            instruction_id = goal.instruction_id or next(iter(self._awaited), "")
            if instruction_id not in self._awaited:  # a stop came in between, or the time is up
                continue
            del self._awaited[instruction_id]
            heard.append(self._sort(goal.model_copy(update={"instruction_id": instruction_id}), stamp_s))
        return heard

    def _sort(self, goal: GoalState, stamp_s: float) -> PlannerReply | GoalState:
        if goal.question is not None:
            return reply(stamp_s, "question", goal.question.text, goal.instruction_id, options=goal.question.options)
        if goal.refusal is not None:
            said: Refusal = goal.refusal
            return refusal(stamp_s, said.reason, said.text, goal.instruction_id)
        return goal
