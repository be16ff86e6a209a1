"""Guesses at how a goal line goes on, for `session` to have them read in the same pass as what is certain.

Most of a line is copied: after the first token of quoted text, the next ones are likely those that follow in the
sentence, and a > may stand after any of them. Outside quoted text few openings cover most lines. A wrong guess costs
some arithmetic, never a wrong line.

Source of the copying: Saxena, "Prompt lookup decoding", 2023.
"""

from __future__ import annotations

from collections.abc import Callable

COPIED = 6  # tokens of the sentence that are guessed ahead
_OPENINGS = ("go <", "cover <", "inspect <", "dock", "patrol <", "wait", "follow person", "no")
_LATER = (" go <", " wait for <", " inspect <", " stop", " cover <", " dock")

Encode = Callable[[str], list[int]]  # without a beginning-of-text token


class LineDrafts:
    """Drafts for the lines of one sentence: `drafts(line)` are token sequences that may follow."""

    def __init__(self, text: str, encode: Encode) -> None:
        self._text, self._encode = text, encode

    def __call__(self, line: str) -> list[list[int]]:
        quoted = line.rfind("<")
        if quoted > line.rfind(">"):
            return self._copied(line[quoted + 1 :])
        if not line:
            return [self._encode(opening) for opening in _OPENINGS]
        if line.endswith(";"):
            return [self._encode(opening) for opening in _LATER]
        return []

    def _copied(self, begun: str) -> list[list[int]]:
        """What follows `begun` in the sentence, with an end after each token of it."""
        at = self._text.find(begun) if begun else -1
        if at < 0:
            return []
        rest = self._text[at + len(begun) :]
        tokens = self._encode(rest[: 8 * COPIED])[:COPIED]
        ends = [self._encode(">"), self._encode(">;")]
        return [[*tokens[:count], *end] for count in range(len(tokens) + 1) for end in ends]
