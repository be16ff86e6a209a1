"""Fixed commands: a table of sentences and the goal state each means, for robots without a language model."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState, Refusal, RefusalReason, Words
from physical_ai_planner.interpreter import InterpreterStatus, Readiness


def plain(text: str) -> str:
    """A sentence without what does not change its meaning: width, case, punctuation, spaces at the ends."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(" " if unicodedata.category(c)[0] in "PZC" else c for c in folded)
    return " ".join(kept.split())


class ScriptedInterpreter:
    """Exact match (after `plain`) in a table; anything else is refused, with the nearest command named.

    Example:
        ScriptedInterpreter({"go home": GoalState(steps=(Step(task=Task.DOCK, target=PlaceTarget(name="charger")),))})
    """

    def __init__(self, commands: Mapping[str, GoalState]) -> None:
        self._commands = {plain(sentence): goal for sentence, goal in commands.items()}
        self._shown = {plain(sentence): sentence for sentence in commands}
        self._answers: list[GoalState] = []

    @classmethod
    def from_file(cls, path: str) -> ScriptedInterpreter:
        """Read a YAML mapping `sentence: {steps: [...]}` (the goal schema). Raises GoalError."""
        mend = "Write a mapping from sentence to goal state; docs/planner.md shows one."
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise GoalError(f"The commands file {path} cannot be read: {error}.", mend) from error
        if not isinstance(content, dict) or not content:
            raise GoalError(f"The commands file {path} holds no mapping.", mend)
        return cls({str(sentence): _goal(path, str(sentence), goal) for sentence, goal in content.items()})

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        goal = self._commands.get(plain(text))
        answer = goal if goal is not None else GoalState(refusal=self._refusal(text))
        self._answers.append(answer.model_copy(update={"instruction_id": instruction_id}))

    def poll(self) -> list[GoalState]:
        answers, self._answers = self._answers, []
        return answers

    def status(self) -> InterpreterStatus:
        return InterpreterStatus(Readiness.READY, f"{len(self._commands)} fixed commands")

    def _refusal(self, text: str) -> Refusal:
        near = difflib.get_close_matches(plain(text), list(self._commands), n=1, cutoff=0.5)
        hint_en = f' Did you mean "{self._shown[near[0]]}"?' if near else ""
        hint_ja = f"「{self._shown[near[0]]}」のことですか。" if near else ""
        return Refusal(
            reason=RefusalReason.NOT_UNDERSTOOD,
            text=Words(en=f"I do not know this command.{hint_en}", ja=f"この指示は登録されていません。{hint_ja}"),
        )


def _goal(path: str, sentence: str, content: Any) -> GoalState:
    try:
        return GoalState.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise GoalError(
            f"The command '{sentence}' in {path} is not valid at {where}: {first['msg']}.",
            "Use the goal schema: `physical-ai schema goal` prints it.",
        ) from error
