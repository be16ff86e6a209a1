"""Many beginnings of a goal line in one KV cache: each token sees only its own past, by the attention mask.

So several beginnings grow in one forward pass, which at batch one costs little more than one of them, since reading
the weights is the cost.

Source of the tree mask: Miao et al., "SpecInfer: accelerating generative large language model serving with tree-based
speculative inference and verification", 2024. Importing this module does not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physical_ai_planner.language.drafts import LineDrafts
from physical_ai_planner.language.grammar import Matcher
from physical_ai_planner.language.model import LanguageModel
from physical_ai_planner.language.nbest import LEAST_ROOM, Chain, Continuations

MAX_NODES = 480  # tokens of all beginnings together, guesses too
MOST_GUESSED = 120  # tokens of drafts in one pass
CHILDREN = 8  # continuations kept of one beginning


@dataclass
class _Node:
    """A token in the cache: which earlier nodes it sees, itself among them, what was drafted or chosen after it."""

    past: tuple[int, ...]
    after: dict[int, int] = field(default_factory=dict)


class Tree:
    """A `Grower` on a `LanguageModel`: all beginnings, and guesses at how they go on (`drafts`), in one KV cache."""

    def __init__(self, model: LanguageModel, text: str) -> None:
        self._model, self._cache, self._matcher = model, model.new_cache(), model.matcher(text)
        self._drafts = LineDrafts(text, model.tokens.plain)
        self._ids = model.prompt_ids(text)
        self._before = 0  # tokens ahead of the first node
        self._nodes: list[_Node] = []
        self._first = _Node(())  # stands for the sentence
        self._tokens: list[int] = []  # of the nodes
        self._hidden: list[Any] = []
        self.ends, self.passes = model.ends, 0

    @property
    def room(self) -> int:
        return MAX_NODES - len(self._nodes)

    def matcher(self) -> Matcher:
        return self._matcher

    def begin(self, matcher: Matcher) -> Continuations:
        guessed = self._guess(-1, ())
        hidden = self._read(self._ids, guessed)
        return self._following(hidden[len(self._ids) - 1], matcher)

    def grow(self, chains: list[Chain]) -> list[tuple[int, Continuations]]:
        begun, last = len(self._nodes), []
        for chain in chains:
            node = chain.node
            for token in chain.ids:
                node = self._child(node, token)
            last.append(node)
        if len(self._nodes) > begun:
            for index, chain in enumerate(chains[:1]):
                self._guess(last[index], chain.line)
            self._read([], len(self._nodes) - begun)
        return [
            (node, self._following(self._hidden[node], chain.matcher)) for node, chain in zip(last, chains, strict=True)
        ]

    def text(self, ids: tuple[int, ...]) -> str:
        return self._model.tokens.decode(ids).strip()

    def _child(self, node: int, token: int) -> int:
        """The node of a token after another, made where it is new."""
        parent = self._first if node < 0 else self._nodes[node]
        if token not in parent.after:
            parent.after[token] = len(self._nodes)
            self._nodes.append(_Node((*parent.past, len(self._nodes))))
            self._tokens.append(token)
        return parent.after[token]

    def _guess(self, node: int, line: tuple[int, ...]) -> int:
        """Hang drafts on a node; how many tokens they are."""
        begun = len(self._nodes)
        if self.room > LEAST_ROOM + MOST_GUESSED:
            for draft in self._drafts(self._model.tokens.decode(line)):
                at = node
                for token in draft:
                    at = self._child(at, token)
        return len(self._nodes) - begun

    def _read(self, ids: list[int], count: int) -> Any:
        """One pass over `ids` and the last `count` nodes; their hidden states are kept."""
        start, nodes = self._cache.length, self._nodes[len(self._nodes) - count :]
        total = start + len(ids) + count
        visible = np.zeros((len(ids) + count, total), dtype=bool)
        visible[: len(ids), : start + len(ids)] = np.tri(len(ids), start + len(ids), start, dtype=bool)
        self._before += start + len(ids) if ids else 0
        visible[len(ids) :, : self._before] = True
        for row, node in enumerate(nodes):
            visible[len(ids) + row, [self._before + place for place in node.past]] = True
        positions = [*range(start, start + len(ids)), *(self._before + len(node.past) - 1 for node in nodes)]
        read = [*ids, *self._tokens[len(self._nodes) - count :]]
        hidden, self._cache = self._model.forward(read, self._cache, positions, visible if count else None)
        self._hidden += list(hidden[len(ids) :])
        self.passes += 1
        return hidden

    def _following(self, hidden: Any, matcher: Matcher) -> Continuations:
        allowed = matcher.allowed()
        if len(allowed) == 0:
            return Continuations((), ())
        logits = self._model.logits(hidden, allowed.tolist()).astype(np.float64)
        odds = np.exp(logits - logits.max())
        odds /= odds.sum()
        order = np.argsort(-odds, kind="stable")[:CHILDREN]
        return Continuations(tuple(allowed[order].tolist()), tuple(odds[order].tolist()))
