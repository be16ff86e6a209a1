"""Lines that the model writes for many sentences at once: prompts read together, then one token a step for all.

Only some rows of the head are read (those of the batch's own tokens and of the words of the form), finished lines are
taken out of the batch as soon as a third of it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from physical_ai_learning.language.form import Matcher
from physical_ai_learning.language.lora import Adapter

LONGEST: Final = 96  # tokens of a line


@dataclass
class Written:
    """Ids of one line with its end mark where it came to one, and the probability of its least sure token."""

    ids: list[int]
    sure: float = 1.0
    finished: bool = False


class Free:
    """Chooses among given rows of the head, drawn at a temperature; 0: the likeliest."""

    def __init__(self, rows: Tensor, temperature: float = 0.0, generator: torch.Generator | None = None) -> None:
        self.rows, self.temperature, self.generator = rows, temperature, generator
        self._head: Tensor | None = None

    def __call__(self, hidden: Tensor, head: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N,) and their probabilities for the lines `which`."""
        if self._head is None:
            self._head = head.index_select(0, self.rows)
        scores = functional.linear(hidden, self._head).float()
        odds = scores.softmax(-1)
        if self.temperature > 0.0:
            choice = torch.multinomial((scores / self.temperature).softmax(-1), 1, generator=self.generator)[:, 0]
        else:
            choice = scores.argmax(-1)
        return self.rows[choice], odds.gather(1, choice[:, None])[:, 0]


class Bound:
    """Chooses the likeliest token that each line's grammar allows, as the runtime does."""

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self.matchers = matchers

    def __call__(self, hidden: Tensor, head: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        own = [self.matchers[i] for i in which.tolist()]
        allowed = [matcher.allowed() for matcher in own]
        union = np.unique(np.concatenate(allowed))
        rows = torch.from_numpy(union).to(hidden.device)
        scores = functional.linear(hidden, head.index_select(0, rows)).float()
        shut = torch.ones(scores.shape, dtype=torch.bool)
        for row, ids in enumerate(allowed):
            shut[row, torch.from_numpy(np.searchsorted(union, ids))] = False
        odds = scores.masked_fill(shut.to(hidden.device), -torch.inf).softmax(-1)
        sure, choice = odds.max(-1)
        for matcher, token in zip(own, rows[choice].tolist(), strict=True):
            matcher.take(token)
        return rows[choice], sure


@torch.no_grad()
def write_lines(
    model: Any, adapter: Adapter | None, heads: Sequence[Sequence[int]], choose: Free | Bound, end: int, *,
    each: int = 1, longest: int = LONGEST,
) -> list[list[Written]]:  # fmt: skip
    """`each` lines for every prompt (ids). Without adapter the model writes as it is."""
    from transformers import DynamicCache

    device = model.device
    width = max(len(head) for head in heads)
    ids = torch.zeros(len(heads), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, head in enumerate(heads):  # prompts end together: padded on the left
        ids[row, width - len(head) :] = torch.tensor(head)
        mask[row, width - len(head) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    written = [[Written([]) for _ in range(each)] for _ in heads]
    lines = [line for group in written for line in group]
    weight = model.get_output_embeddings().weight
    taken: list[tuple[Tensor, Tensor, Tensor]] = []  # which lines, token, probability
    with adapter.folded() if adapter is not None else nullcontext():
        cache = DynamicCache(config=model.config)
        hidden = _read(model, ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)
        if each > 1:
            cache.batch_repeat_interleave(each)
            hidden, mask = hidden.repeat_interleave(each, 0), mask.repeat_interleave(each, 0)
        which = torch.arange(len(lines), device=device)
        done = torch.zeros(len(lines), dtype=torch.bool, device=device)
        for step in range(longest):
            token, sure = choose(hidden, weight, which)
            taken.append((which, torch.where(done, -1, token), sure))
            done = done | (token == end)
            if step % 4 == 3:
                left = int((~done).sum())
                if left == 0:
                    break
                if 3 * left <= 2 * len(done):
                    stay = (~done).nonzero()[:, 0]
                    cache.batch_select_indices(stay)
                    which, token, mask, done = which[stay], token[stay], mask[stay], done[stay]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            hidden = _read(model, token[:, None], mask, mask.sum(1, keepdim=True) - 1, cache)
    for open_lines, tokens, odds in taken:
        for line, token_id, odd in zip(open_lines.tolist(), tokens.tolist(), odds.tolist(), strict=True):
            if token_id >= 0:
                lines[line].ids.append(token_id)
                lines[line].sure = min(lines[line].sure, odd)
                lines[line].finished = token_id == end
    return written


def _read(model: Any, ids: Tensor, mask: Tensor, place: Tensor, cache: Any) -> Tensor:
    """Hidden states (N, H) after the last token."""
    out = model.base_model(
        input_ids=ids, attention_mask=mask, position_ids=place, past_key_values=cache, use_cache=True
    )
    hidden: Tensor = out.last_hidden_state[:, -1]
    return hidden


def rows_for(heads: Sequence[Sequence[int]], lines: Sequence[Sequence[int]], device: Any) -> Tensor:
    """Rows of the head to choose of: every token of the prompts and of the right lines of a batch."""
    own = {i for part in (*heads, *lines) for i in part}
    return torch.tensor(sorted(own), dtype=torch.long, device=device)
