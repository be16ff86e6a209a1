"""The compact form as a decoding constraint, for one sentence.

An llguidance grammar: key words as `compact` defines them, and quoted text that must be a piece of the sentence. So
the model cannot name a place, a number or a zone that the person did not say; `names` then allows only the site's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_planner.language.compact import (
    EVENT_WORDS,
    MAX_STEPS,
    MOVE_WORDS,
    OBJECT_WORDS,
    QUESTION_WORDS,
    REFUSAL_WORDS,
    RELATION_WORDS,
    Deictic,
)


def _choice(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(word) for word in words)


def lark(text: str) -> str:
    """The grammar, in llguidance's Lark, of the goal lines that sentence `text` (normalised) allows.

    A blank belongs to the word after it everywhere: the lexer takes the longest match and does not go back, so a blank
    of its own before "front" would lose to " for".
    """
    piece = json.dumps({"substring_chars": text}, ensure_ascii=False)
    return f"""
start: "next "? step ("; " step){{0,{MAX_STEPS - 1}}} ("; again" spaced)?
     | "ask " ({_choice(QUESTION_WORDS)}) | "no " ({_choice(REFUSAL_WORDS)})
step: action limits until tool
action: "go " (target | move | "point" spaced) | "inspect " (target | object) | "dock " target | "follow " object
      | "cover " quoted | "patrol " quoted | "wait" | "stop" | "resume" | "cancel"
target: quoted (relation spaced?)? | ({_choice(d.value for d in Deictic)}) (relation spaced?)?
relation: {_choice(f" {word}" for word in RELATION_WORDS)}
move: ({_choice(MOVE_WORDS)}) spaced?
object: {_choice(OBJECT_WORDS)}
limits: " slow"? (" speed" spaced)? (" clear" spaced)? (" avoid" spaced){{0,4}}
until: (" for" spaced)? (" laps" spaced)? ({_choice(f" until {word}" for word in EVENT_WORDS)})?
tool: " tool"?
quoted: "<" PIECE ">"
spaced: " <" PIECE ">"
PIECE: %regex {piece}
"""


class Grammars:
    """Makes a matcher for each sentence; holds the tokenizer's table, which takes a second to build."""

    def __init__(self, tokenizer: Any, vocabulary_size: int) -> None:
        try:
            import llguidance
            import llguidance.hf
        except ImportError as error:
            raise DependencyError("llguidance", "language") from error
        self._matcher: Any = llguidance.LLMatcher
        self._table: Any = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary_size, slices=[])

    def matcher(self, text: str) -> Any:
        """An llguidance matcher at the beginning of the goal line for `text`. Raises ModelError."""
        matcher = self._matcher(self._table, self._matcher.grammar_from_lark(lark(text)))
        if matcher.is_error():
            raise ModelError(
                f"The decoding grammar does not compile: {matcher.get_error()}.", "Install llguidance 1.x."
            )
        return matcher
