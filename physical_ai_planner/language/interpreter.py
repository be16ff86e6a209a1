"""A person's sentence → one goal state: normalise, let the model write a compact line, ground it, doubt it.

The model proposes; plain code has the last word: names must be the site's, amounts must be read, a number nobody used
or a low probability becomes a question, and an order against the rules is refused whatever the model wrote.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState, Question, Refusal, RefusalReason
from physical_ai_core.site import Site
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.language import words
from physical_ai_planner.language.compact import Plan, read
from physical_ai_planner.language.doubt import Doubt
from physical_ai_planner.language.forbidden import is_forbidden, without_allowed
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.left_out import left_name, unread_number
from physical_ai_planner.language.likeness import likeness_of
from physical_ai_planner.language.model import Answer, LanguageModel
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.nbest import Budget, search
from physical_ai_planner.language.normalise import MAX_CHARS, normalise
from physical_ai_planner.language.plain_orders import plain_line
from physical_ai_planner.language.readings import readings
from physical_ai_planner.language.stop_words import fast_path
from physical_ai_planner.language.tree import Tree
from physical_ai_planner.language.weights import DEFAULT_MODEL
from physical_ai_planner.language.widen import widened


class Writer(Protocol):
    """What the interpreter needs of a language model."""

    def write(self, text: str) -> Answer:
        """The goal line for a normalised sentence."""
        ...


class LanguageInterpreter:
    """Owns the model; one sentence at a time. Raises ModelError, DependencyError when it is made."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        threads: int = 1,
        *,
        writer: Writer | None = None,
        min_confidence: float | None = None,
    ) -> None:
        self._writer: Writer = writer if writer is not None else LanguageModel(model, threads)
        self._doubt: Doubt = getattr(self._writer, "doubt", Doubt())  # what training found out about its confidence
        self._min_confidence = self._doubt.min_confidence if min_confidence is None else min_confidence
        self._books: dict[int, tuple[Site, NameBook]] = {}

    def interpret(self, text: str, site: Site, *, present: str | None = None) -> GoalState:
        """The goal state of `text` on `site`; no text makes it raise.

        `present` is the id of the present goal's place: what "there" means before this sentence names one.
        """
        sentence = _sentence(text)
        if isinstance(sentence, GoalState):
            return sentence
        goal = self._believed(sentence, self._writer.write(sentence), site, present)
        return goal if goal.steps is not None else self._plain(sentence, site, present)[1] or goal

    def read(
        self, text: str, site: Site, *, present: str | None = None, budget: Budget | None = None
    ) -> tuple[GoalState, tuple[Reading, ...]]:
        """As `interpret`, and all readings of `text` that the budget finds, for whoever can check them on the site."""
        sentence = _sentence(text)
        if isinstance(sentence, GoalState):
            return sentence, (Reading(sentence, 1.0),)
        if not isinstance(self._writer, LanguageModel) or self._doubt.variant != "plain":
            goal = self.interpret(text, site, present=present)
            return goal, (Reading(goal, goal.confidence),)
        found = search(Tree(self._writer, sentence), budget or Budget())
        first = found.first
        answer = Answer("", 0.0, found.passes, False)
        if first is not None:
            answer = Answer(first.line, first.confidence, found.passes, True)
        goal = self._believed(sentence, answer, site, present)
        line, plain = self._plain(sentence, site, present) if goal.steps is None else ("", None)
        if plain is not None:
            return plain, (Reading(plain, 1.0, line),)
        every = readings(sentence, found.lines, found.unread, site, self._book(site), present, self._doubt.temperature)
        return goal, every or (Reading(goal, goal.confidence),)

    def _believed(self, sentence: str, answer: Answer, site: Site, present: str | None) -> GoalState:
        answer = replace(answer, confidence=self._doubt.calibrated(answer.confidence))
        return self._checked(sentence, answer, site, present)

    def _plain(self, sentence: str, site: Site, present: str | None) -> tuple[str, GoalState | None]:
        """Line and goal of an order that cannot be meant otherwise; for where the model made no goal of it."""
        line = plain_line(sentence, self._book(site))
        if line is None:
            return "", None
        return line, self._checked(sentence, Answer(line, 1.0, 0, True), site, present)

    def _checked(self, sentence: str, answer: Answer, site: Site, present: str | None) -> GoalState:
        try:
            compact = read(answer.line) if answer.finished else None
        except GoalError:  # the grammar should not let this happen; if it does, a person gets an answer all the same
            compact = None
        if compact is None:
            return _reply(words.refuse(RefusalReason.NOT_UNDERSTOOD), answer.confidence)
        book = self._book(site)
        compact = widened(compact, sentence, book)
        grounded = ground(compact, site, book, present)
        if not isinstance(grounded, tuple):
            return _reply(grounded, answer.confidence)
        if answer.confidence < self._min_confidence:
            return _reply(words.unsure(answer.line), answer.confidence)
        left = unread_number(sentence, compact)
        if left is not None:
            return _reply(words.unread(left), answer.confidence)
        name = left_name(sentence, compact, book, grounded)
        if name is not None:
            return _reply(words.unread(name), answer.confidence)
        queue = isinstance(compact, Plan) and compact.queue
        return GoalState(steps=grounded, queue=queue, confidence=answer.confidence)

    def _book(self, site: Site) -> NameBook:
        known = self._books.get(id(site))
        if known is None or known[0] is not site:
            known = self._books[id(site)] = (site, NameBook(site, likeness_of))
        return known[1]


def _sentence(text: str) -> str | GoalState:
    """The normalised sentence for the model, or what is answered without it."""
    if len(text) > MAX_CHARS:
        return _reply(words.too_long(MAX_CHARS))
    fast = fast_path(text)
    if fast is not None:
        return fast
    sentence = normalise(text)
    if not sentence:
        return _reply(words.refuse(RefusalReason.NOT_UNDERSTOOD))
    return _reply(words.refuse(RefusalReason.FORBIDDEN)) if is_forbidden(sentence) else without_allowed(sentence)


def _reply(reply: Question | Refusal, confidence: float = 1.0) -> GoalState:
    if isinstance(reply, Question):
        return GoalState(question=reply, confidence=confidence)
    return GoalState(refusal=reply, confidence=confidence)
