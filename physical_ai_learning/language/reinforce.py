"""Reinforcement after supervised tuning: the numeric side judges sampled lines, groups of them share a baseline.

For each order several lines are drawn; each is grounded on a site of its own (`reward`). The advantage of a line is its
reward less its group's mean, divided by the group's deviation (group-relative policy optimisation, Shao et al. 2024);
one gradient step on fresh samples needs no ratio to clip. A bad line is held against its tokens up to the first that
differs from the right line: what follows from a mistake is no further mistake. A penalty on the divergence from the
supervised adapter (half the squared log ratio, Schulman's second estimator) keeps the line from wandering, a small
share of the right lines keeps it from forgetting. Orders are those the model is least sure of: where all lines of a
group are judged alike there is nothing to learn.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from physical_ai_learning.language.batches import Encoded, length_of
from physical_ai_learning.language.dataset import Example
from physical_ai_learning.language.lora import Adapter
from physical_ai_learning.language.orders import Order, judged, orders_of
from physical_ai_learning.language.reward import Rewards, Verdict
from physical_ai_learning.language.sampling import Free, rows_for, write_lines
from physical_ai_learning.language.step import answer_logits, causal_only
from physical_ai_learning.language.vocabulary import Vocabulary

PARTS: Final = 16  # that the orders of a step are cut into to be judged
UNLIKELY: Final = -4.0  # log probability below which a bad token is pushed down no further


@dataclass(frozen=True)
class Reinforcement:
    """How to reinforce; what the metrics repeat."""

    steps: int = 240
    drawn: int = 2_048  # orders a step is chosen from
    groups: int = 256  # orders of a step
    each: int = 6  # lines for each
    at_random: float = 0.25  # share of the orders that is not the least sure
    temperature: float = 1.0
    learning_rate: float = 1e-4
    penalty: float = 0.05  # on the divergence from the supervised adapter
    anchor: float = 0.1  # weight of the right lines
    clip: float = 0.5
    tokens: int = 24_576  # of one forward pass, padding counted
    longest: int = 96  # tokens of a prompt
    line: int = 96  # tokens of a line; what is longer cannot be read
    seconds: float = 1e9
    test_orders: int = 1_000
    every: int = 20  # steps between checkpoints
    seed: int = 0
    variant: str = "plain"


def smoke(settings: Reinforcement) -> Reinforcement:
    return replace(settings, steps=2, drawn=12, groups=4, each=3, tokens=2_048, line=24, test_orders=6, every=1)


class Scored(NamedTuple):
    """A line to learn from: prompt and line, the weight of its first `upto` tokens."""

    item: Encoded
    weight: float
    upto: int

    def weights(self) -> list[float]:
        count = len(self.item.ids) - self.item.head
        return [self.weight] * min(self.upto, count) + [0.0] * max(0, count - self.upto)


def advantages(rewards: Sequence[float]) -> list[float]:
    """Group-relative advantages; zero where all rewards are alike."""
    values = np.asarray(rewards, np.float64)
    spread = float(values.std())
    return [0.0] * len(values) if spread < 1e-9 else [float(a) for a in (values - values.mean()) / (spread + 0.1)]


def scored_line(order: Order, ids: Sequence[int], weight: float) -> Scored:
    """A line with its weight; a bad one counts up to its first token that is not the right line's."""
    apart = next((n for n, (a, b) in enumerate(zip(ids, order.line, strict=False)) if a != b), len(ids))
    return Scored(Encoded([*order.head, *ids], len(order.head)), weight, len(ids) if weight > 0.0 else apart + 1)


