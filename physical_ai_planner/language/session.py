"""One goal line in the making: what may come next, how probable each is, and going on by a token.

    session = model.session("go to dock B, slowly")
    while not session.done:
        options = session.options()  # token ids that the grammar allows, and their probabilities
        session.take(options.best)
    session.line, session.confidence

Going on costs a forward pass only where the token was not foreseen. At batch one a pass costs the reading of the
weights, whether it carries one token or twenty; so each pass carries, beside the tokens that were chosen, some that
may follow (`drafts`), side by side as a tree in one KV cache, each seeing only its own past. If the next choice is
among them, what comes after it is known already. What is chosen does not depend on the drafts.

Source of the tree: Miao et al., "SpecInfer: accelerating generative large language model serving with tree-based
speculative inference and verification", 2024. Importing this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_planner.language.grammar import Matcher
from physical_ai_planner.language.network import Cache, Network

MAX_NEW_TOKENS = 160
Drafts = Callable[[str], list[list[int]]]  # the line so far -> token sequences that may follow


class Options(NamedTuple):
    """Token ids (A,) that the grammar allows next, rising, and the probability of each among them (A,)."""

    tokens: NDArray[np.int64]
    odds: NDArray[np.float32]

    @property
    def best(self) -> int:
        """The most probable token; of equal ones the first."""
        return int(self.tokens[int(self.odds.argmax())])

    @property
    def best_odds(self) -> float:
        return float(self.odds.max())


@dataclass
class _Node:
    """A token in the cache: its place there, and the drafted tokens that follow it."""

    place: int
    parent: _Node | None = None
    after: dict[int, _Node] = field(default_factory=dict)


class Session:
    """Made by `LanguageModel.session`. `ids`: the prompt, which follows what `cache` holds; `ends` end a line."""

    def __init__(
        self, network: Network, matcher: Matcher, ids: Sequence[int], cache: Cache, ends: frozenset[int],
        decode: Callable[[Sequence[int]], str], drafts: Drafts | None = None,
    ) -> None:  # fmt: skip
        self.matcher, self.ends = matcher, ends
        self.tokens: list[int] = []  # of the line, so far
        self.least = 1.0  # probability of the least sure token taken
        self.log_odds = 0.0  # natural logarithm of the probability of the line so far
        self.passes = 0  # forward passes
        self.done = self.finished = False  # over; and it ended by itself
        self._network, self._cache, self._decode, self._drafts = network, cache, decode, drafts
        self._pending = list(ids)  # chosen and not yet in the cache
        self._fixed = cache.length  # tokens of the cache that stay; behind them lies the tree of the last pass
        self._path: list[int] = []  # places in that tree that were chosen since
        self._node: _Node | None = None
        self._hidden: Any = None  # (N, H) of the last pass
        self._options: Options | None = None

    @property
    def line(self) -> str:
        return self._decode(self.tokens).strip()

    @property
    def confidence(self) -> float:
        return self.least

    def fork(self) -> Session:
        """A session at the same place that goes its own way."""
        self.options()
        other = Session(
            self._network, self.matcher.deep_copy(), self._pending, self._cache.fork(), self.ends, self._decode,
            self._drafts,
        )  # fmt: skip
        for name in ("least", "log_odds", "passes", "done", "finished"):
            setattr(other, name, getattr(self, name))
        other.tokens, other._path = list(self.tokens), list(self._path)
        other._fixed, other._node, other._hidden, other._options = self._fixed, self._node, self._hidden, self._options
        return other

    def options(self) -> Options:
        """What may come next; no tokens where the session is over."""
        if self._options is None:
            tokens = np.zeros(0, dtype=np.int64) if self.done else self.matcher.allowed()
            if len(tokens) <= 1:
                self._options = Options(tokens, np.ones(len(tokens), dtype=np.float32))
            else:
                logits = self._network.rows(tokens.tolist()).float() @ self._state().float()
                self._options = Options(tokens, logits.softmax(0).numpy())
            self.done = self.done or len(tokens) == 0
        return self._options

    def take(self, token: int) -> None:
        """Go on by one of the options; tokens that the grammar then forces come with it. Raises ValueError."""
        options = self.options()
        at = int(np.searchsorted(options.tokens, token))
        if at >= len(options.tokens) or options.tokens[at] != token:
            raise ValueError(f"token {token} is not among the options")
        odds = float(options.odds[at])
        self.least, self.log_odds = min(self.least, odds), self.log_odds + float(np.log(max(odds, 1e-38)))
        self._options = None
        if token in self.ends:
            self.done = self.finished = True
            return
        self.matcher.consume_token(token)
        forced = self.matcher.compute_ff_tokens()
        if forced:
            self.matcher.consume_tokens(forced)
        for part in (token, *forced):
            self._follow(part)
        self.tokens += [token, *forced]
        self.finished = self.matcher.is_stopped()
        self.done = self.finished or len(self.tokens) >= MAX_NEW_TOKENS

    def _follow(self, token: int) -> None:
        """Along the tree where the token was foreseen, else to be read in the next pass."""
        node = self._node.after.get(token) if self._node is not None and not self._pending else None
        if node is None:
            self._pending.append(token)
        else:
            self._node = node
            self._path.append(node.place)

    def _state(self) -> Any:
        """Hidden state (H,) after the last token."""
        if self._pending:
            self._pass()
        assert self._node is not None
        return self._hidden[self._node.place - self._fixed]

    def _pass(self) -> None:
        """Read what is pending, and drafts behind it."""
        self._cache.keep(self._fixed, self._path)  # the chosen places of the last tree, without the others
        ids, start = self._pending, self._cache.length
        self._pending = []
        chain = [_Node(start + index) for index in range(len(ids))]
        tip = chain[-1]
        extra, parents = self._grown(tip, start + len(ids))
        if not extra:
            self._hidden = self._network.forward(ids, self._cache)
        else:
            count, total = len(ids), start + len(ids) + len(extra)
            visible = np.zeros((count + len(extra), total), dtype=bool)
            visible[:, :start] = True
            visible[:count, start : start + count] = np.tri(count, dtype=bool)
            depth = {tip.place: start + count - 1}
            for row, (parent, place) in enumerate(zip(parents, range(start + count, total), strict=True)):
                visible[count + row] = visible[parent - start]
                visible[count + row, place] = True
                depth[place] = depth[parent] + 1
            positions = [*range(start, start + count), *(depth[place] for place in range(start + count, total))]
            self._hidden = self._network.forward([*ids, *extra], self._cache, positions, visible)
        self.passes += 1
        self._fixed, self._node, self._path = start, tip, [node.place for node in chain]

    def _grown(self, tip: _Node, place: int) -> tuple[list[int], list[int]]:
        """Hang the drafts on `tip` as a tree from `place` on: their tokens, and the place each follows."""
        tokens: list[int] = []
        parents: list[int] = []
        for draft in self._drafts(self._decode(self.tokens)) if self._drafts is not None else ():
            node = tip
            for token in draft:
                if token not in node.after:
                    node.after[token] = _Node(place + len(tokens), node)
                    tokens.append(token)
                    parents.append(node.place)
                node = node.after[token]
        return tokens, parents


def greedy(session: Session) -> Session:
    """Take the most probable token until the line ends."""
    while not session.done:
        options = session.options()
        if len(options.tokens):
            session.take(options.best)
    return session
