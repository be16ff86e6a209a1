"""Token ids of sentences and goal lines, straight from a model directory's tokenizer.json.

No model library reads the tokenizer here: releases differ in how they do it, and worker processes start faster.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_learning.language.dataset import Example
from physical_ai_planner.language.prompt import prompt

KEPT = "kept_ids.json"  # beside a model whose other vocabulary rows were left behind


class Vocabulary:
    """The tokenizer of one base model. Raises ModelError, DependencyError."""

    def __init__(self, folder: Path) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise DependencyError("tokenizers", "language") from error
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
            named = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["eos_token"]
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError(f"{folder} holds no tokenizer: {error}.", "Prepare the base model again.") from error
        end = named["content"] if isinstance(named, dict) else named
        self.end: int = self._tokenizer.token_to_id(str(end)) or 0
        self.size = int(config["vocab_size"])
        kept = folder / KEPT
        self.kept: frozenset[int] | None = frozenset(json.loads(kept.read_text())) if kept.exists() else None

    def heads(self, texts: Sequence[str], before: str = "") -> list[list[int]]:
        """Ids of the prompts of normalised sentences; `before` stands before each prompt."""
        return [e.ids for e in self._tokenizer.encode_batch([before + prompt(text) for text in texts])]

    def lines(self, lines: Sequence[str]) -> list[list[int]]:
        """Ids of what the model writes, with the end mark."""
        return [[*e.ids, self.end] for e in self._tokenizer.encode_batch(list(lines), add_special_tokens=False)]

    def text(self, ids: Sequence[int]) -> str:
        """What ids of a written line say."""
        return str(self._tokenizer.decode([i for i in ids if i != self.end], skip_special_tokens=True)).strip()


def line_of(example: Example, variant: str) -> str:
    """What the model is to write: the goal line; for "reasoning" the clauses in order of time stand before it.

    The clauses are quoted like names, in a line of their own, where there are two at least.
    """
    clauses: tuple[str, ...] = tuple(getattr(example, "clauses", ()) or ())
    if variant != "reasoning" or len(clauses) < 2 or any(c not in example.text for c in clauses):
        return example.target
    return " ".join(f"<{c}>" for c in clauses) + "\n" + example.target
