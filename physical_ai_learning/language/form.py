"""The runtime's decoding constraint for many sentences at once: which tokens may come next in each of their lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_planner.language.grammar import lark

_READING = 'start: reading? goal\nreading: quoted (" " quoted)+ "\\n"\ngoal:'


def grammar(text: str, variant: str) -> str:
    """Lark of the lines that sentence `text` allows; for "reasoning" quoted clauses may stand before the goal."""
    plain = lark(text)
    return re.sub(r"(?m)^start:", lambda _: _READING, plain, count=1) if variant == "reasoning" else plain


class Form:
    """Makes a matcher for each sentence; `kept`: ids whose rows the base has. Raises DependencyError, ModelError."""

    def __init__(self, folder: Path, vocabulary_size: int, end: int, kept: frozenset[int] | None = None) -> None:
        try:
            import llguidance
        except ImportError as error:
            raise DependencyError("llguidance", "language") from error
        self._matcher: Any = llguidance.LLMatcher
        self._size, self._end = vocabulary_size, end
        self._kept = None if kept is None else np.array(sorted(kept))
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        self._table: Any = llguidance.LLTokenizer(text, n_vocab=vocabulary_size, eos_token=end, slices=[])

    def matcher(self, text: str, variant: str) -> Matcher:
        inner = self._matcher(self._table, self._matcher.grammar_from_lark(grammar(text, variant)))
        if inner.is_error():
            raise ModelError(f"The decoding grammar does not compile: {inner.get_error()}.", "Install llguidance 1.x.")
        return Matcher(inner, self._size, self._end, self._kept)

    def matchers(self, texts: Sequence[str], variant: str) -> list[Matcher]:
        return [self.matcher(text, variant) for text in texts]


class Matcher:
    """A place in one line."""

    def __init__(self, inner: Any, size: int, end: int, kept: NDArray[np.int64] | None = None) -> None:
        self._inner, self._size, self._end, self._kept = inner, size, end, kept
        self.closed = False

    def allowed(self) -> NDArray[np.int64]:
        """Ids that may come next, rising; the end mark where the line is closed."""
        if self.closed:
            return np.array([self._end])
        bits = np.frombuffer(self._inner.compute_bitmask(), dtype=np.uint8)
        found = np.flatnonzero(np.unpackbits(bits, bitorder="little")[: self._size])
        if self._kept is not None:
            found = np.intersect1d(found, self._kept, assume_unique=True)
        return found if len(found) else np.array([self._end])

    def take(self, token: int) -> None:
        """Go on by a token of `allowed`."""
        if token == self._end:
            self.closed = True
        elif not self.closed:
            self._inner.consume_token(token)
            self.closed = bool(self._inner.is_stopped())