class Reinforcer:
    """One policy step after another on a model with its supervised adapter."""

    def __init__(
        self, model: Any, adapter: Adapter, folder: Path, settings: Reinforcement, rewards: Rewards, workers: int
    ) -> None:
        self.model, self.adapter, self.folder = model, adapter, folder
        self.settings, self.rewards = settings, rewards
        self.words = Vocabulary(folder)
        self.reference = adapter.vector.detach().clone()
        self.optimiser = torch.optim.AdamW(
            [adapter.vector], lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self.step = self.lines = self.refused = 0
        self.device = adapter.vector.device
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self._pool = ProcessPoolExecutor(workers, get_context("spawn")) if workers > 0 else None
        self._ahead: dict[int, Future[list[Order]]] = {}

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def one_step(self) -> dict[str, float]:
        """Draw, sample, judge, learn; → what happened."""
        settings, began = self.settings, time.monotonic()
        chosen = self.least_sure(self._orders(self.step))
        groups = self.sample(chosen, settings.each, settings.temperature)
        sampled_s = time.monotonic() - began
        verdicts = self.judge([o.example for o in chosen], [[w.text for w in g] for g in groups])
        scored: list[Scored] = []
        for order, group, found in zip(chosen, groups, verdicts, strict=True):
            gains = advantages([self.rewards.of(v) for v in found])
            if any(gains):
                scored += [scored_line(order, w.ids, a) for w, a in zip(group, gains, strict=True) if a != 0.0]
                scored.append(scored_line(order, order.line, settings.anchor))
        learnt = self.learn(scored) if scored else {"policy": 0.0, "divergence": 0.0, "norm": 0.0}
        self.step += 1
        self.lines += sum(len(g) for g in groups)
        counts = Counter(v for found in verdicts for v in found)
        total = max(1, sum(counts.values()))
        return {
            **learnt, "alive": sum(len(set(f)) > 1 for f in verdicts) / max(1, len(verdicts)),
            "reward": sum(self.rewards.of(v) * n for v, n in counts.items()) / total,
            **{v.value: counts[v] / total for v in Verdict},
            "sampled_s": sampled_s, "step_s": time.monotonic() - began,
        }  # fmt: skip

    def _orders(self, number: int) -> list[Order]:
        """Orders of step `number`; with workers, those of the next steps are being drawn meanwhile."""
        s = self.settings
        asked = (self.folder, s.variant, s.longest)
        if self._pool is None:
            return orders_of(*asked, s.seed * 1_000_003 + 500_000 + number, "train", s.drawn)
        for n in range(number, min(number + 4, s.steps)):
            if n not in self._ahead:
                seed = s.seed * 1_000_003 + 500_000 + n
                self._ahead[n] = self._pool.submit(orders_of, *asked, seed, "train", s.drawn)
        return self._ahead.pop(number).result()

    def least_sure(self, orders: list[Order]) -> list[Order]:
        """The orders whose right line the model finds least likely in its weakest token, and some at random."""
        s = self.settings
        wanted = min(s.groups, len(orders))
        by_chance = int(s.at_random * wanted)
        with torch.no_grad(), self.adapter.folded():
            sure = self._weakest([Encoded(o.head + o.line, len(o.head)) for o in orders])
        ranked = sorted(range(len(orders)), key=sure.__getitem__)
        rest = ranked[wanted - by_chance :]
        picked = ranked[: wanted - by_chance] + random.Random(f"{s.seed}/{self.step}").sample(rest, by_chance)
        return sorted((orders[i] for i in picked), key=lambda o: len(o.head))

    def _weakest(self, items: Sequence[Encoded]) -> list[float]:
        """Probability of each line's least likely token."""
        found = [1.0] * len(items)
        order = sorted(range(len(items)), key=lambda i: -len(items[i].ids))
        for part in _parts(order, [len(items[i].ids) for i in order], self.settings.tokens):
            odds, owner = self._log_odds([items[i] for i in part])
            for value, row in zip(odds.exp().tolist(), owner, strict=True):
                found[part[row]] = min(found[part[row]], value)
        return found

    def sample(self, orders: Sequence[Order], each: int, temperature: float) -> list[list[Line]]:
        """Lines for each order."""
        groups: list[list[Line]] = []
        for at in range(0, len(orders), self.settings.groups):
            part = orders[at : at + self.settings.groups]
            rows = rows_for([o.head for o in part], [o.line for o in part], self.device)
            choose = Free(rows, temperature, self.generator)
            written = write_lines(
                self.model, self.adapter, [o.head for o in part], choose, self.words.end, each=each,
                longest=self.settings.line,
            )  # fmt: skip
            groups += [[Line(w.ids, self.words.text(w.ids) if w.finished else "", w.sure) for w in g] for g in written]
        return groups

    def judge(self, part: Sequence[Example], lines: Sequence[list[str]]) -> list[list[Verdict]]:
        """Verdicts, by the workers where there are some."""
        seed = f"{self.settings.seed}/{self.step}"
        jobs = [(e, found, n) for n, (e, found) in enumerate(zip(part, lines, strict=True))]
        if self._pool is None:
            return judged(jobs, seed)
        size = max(8, -(-len(jobs) // PARTS))
        waiting = [self._pool.submit(judged, jobs[i : i + size], f"{seed}/{i}") for i in range(0, len(jobs), size)]
        return [verdicts for future in waiting for verdicts in future.result()]

    def learn(self, scored: Sequence[Scored]) -> dict[str, float]:
        """One gradient step on all scored lines."""
        s = self.settings
        order = sorted(range(len(scored)), key=lambda i: -len(scored[i].item.ids))
        total = sum(len(x.item.ids) - x.item.head for x in scored)
        gradient = torch.zeros_like(self.adapter.vector, requires_grad=False)
        policy = divergence = 0.0
        for part in _parts(order, [len(scored[i].item.ids) for i in order], s.tokens):
            items = [scored[i].item for i in part]
            with torch.no_grad(), self.adapter.swapped(self.reference), self.adapter.folded():
                before, _ = self._log_odds(items)
            self.adapter.spread()
            now, _ = self._log_odds(items)
            weight = torch.tensor([w for i in part for w in scored[i].weights()], device=self.device)
            weight = torch.where((weight < 0.0) & (now.detach() < UNLIKELY), 0.0, weight)
            apart = 0.5 * (now - before).square().sum() / total
            gain = -(weight * now).sum() / total
            (part_gradient,) = torch.autograd.grad(gain + s.penalty * apart, self.adapter.vector)
            gradient += part_gradient
            policy, divergence = policy + float(gain.detach()), divergence + float(apart.detach())
        norm = float(gradient.norm())
        if np.isfinite(norm):
            self.adapter.vector.grad = gradient * min(1.0, s.clip / (norm + 1e-12))
            for group in self.optimiser.param_groups:
                group["lr"] = s.learning_rate * min(1.0, (self.step + 1) / 5)
            self.optimiser.step()
        else:
            self.refused += 1
        return {"policy": policy, "divergence": divergence, "norm": norm}

    def _log_odds(self, items: Sequence[Encoded]) -> tuple[torch.Tensor, list[int]]:
        """Log probability of every token of the lines, and whose it is."""
        length = length_of(max(len(i.ids) for i in items))
        ids = torch.zeros(len(items), length, dtype=torch.long)
        at: list[int] = []
        answers: list[int] = []
        owner: list[int] = []
        for row, item in enumerate(items):
            ids[row, : len(item.ids)] = torch.tensor(item.ids)
            at += range(row * length + item.head - 1, row * length + len(item.ids) - 1)
            answers += item.ids[item.head :]
            owner += [row] * (len(item.ids) - item.head)
        rows = rows_for([i.ids for i in items], (), self.device)
        wanted = torch.searchsorted(rows, torch.tensor(answers, device=self.device))
        with causal_only(self.model):
            logits = answer_logits(self.model, ids.to(self.device), torch.tensor(at, device=self.device), rows)
        return -functional.cross_entropy(logits, wanted, reduction="none"), owner

    def test(self, orders: Sequence[Order]) -> dict[str, float]:
        """Shares of verdicts of the likeliest lines."""
        step, self.step = self.step, -1  # the same sites before and after
        lines = self.sample(sorted(orders, key=lambda o: len(o.head)), 1, 0.0)
        part = [o.example for o in sorted(orders, key=lambda o: len(o.head))]
        found = self.judge(part, [[w.text for w in g] for g in lines])
        self.step = step
        counts = Counter(v[0] for v in found)
        return {v.value: round(counts[v] / max(1, len(found)), 5) for v in Verdict}

    def state(self) -> dict[str, Any]:
        return {
            "vector": self.adapter.vector.detach(), "reference": self.reference, "step": self.step,
            "lines": self.lines, "optimiser": self.optimiser.state_dict(), "random": self.generator.get_state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self.adapter.vector.copy_(state["vector"])
        self.reference = state["reference"].clone()
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["random"].cpu())
        self.step, self.lines = int(state["step"]), int(state["lines"])


class Line(NamedTuple):
    ids: list[int]
    text: str  # empty where it came to no end
    sure: float


def _parts(order: Sequence[int], lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices, longest first, cut so that no part has more than `tokens` with its padding."""
    parts: list[list[int]] = []
    at = 0
    while at < len(order):
        height = max(1, tokens // length_of(lengths[at]))
        parts.append(list(order[at : at + height]))
        at += height
    return parts
