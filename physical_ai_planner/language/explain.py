"""Which words of a sentence led to which part of the goal: what the model attended to, and what changes without them.

Attention alone is no proof (Jain and Wallace, "Attention is not Explanation", 2019). So each part of the goal line is
held against a perturbation: every word of the sentence is left out in turn, and what the part's probability loses is
measured. Where both rank the words alike (Spearman, `SHOWN` or more) the attention may be shown to an operator. Most
heads look elsewhere (at separators, at the beginning); `explain_heads.json` beside a model's adapter names those that,
on sentences drawn for it, agree best, for each kind of part.

For looking into, not for the road: it loads the model a second time, with its attention kept, and takes about a
second a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physical_ai_core.errors import DependencyError, InputError, ModelError
from physical_ai_core.geometry import Array
from physical_ai_planner.language.heads import SHOWN, Heads, agreement, heads_file, load_heads, share_of
from physical_ai_planner.language.normalise import normalise
from physical_ai_planner.language.parts import Part, parts_of, words_of
from physical_ai_planner.language.prompt import prompt
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, verified_model


@dataclass(frozen=True)
class Reason:
    """Why a part stands in the goal: for each word of the sentence its share of the attention (they sum to one), and
    the nats that the part loses without the word."""

    part: str
    text: str
    attention: tuple[float, ...]
    lost_nats: tuple[float, ...]
    agreement: float  # Spearman's rank correlation; 0 where one side does not tell words apart

    @property
    def shown(self) -> bool:
        """Whether an operator may be shown it."""
        return self.agreement >= SHOWN


@dataclass(frozen=True)
class Explanation:
    sentence: str
    words: tuple[str, ...]
    line: str
    reasons: tuple[Reason, ...]

    def data(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return {**asdict(self), "shown": [reason.part for reason in self.reasons if reason.shown]}


class Explainer:
    """Holds the model with its attention kept; looks at the heads named beside its adapter, at all where none are.

    Raises ModelError (not prepared, corrupt) and DependencyError.
    """

    def __init__(self, name: str = DEFAULT_MODEL, heads: Heads | None = None) -> None:
        folder = Path(name) if Path(name).is_dir() else verified_model(load_description(name))
        self._heads = (load_heads(heads_file(name)) or {}) if heads is None else heads
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise DependencyError(str(error.name), "language") from error
        self._torch = torch
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.bfloat16, attn_implementation="eager", local_files_only=True
            ).eval()
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The language model in {folder} cannot be loaded: {str(error).splitlines()[0]}.",
                "Prepare it: python -m physical_ai_planner.language.prepare.",
            ) from error

    def explain(self, text: str, line: str) -> Explanation:
        """Why the model wrote `line` for `text`. Raises InputError where there is nothing to explain."""
        sentence = normalise(text)
        spans, parts = words_of(sentence), parts_of(line)
        if not spans or not parts:
            raise InputError("There is no word or no goal to explain.", "Give a sentence and the goal line for it.")
        attention = self.attention(sentence, line, spans, parts)
        lost = self.lost(sentence, line, spans, parts)
        reasons = []
        for k, part in enumerate(parts):
            share = share_of(attention[:, :, k], self._heads.get(part.kind, self._heads.get("")))
            reasons.append(
                Reason(
                    part.name, line[part.start : part.end], tuple(np.round(share, 4).tolist()),
                    tuple(np.round(lost[k], 3).tolist()), agreement(share, lost[k]),
                )
            )  # fmt: skip
        return Explanation(sentence, tuple(sentence[a:b] for a, b in spans), line, tuple(reasons))

    def attention(self, sentence: str, line: str, spans: Sequence[tuple[int, int]], parts: Sequence[Part]) -> Array:
        """(layers, heads, parts, words): how much the positions that write a part look at each word."""
        ids, spelt, offset = self._encode(sentence, line)
        with self._torch.inference_mode():
            kept = self._model(input_ids=self._torch.tensor([ids]), output_attentions=True).attentions
        maps = np.stack([layer[0].float().numpy() for layer in kept])  # (L, H, T, T)
        words = np.array([[_overlap(s, (a + offset[0], b + offset[0])) for s in spelt] for a, b in spans], dtype=float)
        out = np.zeros((*maps.shape[:2], len(parts), len(spans)))
        for k, part in enumerate(parts):
            rows = [t - 1 for t, s in enumerate(spelt) if _overlap(s, (part.start + offset[1], part.end + offset[1]))]
            out[:, :, k] = maps[:, :, rows].mean(axis=2) @ words.T
        return out

    def lost(self, sentence: str, line: str, spans: Sequence[tuple[int, int]], parts: Sequence[Part]) -> Array:
        """(parts, words): nats that each part's probability loses when the word is left out of the sentence."""
        whole = self._log_probability(sentence, line, parts)
        without = [self._log_probability(_left_out(sentence, a, b), line, parts) for a, b in spans]
        return np.asarray((whole - np.array(without)).T)

    def _log_probability(self, sentence: str, line: str, parts: Sequence[Part]) -> Array:
        ids, spelt, offset = self._encode(sentence, line)
        first = next(t for t, s in enumerate(spelt) if s[1] > offset[1]) - 1
        with self._torch.inference_mode():
            hidden = self._model.base_model(input_ids=self._torch.tensor([ids])).last_hidden_state[0, first:-1]
            odds = (hidden @ self._model.get_output_embeddings().weight.T).float().log_softmax(-1)
            chosen = odds.gather(-1, self._torch.tensor(ids[first + 1 :])[:, None])[:, 0].numpy()
        spelt = spelt[first + 1 :]
        found = []
        for part in parts:
            at = (part.start + offset[1], part.end + offset[1])
            found.append(sum(float(v) for v, s in zip(chosen, spelt, strict=True) if _overlap(s, at)))
        return np.array(found)

    def _encode(self, sentence: str, line: str) -> tuple[list[int], list[tuple[int, int]], tuple[int, int]]:
        """Token ids, the characters of each, and where sentence and line begin in the whole."""
        head = prompt(sentence)
        found = self._tokenizer(head + line, return_offsets_mapping=True)
        return list(found.input_ids), [tuple(s) for s in found.offset_mapping], (head.index(sentence), len(head))


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _left_out(sentence: str, start: int, end: int) -> str:
    return " ".join(f"{sentence[:start]}{sentence[end:]}".split()) or "…"
