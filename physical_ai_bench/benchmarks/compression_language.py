"""The planner's language model stored in fewer bits: how many orders it still reads exactly as meant."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from physical_ai_bench.page import Page
from physical_ai_core.errors import InputError
from physical_ai_learning.compression.rows import HEAD, StoredWeights, Way, measure
from physical_ai_learning.language.dataset import examples
from physical_ai_learning.language.evaluate import (
    Sentence,
    evaluate,
    find_site,
    load_sentences,
    opened_ids,
    signature,
    wilson,
)
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.lean import LeanNetwork
from physical_ai_planner.language.model import LanguageModel
from physical_ai_planner.language.tensors import FileWeights
from physical_ai_planner.language.weights import load_description, verified_model

FROZEN: Final = Path("test/data/language/frozen")
EXAMPLES: Final = 6000  # training sentences whose pieces count as used
ZSTD_LEVEL: Final = 9  # 19 takes a quarter of an hour here and gains 1 %
WAYS: Final = (
    ("bf16, as prepared", Way("bf16")),
    ("int8, a step a row", Way("int8")),
    ("RF8, codes coded", Way("rf8")),
    ("uniform 0.25 σ of the row", Way("uniform", 0.25, 0.25, 0.25)),
    ("uniform 0.5 σ of the row", Way("uniform", 0.5, 0.5, 0.5)),
    ("uniform 0.7 σ, nothing protected", Way("uniform", 0.7, 0.7, 0.7)),
    ("matrices 0.4 σ, used rows 0.4 σ, others 1.1 σ", Way("uniform", 0.4, 0.4, 1.1)),
    ("**matrices 0.3 σ, used rows 0.3 σ, others 1.5 σ**", Way("uniform", 0.3, 0.3, 1.5)),
)
HEADER: Final = (
    "stored as", "on disk, MB", "smaller than fp32", "bits a weight", "read exactly as meant", "95 %",
    "wrong and executed", "same goal as bf16", "hidden states moved: mean", "p99.9", "greatest", "sentence, median",
)  # fmt: skip
ABOUT: Final = (
    "`physical-ai bench compression --planner {count}`: the planner's language model (Gemma 3 of 270 M parameters with"
    " the repository's adapter merged in, {weights:,} numbers), nothing trained, on {count} sentences of the frozen set"
    " drawn by chance from those nobody looked at, half English, half Japanese; greedy reading as on the robot, one"
    " thread. fp32 would be {full:.0f} MB; the base came in Q4_K_M, 4 to 6 bits a weight with errors of its own, so"
    " bf16 is the reference. *On disk*: matrices row by row, coded with rANS where a step is told (length under the"
    " tables; the first matrix is really coded and agrees within {agrees:.2f} %), vectors in bf16, the tokenizer not"
    " counted. *Used rows*: the {used:,} pieces of {examples:,} training sentences and all bytes. *Moved*: hidden"
    " states after the last layer, in units of their root mean square. Whatever the file, the robot computes in bf16:"
    " resident memory and the time of a sentence are the same."
)


@dataclass(frozen=True)
class Read:
    """One way on all sentences."""

    right: int
    wrong: int
    signatures: list[str]
    hidden: NDArray[np.float32]
    median_s: float


def language_page(count: int, report: Callable[[float, float], None]) -> Page:
    """Every way on `count` sentences. Raises ModelError, DependencyError, InputError."""
    import torch

    torch.set_num_threads(1)
    folder = verified_model(load_description())
    model = LanguageModel(str(folder), 1)
    source, shape = FileWeights(folder), model.network.shape  # type: ignore[attr-defined]
    names = sorted(source._places)
    sentences = drawn(count)
    sites = {name: find_site(name, FROZEN) for name in {s.site for s in sentences}}
    used = used_rows(model, shape.vocabulary)
    rows, reference = [], None
    full = 0
    for number, (name, way) in enumerate(WAYS):
        sizes = measure(source, names, way, used, keep_int8=way.kind == "int8")
        size = sizes.coded_bytes
        if way.kind == "bf16":
            full = int(sizes.fixed_bits / 16.0)
        if way.kind != "bf16":
            model.network = LeanNetwork(shape, StoredWeights(source, way, used))
        read = read_all(model, sentences, sites)
        reference = reference or read
        if way.kind == "int8":
            raw = 8 * full / 8 + sizes.fixed_bits / 8.0
            squeezed = sum(len(zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(p)) for p in sizes.int8)
            rows.append(row(name, raw, full, read, reference))
            rows.append(row("the same + zstd", squeezed + sizes.fixed_bits / 8.0, full, read, reference))
            name = "the same, coded with rANS"
        rows.append(row(name, size, full, read, reference))
        report(number + 1, len(WAYS))
    about = ABOUT.format(
        count=len(sentences), weights=full, full=4 * full / 1e6, used=int(used.sum()), examples=EXAMPLES,
        agrees=coding_error(source, names),
    )  # fmt: skip
    return Page("compression_language", "The planner's model in few bytes", about, HEADER, rows)


def drawn(count: int) -> list[Sentence]:
    """Half of each language, always the same."""
    if not FROZEN.is_dir():
        raise InputError(f"There is no {FROZEN} here.", "Run it in the repository.")
    opened = opened_ids(FROZEN)
    found: list[Sentence] = []
    for language in ("en", "ja"):
        rows = [s for s in load_sentences(FROZEN / f"{language}.jsonl") if s.id not in opened]
        found += random.Random(0).sample(rows, min(count // 2, len(rows)))
    return found


def used_rows(model: LanguageModel, size: int) -> NDArray[np.bool_]:
    """Pieces that training sentences and their lines use, and the bytes."""
    used = np.zeros(size, dtype=bool)
    used[list(getattr(getattr(model.tokens, "vocabulary", None), "byte_ids", range(512)))] = True
    for example in islice(examples(0, "train"), EXAMPLES):
        used[model.prompt_ids(example.text)] = True
        used[model.tokens.plain(example.target)] = True
    return used


def read_all(model: LanguageModel, sentences: Sequence[Sentence], sites: Any) -> Read:
    results = evaluate(LanguageInterpreter(writer=model), list(sentences), sites)
    hidden = []
    for sentence in sentences[:: max(1, len(sentences) // 16)]:
        begun = model.forward(model.prompt_ids(sentence.text))[0]
        hidden.append(begun.float().numpy())
    seconds = sorted(result.seconds for result in results)
    return Read(
        sum(r.ok for r in results), sum(r.wrong_but_executed for r in results), [signature(r.goal) for r in results],
        np.concatenate(hidden), seconds[len(seconds) // 2],
    )  # fmt: skip


def row(name: str, size: float, full: int, read: Read, reference: Read) -> tuple[str, ...]:
    count = len(read.signatures)
    low, high = wilson(read.right, count)
    scale = float(np.sqrt(np.mean(reference.hidden**2)))
    moved = np.abs(read.hidden - reference.hidden) / scale
    same = sum(a == b for a, b in zip(read.signatures, reference.signatures, strict=True))
    return (
        name, f"{size / 1e6:.1f}", f"{100.0 * (1.0 - size / (4.0 * full)):.1f} %", f"{8.0 * size / full:.2f}",
        f"{100.0 * read.right / count:.1f} %", f"{100.0 * low:.0f} to {100.0 * high:.0f} %", f"{read.wrong}",
        f"{100.0 * same / count:.1f} %", f"{moved.mean():.3f}", f"{np.quantile(moved, 0.999):.2f}",
        f"{moved.max():.2f}", f"{read.median_s:.2f} s",
    )  # fmt: skip


def coding_error(source: FileWeights, names: Sequence[str]) -> float:
    """How far the length under the tables is from that of the coded bytes, of one matrix, in percent."""
    from physical_ai_core.compact import rans
    from physical_ai_learning.compression.rows import stored

    name = next(n for n in names if n != HEAD and source.tensor(n).ndim == 2)
    numbers = stored(source.tensor(name).float().numpy(), Way("uniform", 0.4), 0.4, 0)[1]
    assert numbers is not None
    shifted = (numbers - numbers.min()).ravel()
    levels = rans.levels_of(np.bincount(shifted))
    coded = rans.encode(shifted, np.zeros(len(shifted), dtype=np.int64), [levels])
    return 100.0 * abs(8.0 * len(coded) / rans.cost_bits(shifted, levels) - 1.0)


__all__ = ["language_page"]
