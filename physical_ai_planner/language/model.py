"""The local language model: loads prepared weights and writes one goal line for one sentence.

    model = LanguageModel()
    model.write(text)              greedy: the line, how sure, how many passes
    model.session(text)            the same line token by token, with what else it could have been
    model.forward(ids, cache)      hidden states; `logits` turns them into scores; `attention(ids)`
    model.encode(text)             token ids of the prompt, and which characters of the sentence each stands for

Decoding is greedy under `grammar`. What makes it fast on a CPU, at batch one, where reading the weights is the cost:
    - text that the grammar forces (key words already decided) is not sampled but fed together with the next token;
    - what is likely to follow is read in the same pass (`session`, `drafts`);
    - the output head is read only at the rows of the allowed tokens, a few of 262,144;
    - known architectures run on a forward pass of our own (`lean`), others on `transformers`;
    - a fixed prefix (the examples for a model without adapter) is read once and its KV cache kept.
Importing this module does not import torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_planner.language.doubt import FILE as DOUBT_FILE
from physical_ai_planner.language.doubt import Doubt, doubt_of
from physical_ai_planner.language.drafts import LineDrafts
from physical_ai_planner.language.grammar import Matcher
from physical_ai_planner.language.network import Network
from physical_ai_planner.language.prompt import EXAMPLES, prompt
from physical_ai_planner.language.session import MAX_NEW_TOKENS, Session, greedy
from physical_ai_planner.language.tokens import Tokens
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, verified_model

__all__ = ["MAX_NEW_TOKENS", "Answer", "Encoded", "LanguageModel", "describe"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """A goal line, with the probability of the least sure token among those the grammar allowed."""

    line: str
    confidence: float
    steps: int  # forward passes of the model
    finished: bool  # the line ended by itself


class Encoded(NamedTuple):
    """Token ids of a prompt, and the characters (first, after the last) of the sentence that each stands for.

    (-1, -1) for tokens of the frame; the bytes of one character share its place.
    """

    ids: list[int]
    spans: list[tuple[int, int]]


class LanguageModel:
    """A causal model on CPU. `name` is a model description or a local `transformers` directory.

    `lean` false: run it on `transformers` in any case. `network`, `tokens`: a model that is in memory already.
    Raises ModelError (not prepared, corrupt, not a causal model) and DependencyError.
    """

    def __init__(
        self, name: str = DEFAULT_MODEL, threads: int = 1, *, lean: bool = True, drafts: bool = True,
        parts: tuple[Network, Tokens] | None = None,
    ) -> None:  # fmt: skip
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        tuned, self.doubt = False, Doubt()
        if parts is None:
            from physical_ai_planner.language.loading import load

            folder, tuned = _resolve(name)
            parts = load(folder, threads, lean)
            self.doubt = doubt_of(folder)
        self.network, self.tokens = parts
        self._drafts = drafts
        self._prefix: Any = self.network.new_cache()
        self._framed = tuned
        if not tuned:
            self.network.forward(self.tokens.encode(EXAMPLES), self._prefix)

    # --- one sentence ---

    def write(self, text: str) -> Answer:
        """The goal line for a normalised sentence."""
        done = greedy(self.session(text))
        return Answer(done.line, done.confidence, done.passes, done.finished)

    def session(self, text: str) -> Session:
        """The goal line for a normalised sentence, token by token."""
        drafts = LineDrafts(text, self.tokens.plain) if self._drafts else None
        return Session(
            self.network, self.matcher(text), self.prompt_ids(text), self.new_cache(), self.ends, self.tokens.decode,
            drafts,
        )  # fmt: skip

    def matcher(self, text: str) -> Matcher:
        """The grammar at the beginning of the line for a normalised sentence."""
        return self.tokens.matcher(text)

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a line."""
        return self.tokens.ends

    # --- the network ---

    def prompt_ids(self, text: str) -> list[int]:
        """What `new_cache` has to be followed by, for a normalised sentence."""
        return self.tokens.encode(prompt(text)) if self._framed else self.tokens.plain(prompt(text))

    def encode(self, text: str) -> Encoded:
        """`prompt_ids` with the characters of the sentence that each stands for."""
        framed = prompt(text)
        begin = framed.index(text)
        spans = self.tokens.spans(framed)
        inside = [
            (max(first, begin) - begin, min(after, begin + len(text)) - begin)
            if first < begin + len(text) and after > begin else (-1, -1)
            for _, first, after in spans
        ]  # fmt: skip
        first = self.tokens.bos if self._framed else ()
        return Encoded([*first, *(token for token, _, _ in spans)], [*((-1, -1) for _ in first), *inside])

    def new_cache(self) -> Any:
        """A cache that holds what stands before every prompt (nothing, for a tuned model)."""
        return self._prefix.fork()

    def forward(
        self, ids: Sequence[int], cache: Any = None, positions: Sequence[int] | None = None, visible: Any = None
    ) -> tuple[Any, Any]:
        """(hidden states (N, H) of `ids`, the cache, which has grown by them). See `network.Network.forward`."""
        cache = self.new_cache() if cache is None else cache
        return self.network.forward(ids, cache, positions, visible), cache

    def logits(self, hidden: Any, tokens: Sequence[int]) -> Floats:
        """Scores (N, A) of `tokens` after each hidden state (N, H), or (A,) after one (H,)."""
        scores = hidden.float() @ self.network.rows(list(tokens)).float().T
        return np.asarray(scores.numpy())

    def attention(self, ids: Sequence[int]) -> Floats:
        """What each token looks at: (layers, heads, N, N), rows sum to 1 (prefix included: (…, N, prefix + N))."""
        seen: list[Any] = []
        self.network.forward(ids, self.new_cache(), attention=seen)
        return np.stack([layer.float().numpy() for layer in seen])


def _resolve(name: str) -> tuple[Path, bool]:
    """Folder of the model and whether it was tuned for the compact form."""
    if Path(name).is_dir():
        return Path(name), (Path(name) / DOUBT_FILE).exists()  # what merging an adapter leaves beside the weights
    description = load_description(name)
    return verified_model(description), description.adapter is not None


def describe(name: str = DEFAULT_MODEL) -> str:
    """One line for logs: which model would be loaded."""
    if Path(name).is_dir():
        config = json.loads((Path(name) / "config.json").read_text(encoding="utf-8"))
        return f"{config.get('model_type', '?')} in {name}"
    description = load_description(name)
    return f"{description.name}{'' if description.adapter is None else ' + adapter ' + description.adapter.sha256[:12]}"
