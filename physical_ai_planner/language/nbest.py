"""Several readings of one sentence: best-first search over the goal lines that the grammar allows.

The most probable line is finished first (it is the greedy one); what time is left goes to the most probable
unfinished beginnings. All of them share one KV cache: the tokens of every beginning lie in it side by side, and the
attention mask shows each token only its own past. So several beginnings grow in one forward pass, which at batch one
costs little more than one of them, since reading the weights is the cost.

Source of the tree mask: Miao et al., "SpecInfer: accelerating generative large language model serving with tree-based
speculative inference and verification", 2024; of the search: uniform-cost search (Dijkstra) on -log p.
Importing this module does not import torch.
"""

from __future__ import annotations

import copy
import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

MAX_NEW_TOKENS = 160  # of one line
MAX_NODES = 400  # tokens of all beginnings together
LEAST_SHARE = 1e-3  # a beginning this much less probable than the best line is not followed
CHILDREN = 8  # continuations kept of one beginning


class Line(NamedTuple):
    """A goal line. `probability`: of the whole line among those the grammar allows, all its spellings in tokens
    together; `confidence`: of its least sure token."""

    line: str
    probability: float
    confidence: float


@dataclass(frozen=True)
class Lines:
    """Lines by falling probability, the greedy one always among them; `unread`: probability of all that was not
    followed to its end. `finished` false: not even the greedy line came to its end."""

    lines: tuple[Line, ...]
    passes: int
    unread: float
    finished: bool = True


@dataclass(frozen=True)
class Budget:
    """How long to look for other readings. The first line is always finished. `lines`: 1 means the greedy one alone."""

    lines: int = 4
    seconds: float = math.inf
    passes: int = 64
    width: int = 4  # beginnings grown in one pass


class Continuations(NamedTuple):
    """What may come next: token ids and their probabilities, most probable first."""

    tokens: tuple[int, ...]
    odds: tuple[float, ...]


class Grower(Protocol):
    """A sentence whose goal line grows in several ways at once."""

    ends: frozenset[int]
    room: int  # tokens that may still be added

    def matcher(self) -> Any:
        """The grammar at the beginning of the line (llguidance's LLMatcher)."""
        ...

    def begin(self, matcher: Any) -> Continuations:
        """Read the sentence."""
        ...

    def grow(self, chains: list[tuple[int, list[int], Any]]) -> list[tuple[int, Continuations]]:
        """Add tokens: (node to follow, -1 for the sentence; ids; matcher after them) → (last new node, what next)."""
        ...

    def text(self, ids: list[int]) -> str: ...


@dataclass(order=True)
class _Candidate:
    """A token that may be added to a beginning; ordered by falling probability, then by age."""

    cost: float  # -log probability of the beginning with the token
    age: int
    token: int = field(compare=False)
    node: int = field(compare=False)
    ids: tuple[int, ...] = field(compare=False)
    least: float = field(compare=False)
    matcher: Any = field(compare=False)  # before the token
    greedy: bool = field(compare=False)


def search(grower: Grower, budget: Budget, clock: Callable[[], float] = time.monotonic) -> Lines:
    """The most probable goal lines within the budget."""
    return _Search(grower, budget, clock).run()


class _Search:
    def __init__(self, grower: Grower, budget: Budget, clock: Callable[[], float]) -> None:
        self.grower, self.budget, self.clock = grower, budget, clock
        self.frontier: list[_Candidate] = []
        self.done: dict[str, Line] = {}
        self.greedy_done = self.greedy_lost = False
        self.passes = 0
        self._ages = itertools.count()

    def run(self) -> Lines:
        end_s = self.clock() + self.budget.seconds
        matcher = self.grower.matcher()
        self._push(self.grower.begin(matcher), -1, (), 0.0, 1.0, matcher, True)
        self.passes = 1
        while self.frontier and not self._enough(end_s):
            chosen = self._choose()
            grown = [part for part in map(self._take, chosen) if part is not None]
            if not grown:
                continue
            self.passes += 1
            told = self.grower.grow([(c.node, list(ids), after) for c, ids, after in grown])
            for (candidate, ids, after), (node, following) in zip(grown, told, strict=True):
                line = (*candidate.ids, *ids)
                self._push(following, node, line, candidate.cost, candidate.least, after, candidate.greedy)
        return self._result()

    def _enough(self, end_s: float) -> bool:
        if self.greedy_lost:
            return True
        if not self.greedy_done:
            return False
        if self.passes >= self.budget.passes or self.clock() >= end_s or self.grower.room < MAX_NEW_TOKENS // 4:
            return True
        ranked = sorted((line.probability for line in self.done.values()), reverse=True)
        best = math.exp(-self.frontier[0].cost)
        if best < LEAST_SHARE * ranked[0]:
            return True
        return len(ranked) >= self.budget.lines and best < ranked[self.budget.lines - 1]

    def _choose(self) -> list[_Candidate]:
        """The greedy beginning first, then the most probable others."""
        width = self.budget.width if self.budget.lines > 1 else 1
        chosen = [c for c in self.frontier if c.greedy][:1]
        for candidate in chosen:
            self.frontier.remove(candidate)
        heapq.heapify(self.frontier)
        while self.frontier and len(chosen) < width and self.budget.lines > 1:
            if self.done and math.exp(-self.frontier[0].cost) < LEAST_SHARE * self._best():
                break
            chosen.append(heapq.heappop(self.frontier))
        return chosen

    def _best(self) -> float:
        return max(line.probability for line in self.done.values())

    def _take(self, candidate: _Candidate) -> tuple[_Candidate, list[int], Any] | None:
        """Add the candidate's token and what the grammar forces after it; None where the line ends here."""
        if candidate.token in self.grower.ends:
            return self._finish(candidate, candidate.ids)
        after = candidate.matcher.deep_copy()
        after.consume_token(candidate.token)
        forced = list(after.compute_ff_tokens())
        if forced:
            after.consume_tokens(forced)
        ids = [candidate.token, *forced]
        if after.is_stopped():
            return self._finish(candidate, (*candidate.ids, *ids))
        too_long = len(candidate.ids) + len(ids) >= MAX_NEW_TOKENS or self.grower.room < len(ids)
        if after.is_error() or too_long:
            self.greedy_lost = self.greedy_lost or candidate.greedy
            return None
        return candidate, ids, after

    def _finish(self, candidate: _Candidate, ids: tuple[int, ...]) -> None:
        text = self.grower.text(list(ids))
        probability, known = math.exp(-candidate.cost), self.done.get(text)
        self.greedy_done = self.greedy_done or candidate.greedy
        self.done[text] = Line(
            text,
            min(1.0, probability + (0.0 if known is None else known.probability)),
            candidate.least if known is None else max(candidate.least, known.confidence),
        )

    def _push(
        self, following: Continuations, node: int, ids: tuple[int, ...], cost: float, least: float, matcher: Any,
        greedy: bool,
    ) -> None:  # fmt: skip
        if not following.tokens:
            self.greedy_lost = self.greedy_lost or greedy
        for rank, (token, odds) in enumerate(zip(following.tokens, following.odds, strict=True)):
            if odds <= 0.0 or rank >= CHILDREN or (self.budget.lines <= 1 and rank > 0):
                break
            heapq.heappush(
                self.frontier,
                _Candidate(
                    cost - math.log(odds), next(self._ages), token, node, ids, min(least, odds), matcher,
                    greedy and rank == 0,
                ),
            )  # fmt: skip

    def _result(self) -> Lines:
        ranked = sorted(self.done.values(), key=lambda line: -line.probability)
        unread = max(0.0, 1.0 - sum(line.probability for line in ranked))
        return Lines(tuple(ranked[: self.budget.lines]), self.passes, unread, self.greedy_done)


