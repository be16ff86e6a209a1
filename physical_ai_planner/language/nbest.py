"""Several readings of one sentence: best-first search over the goal lines that the grammar allows.

The most probable line is finished first (it is the greedy one); what time is left goes to the most probable
unfinished beginnings. What makes them grow, several at once, is a `Grower` (`tree.Tree`).

Source: uniform-cost search (Dijkstra) on -log p.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from physical_ai_planner.language.model import MAX_NEW_TOKENS

LEAST_ROOM = 40  # with less the search ends
LEAST_SHARE = 0.01  # a beginning this much less probable than the best line is not followed
SURE = 0.97  # probability of the greedy line from which nobody looks for others


class Line(NamedTuple):
    """A goal line. `probability`: of the whole line among those the grammar allows, all its spellings in tokens
    together; `confidence`: of its least sure token."""

    line: str
    probability: float
    confidence: float


@dataclass(frozen=True)
class Lines:
    """Lines by falling probability, the greedy one always among them; `unread`: probability of all that was not
    followed to its end. `first`: the greedy line, None where not even that came to its end."""

    lines: tuple[Line, ...]
    passes: int
    unread: float
    first: Line | None


@dataclass(frozen=True)
class Budget:
    """How long to look for other readings. The first line is always finished. `lines`: 1 means the greedy one alone.

    `seconds`: after the first line; `passes`: of the model in all.
    """

    lines: int = 4
    seconds: float = math.inf
    passes: int = 64
    width: int = 4  # beginnings grown in one pass


class Continuations(NamedTuple):
    """What may come next: token ids and their probabilities, most probable first."""

    tokens: tuple[int, ...]
    odds: tuple[float, ...]


class Chain(NamedTuple):
    """Tokens to be added: after `node` (-1: the sentence); `line`: all of the line's tokens with them."""

    node: int
    ids: tuple[int, ...]
    line: tuple[int, ...]
    matcher: Any  # after them


class Grower(Protocol):
    """A sentence whose goal line grows in several ways at once."""

    ends: frozenset[int]
    passes: int  # of the model, so far

    @property
    def room(self) -> int:
        """Tokens that may still be added."""
        ...

    def matcher(self) -> Any:
        """The grammar at the beginning of the line."""
        ...

    def begin(self, matcher: Any) -> Continuations:
        """Read the sentence."""
        ...

    def grow(self, chains: list[Chain]) -> list[tuple[int, Continuations]]:
        """Add tokens; of each chain its last node, and what may come next."""
        ...

    def text(self, ids: tuple[int, ...]) -> str: ...


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
        self.greedy_done, self.greedy_lost = "", False  # its text, once it is finished
        self.first_s = 0.0  # when the greedy line was finished
        self._ages = itertools.count()

    def run(self) -> Lines:
        matcher = self.grower.matcher()
        self._push(self.grower.begin(matcher), -1, (), 0.0, 1.0, matcher, True)
        while self.frontier and not self._enough():
            chosen = self._choose()
            grown = [part for part in map(self._take, chosen) if part is not None]
            if not grown:
                continue
            told = self.grower.grow([chain for _, chain in grown])
            for (candidate, chain), (node, following) in zip(grown, told, strict=True):
                self._push(
                    following, node, chain.line, candidate.cost, candidate.least, chain.matcher, candidate.greedy
                )
        return self._result()

    def _enough(self) -> bool:
        if self.greedy_lost:
            return True
        if not self.greedy_done:
            return False
        if self.done[self.greedy_done].probability >= SURE:
            return True
        late = self.clock() >= self.first_s + self.budget.seconds
        if late or self.grower.passes >= self.budget.passes or self.grower.room < LEAST_ROOM:
            return True
        ranked = sorted((line.probability for line in self.done.values()), reverse=True)
        best = math.exp(-self.frontier[0].cost)
        if best < LEAST_SHARE * ranked[0]:
            return True
        return len(ranked) >= self.budget.lines and best < ranked[self.budget.lines - 1]

    def _choose(self) -> list[_Candidate]:
        """The greedy beginning first, then the most probable others."""
        chosen = [candidate for candidate in self.frontier if candidate.greedy][:1]
        for candidate in chosen:
            self.frontier.remove(candidate)
        heapq.heapify(self.frontier)
        best = max([math.exp(-c.cost) for c in chosen] + [line.probability for line in self.done.values()], default=0.0)
        width = self.budget.width if self.budget.lines > 1 else 1
        while self.frontier and len(chosen) < width and math.exp(-self.frontier[0].cost) >= LEAST_SHARE * best:
            chosen.append(heapq.heappop(self.frontier))
        return chosen

    def _take(self, candidate: _Candidate) -> tuple[_Candidate, Chain] | None:
        """Add the candidate's token and what the grammar forces after it; None where the line ends here."""
        if candidate.token in self.grower.ends:
            self._finish(candidate, candidate.ids)
            return None
        after = candidate.matcher.deep_copy()
        after.consume_token(candidate.token)
        forced = tuple(after.compute_ff_tokens())
        if forced:
            after.consume_tokens(forced)
        ids = (candidate.token, *forced)
        line = (*candidate.ids, *ids)
        if after.is_stopped():
            self._finish(candidate, line)
            return None
        if after.is_error() or len(line) >= MAX_NEW_TOKENS or self.grower.room < len(ids):
            self.greedy_lost = self.greedy_lost or candidate.greedy
            return None
        return candidate, Chain(candidate.node, ids, line, after)

    def _finish(self, candidate: _Candidate, ids: tuple[int, ...]) -> None:
        text = self.grower.text(ids)
        probability, known = math.exp(-candidate.cost), self.done.get(text)
        if candidate.greedy:
            self.greedy_done, self.first_s = text, self.clock()
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
            if odds <= 0.0 or (self.budget.lines <= 1 and rank > 0):
                break
            candidate = _Candidate(
                cost - math.log(odds), next(self._ages), token, node, ids, min(least, odds), matcher,
                greedy and rank == 0,
            )  # fmt: skip
            heapq.heappush(self.frontier, candidate)

    def _result(self) -> Lines:
        ranked = sorted(self.done.values(), key=lambda line: -line.probability)
        unread = max(0.0, 1.0 - sum(line.probability for line in ranked))
        return Lines(tuple(ranked[: self.budget.lines]), self.grower.passes, unread, self.done.get(self.greedy_done))
