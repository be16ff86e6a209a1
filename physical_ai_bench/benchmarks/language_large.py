"""The same pipeline on an architecture of three billion parameters, with random weights: memory, time, and the form.

Random weights know no language, so the lines mean nothing; that every one of them still obeys the grammar and every
answer the goal schema is what the constraint is for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import psutil

from physical_ai_bench.page import Page
from physical_ai_core.errors import GoalError, InputError
from physical_ai_core.goal import GoalState
from physical_ai_core.site import load_site
from physical_ai_planner.language.architecture import Shape
from physical_ai_planner.language.compact import read
from physical_ai_planner.language.grammar import lark
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.lean import LeanNetwork
from physical_ai_planner.language.model import Answer, LanguageModel
from physical_ai_planner.language.normalise import normalise
from physical_ai_planner.language.tokens import OwnTokens
from physical_ai_planner.language.vocabulary import Vocabulary
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, verified_model

CONFIG: dict[str, Any] = {  # the shape of Qwen 2.5 3B, with the vocabulary of the default model
    "model_type": "qwen2", "hidden_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 16,
    "num_key_value_heads": 2, "intermediate_size": 11008, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
    "tie_word_embeddings": True, "hidden_act": "silu",
}  # fmt: skip
ROOM = 1.3  # memory that must be free, as a share of the weights

ABOUT = (
    "`physical-ai bench language --architecture 3b`: the default model's tokenizer, grammar and decoder on a network"
    " of Qwen 2.5 3B's shape with random weights in bf16. *Memory* is of the process, the weights among it."
)


class RandomWeights:
    """Normal numbers of standard deviation 0.02 for whatever tensor is asked, the same ones every time."""

    def __init__(self, config: dict[str, Any], seed: int = 0) -> None:
        import torch

        self._torch, self._config = torch, config
        self._draw = torch.Generator().manual_seed(seed)
        self.parameters = 0
        self._embedding = self.tensor("model.embed_tokens.weight")

    def has(self, name: str) -> bool:
        return name != "lm_head.weight" and not name.endswith("o_proj.bias")

    def _shape(self, name: str) -> tuple[int, ...]:
        width, inner = self._config["hidden_size"], self._config["intermediate_size"]
        narrow = width // self._config["num_attention_heads"] * self._config["num_key_value_heads"]
        shapes = {
            "embed_tokens.weight": (self._config["vocab_size"], width),
            "q_proj.weight": (width, width), "k_proj.weight": (narrow, width), "v_proj.weight": (narrow, width),
            "q_proj.bias": (width,), "k_proj.bias": (narrow,), "v_proj.bias": (narrow,),
            "o_proj.weight": (width, width),
            "gate_proj.weight": (inner, width), "up_proj.weight": (inner, width), "down_proj.weight": (width, inner),
        }  # fmt: skip
        return shapes.get(".".join(name.split(".")[-2:]), (width,))  # the rest are norms

    def tensor(self, name: str) -> Any:
        shape = self._shape(name)
        self.parameters += int(np.prod(shape))
        if "norm" in name:
            return self._torch.ones(shape, dtype=self._torch.bfloat16)
        drawn = self._torch.empty(shape, dtype=self._torch.bfloat16)
        return drawn.normal_(0.0, 0.02, generator=self._draw)

    def rows(self, name: str, ids: Sequence[int]) -> Any:
        return self._embedding[self._torch.as_tensor(list(ids))]


def large_page(texts: Sequence[str], threads: int) -> Page:
    """Raises InputError where the machine has too little free memory, ModelError where no tokenizer is prepared."""
    import torch

    torch.set_num_threads(threads)
    vocabulary = Vocabulary.load(verified_model(load_description(DEFAULT_MODEL)))
    config = {**CONFIG, "vocab_size": len(vocabulary.pieces)}
    needed = ROOM * 2 * 3.4e9
    free = psutil.virtual_memory().available
    if free < needed:
        raise InputError(f"{free / 1e9:.1f} GB of memory are free, {needed / 1e9:.1f} GB are needed.", "Free some.")
    process = psutil.Process()
    began = time.perf_counter()
    weights = RandomWeights(config)
    network = LeanNetwork(Shape.of(config), weights)
    made_s = time.perf_counter() - began
    model = LanguageModel(parts=(network, OwnTokens(vocabulary)))
    cache = network.new_cache()
    prefill = [_pass_s(network, 32, network.new_cache()), _pass_s(network, 128, cache)]
    step = min(_pass_s(network, 1, cache) for _ in range(3))
    memory = process.memory_info().rss
    answers, seconds, obeyed = _read(model, texts)
    rows = [
        ("parameters", f"{weights.parameters / 1e9:.2f} × 10⁹"),
        ("memory, GB", f"{memory / 1e9:.2f}"),
        ("making the weights, s", f"{made_s:.0f}"),
        ("prefill of 32 / 128 tokens, s", f"{prefill[0]:.2f} / {prefill[1]:.2f}"),
        ("one pass of one token, s", f"{step:.2f}"),
        ("a sentence, median / longest, s", f"{np.median(seconds):.1f} / {max(seconds):.1f}"),
        ("passes of a sentence, median", f"{np.median([answer.steps for answer in answers]):.0f}"),
        ("lines that ended by themselves", f"{sum(a.finished for a in answers)} of {len(answers)}"),
        ("**answers that obey grammar and schema**", f"**{obeyed} of {len(answers)}**"),
    ]
    notes = (
        f"{threads} thread(s). A line of random weights wanders; one not at its end after 160 tokens is answered"
        " as not understood. The examples that a model without adapter gets are read once, before the sentences."
    )
    return Page("language_3b", "A language model of three billion parameters", ABOUT, ("", ""), rows, notes)


def _pass_s(network: LeanNetwork, count: int, cache: Any) -> float:
    """Seconds of one pass of some tokens."""
    began = time.perf_counter()
    network.forward([5] * count, cache)
    return time.perf_counter() - began


def _read(model: LanguageModel, texts: Sequence[str]) -> tuple[list[Answer], list[float], int]:
    """Answers, seconds, and how many obeyed both grammar and schema."""
    site = load_site("yard")
    answers: list[Answer] = []
    seconds: list[float] = []
    obeyed = 0
    for text in texts:
        kept = _Once(model)
        began = time.perf_counter()
        goal = LanguageInterpreter(writer=kept).interpret(text, site)
        seconds.append(time.perf_counter() - began)
        answers.append(kept.answer or Answer("", 1.0, 0, True))
        obeyed += obeys(answers[-1], normalise(text)) and GoalState.from_json(goal.to_json()) == goal
    return answers, seconds, obeyed


def obeys(answer: Answer, text: str) -> bool:
    """Whether the line is one of the form, or the beginning of one where it did not end.

    Byte by byte and with the whole grammar, so without the tables that the decoder used.
    """
    import llguidance

    if answer.finished:
        try:
            read(answer.line)
        except GoalError:
            return False
    line = list(answer.line.rstrip("\ufffd").encode())  # a line that is cut may be so within a character
    matcher = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), llguidance.LLMatcher.grammar_from_lark(lark(text)))
    return bool(matcher.validate_tokens(line) == len(line))


class _Once:
    """A writer that keeps what it wrote."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.answer: Answer | None = None

    def write(self, text: str) -> Answer:
        self.answer = self._model.write(text)
        return self.answer
