"""What a person says and what comes of it: fast words, the queue to the language model, and questions left open.

Hands on instructions (their readings, not yet checked) and replies; docs/planner.md has the rules as a table. Stop
words are answered at once and drop every sentence still being read; a sentence that comes while the model loads waits
for it; sentences are answered in the order they were said; an answer to an open question completes what was asked, and
any other sentence withdraws the question.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from physical_ai_core.goal import GoalState, PlaceTarget, RefusalReason, Task, Words
from physical_ai_core.reports import PlannerReply
from physical_ai_planner import answers, halt, phrases, rule_phrases
from physical_ai_planner.answers import Choice
from physical_ai_planner.interpreter import Interpreter, InterpreterStatus, Readiness, Reading, ReadsMany
from physical_ai_planner.parameters import PlannerParameters

MOST_QUEUED = 4
GARBAGE_SHARE = 0.1  # of characters that no keyboard writes


@dataclass(frozen=True)
class Instruction:
    """What a person wants, most probable reading first. `corrects`: it takes back what was said last.

    `there`: place that "there" meant when it was said. `confirmed`: a person chose or confirmed this very reading.
    `sentence`: as it was said; empty for a pose and for a fast word.
    """

    readings: tuple[Reading, ...]
    instruction_id: str
    corrects: bool = False
    there: str | None = None
    confirmed: bool = False
    sentence: str = ""


@dataclass(frozen=True)
class OpenQuestion:
    """What was asked back. One choice: a yes takes it; several: one must be named."""

    words: Words
    choices: tuple[Choice, ...]
    instruction: Instruction
    asked_s: float


@dataclass(frozen=True)
class _Awaited:
    since_s: float
    there: str | None
    corrects: bool
    sentence: str


Heard = list["PlannerReply | Instruction"]


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
        self._count = 0
        self._awaited: dict[str, _Awaited] = {}  # by instruction id, in the order they were said
        self._come: dict[str, Instruction] = {}  # answered, but an earlier one is not
        self._queue: list[tuple[str, str]] = []
        self._question: OpenQuestion | None = None
        self._mentioned: str | None = None  # place of a question that the sentence just heard did not answer

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
            goal = fast.model_copy(update={"instruction_id": instruction_id, "confidence": 1.0})
            heard: Heard = [Instruction((Reading(goal, 1.0),), instruction_id, confirmed=True)]
            return [*heard, reply(stamp_s, "info", phrases.OVERTAKEN, instruction_id)] if dropped else heard
        answered = self._answer(sentence, stamp_s, instruction_id)
        return answered if answered is not None else self._submit(instruction_id, sentence, stamp_s)

    # --- questions ---

    def ask(self, words: Words, choices: tuple[Choice, ...], instruction: Instruction, stamp_s: float) -> PlannerReply:
        """Put a question to the person; an answer within the time hands the chosen reading out."""
        self._question = OpenQuestion(words, choices, instruction, stamp_s) if choices else None
        options = [choice.option for choice in choices] if len(choices) > 1 or _named(choices) else ["yes", "no"]
        return reply(stamp_s, "question", words, instruction.instruction_id, options=options)

    def withdraw(self, but_of: str = "") -> None:
        """No question is open any more, unless it is one about the instruction `but_of`."""
        if self._question is not None and self._question.instruction.instruction_id != but_of:
            self._question = None

    def _answer(self, sentence: str, stamp_s: float, instruction_id: str) -> Heard | None:
        question, self._question = self._question, None
        if question is None or abs(stamp_s - question.asked_s) > self.p.confirm_within_s:
            return None
        said, choices = halt.answer(sentence), question.choices
        chosen = answers.pick(sentence, choices) if said is None and _named(choices) else None
        if said is False or chosen == answers.NEITHER:
            return [reply(stamp_s, "info", phrases.DROPPED_QUESTION, instruction_id)]
        if said is True and len(choices) > 1:
            self._question = question
            words = rule_phrases.ONE_OF_THEM
            return [reply(stamp_s, "question", words, instruction_id, options=[c.option for c in choices])]
        index = 0 if said is True else chosen
        if index is None:
            self._mentioned = _place_of(choices)
            return None
        reading = choices[index].reading
        goal = reading.goal.model_copy(
            update={"confidence": 1.0, "instruction_id": question.instruction.instruction_id}
        )
        asked = question.instruction
        return [
            replace(asked, readings=(Reading(goal, 1.0, reading.line),), confirmed=True),
        ]

    def forget(self) -> bool:
        """Drop what is still being read and every open question; True if a sentence was dropped."""
        dropped = bool(self._awaited or self._queue)
        self._awaited, self._come, self._queue, self._question = {}, {}, [], None
        return dropped

    # --- the interpreter ---

    def tick(self, stamp_s: float) -> Heard:
        """Answers of the interpreter, and what waited for it."""
        heard: Heard = []
        if self._queue:
            queue, self._queue = self._queue, []
            for instruction_id, sentence in queue:
                heard += self._submit(instruction_id, sentence, stamp_s, again=True)
        heard += self._poll(stamp_s)
        for instruction_id, awaited in list(self._awaited.items()):
            late = abs(stamp_s - awaited.since_s) > self.p.language_timeout_s
            if instruction_id not in self._come and not late:
                break  # the others are answered after this one
            del self._awaited[instruction_id]
            come = self._come.pop(instruction_id, None)
            words = phrases.MODEL_SILENT
            heard.append(come or refusal(stamp_s, RefusalReason.NOT_READY, words, instruction_id))
        return heard

    def _submit(self, instruction_id: str, sentence: str, stamp_s: float, again: bool = False) -> Heard:
        there, self._mentioned = self._mentioned or self.present, None
        status = self.status()
        if self._interpreter is None or status.readiness is Readiness.ABSENT:
            return [refusal(stamp_s, RefusalReason.NOT_READY, phrases.MODEL_ABSENT, instruction_id)]
        if status.readiness is Readiness.FAILED:
            return [refusal(stamp_s, RefusalReason.NOT_READY, phrases.model_failed(status.message), instruction_id)]
        if status.readiness is Readiness.LOADING:
            self._queue = [*self._queue, (instruction_id, sentence)][-MOST_QUEUED:]
            return [] if again else [reply(stamp_s, "info", phrases.MODEL_LOADING, instruction_id)]
        try:
            self._interpreter.submit(instruction_id, sentence, there)
        except Exception as error:  # as in `status`
            words = phrases.model_failed(f"{type(error).__name__}: {error}")
            return [refusal(stamp_s, RefusalReason.NOT_READY, words, instruction_id)]
        self._awaited[instruction_id] = _Awaited(stamp_s, there, answers.is_correction(sentence), sentence)
        return []

    def _poll(self, stamp_s: float) -> Heard:
        if self._interpreter is None:
            return []
        try:
            goals = self._interpreter.poll()
        except Exception as error:  # as in `status`
            words = phrases.model_failed(f"{type(error).__name__}: {error}")
            lost, self._awaited, self._come = list(self._awaited), {}, {}
            return [refusal(stamp_s, RefusalReason.NOT_READY, words, instruction_id) for instruction_id in lost]
        for goal in goals:
            instruction_id = goal.instruction_id or next(iter(self._awaited), "")
            awaited = self._awaited.get(instruction_id)
            if awaited is None:  # a stop came in between, or the time is up
                continue
            readings = self._readings(instruction_id) or (Reading(goal, goal.confidence),)
            readings = tuple(
                r._replace(goal=r.goal.model_copy(update={"instruction_id": instruction_id})) for r in readings
            )
            self._come[instruction_id] = Instruction(
                readings, instruction_id, awaited.corrects, awaited.there, sentence=awaited.sentence
            )
        return []

    def _readings(self, instruction_id: str) -> tuple[Reading, ...]:
        if not isinstance(self._interpreter, ReadsMany):
            return ()
        try:
            return tuple(self._interpreter.readings(instruction_id))
        except Exception:  # the one goal that `poll` gave is enough to go on
            return ()


def _named(choices: tuple[Choice, ...]) -> bool:
    return any(choice.option != "yes" for choice in choices)


def _place_of(choices: tuple[Choice, ...]) -> str | None:
    """The place that a question with one reading was about, for "no, the other one"."""
    if len(choices) != 1:
        return None
    return last_place(choices[0].reading.goal)


def last_place(goal: GoalState) -> str | None:
    """Id of the last place that a goal names."""
    places = [step.target.name for step in goal.steps or () if isinstance(step.target, PlaceTarget)]
    return places[-1] if places else None