class Tree:
    """A `Grower` on a causal model of `transformers`, all beginnings in one KV cache.

    `model`: its base model; `head` (V, H): rows of the output head; `cache`: of a prefix already read, or None.
    """

    def __init__(
        self, model: Any, head: Any, tokenizer: Any, matcher: Any, ids: list[int], ends: frozenset[int], cache: Any = None
    ) -> None:
        import torch

        self._torch, self._model, self._head, self._tokenizer = torch, model, head, tokenizer
        self._matcher, self._ids, self.ends = matcher, ids, ends
        self._cache = copy.deepcopy(cache)
        self._before = 0 if cache is None else int(cache.get_seq_length())
        self._past: list[tuple[int, ...]] = []  # nodes that each node sees, itself among them
        window = getattr(model.config, "sliding_window", None)
        self._most = MAX_NODES if not window else min(MAX_NODES, int(window) - self._before - len(ids) - 1)

    @property
    def room(self) -> int:
        return self._most - len(self._past)

    def matcher(self) -> Any:
        return self._matcher

    def begin(self, matcher: Any) -> Continuations:
        with self._torch.inference_mode():
            out = self._model(
                input_ids=self._torch.tensor([self._ids]), past_key_values=self._cache, use_cache=True
            )
            self._cache, self._before = out.past_key_values, self._before + len(self._ids)
            return self._following(out.last_hidden_state[0, -1], matcher)

    def grow(self, chains: list[tuple[int, list[int], Any]]) -> list[tuple[int, Continuations]]:
        torch, last = self._torch, []
        ids, first = [token for _, part, _ in chains for token in part], len(self._past)
        for node, part, _ in chains:
            past = () if node < 0 else self._past[node]
            for _ in part:
                past = (*past, len(self._past))
                self._past.append(past)
            last.append(len(self._past) - 1)
        mask = torch.full((1, 1, len(ids), self._before + len(self._past)), torch.finfo(self._head.dtype).min)
        mask[..., : self._before] = 0.0
        for row, past in enumerate(self._past[first:]):
            mask[0, 0, row, [self._before + node for node in past]] = 0.0
        places = [self._before + len(past) - 1 for past in self._past[first:]]
        with torch.inference_mode():
            out = self._model(
                input_ids=torch.tensor([ids]), position_ids=torch.tensor([places]), past_key_values=self._cache,
                attention_mask=mask.to(self._head.dtype), use_cache=True,
            )  # fmt: skip
            self._cache = out.past_key_values
            hidden = out.last_hidden_state[0]
            return [
                (node, self._following(hidden[node - first], after))
                for node, (_, _, after) in zip(last, chains, strict=True)
            ]

    def text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def _following(self, hidden: Any, matcher: Any) -> Continuations:
        from physical_ai_planner.language.model import _allowed

        allowed = self._torch.from_numpy(_allowed(matcher, self._head.shape[0]))
        if len(allowed) == 0:
            return Continuations((), ())
        odds, order = (self._head[allowed].float() @ hidden.float()).softmax(0).sort(descending=True, stable=True)
        return Continuations(tuple(allowed[order[:CHILDREN]].tolist()), tuple(odds[:CHILDREN].tolist()))


def tree(model: Any, text: str) -> Tree:
    """The tree of a normalised sentence on a `LanguageModel`."""
    from physical_ai_planner.language.prompt import prompt

    ids = model._tokenizer(prompt(text), add_special_tokens=not model._prefix_ids).input_ids
    return Tree(
        model._model.base_model, model._head, model._tokenizer, model._grammars.matcher(text), ids,
        frozenset(model._ends), model._prefix_cache,
    )  # fmt: skip
