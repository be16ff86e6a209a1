"""Batches of a few fixed shapes, drawn by worker processes while training runs.

Chunks of sentences are numbered; chunk n of a seed is the same whoever draws it, so the batches come in one order
whatever the number of workers, and training resumes at (chunk, batch).
"""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import ModelError
from physical_ai_learning.language.dataset import LONGER, MIX, Example, examples
from physical_ai_learning.language.recipe import Recipe
from physical_ai_learning.language.vocabulary import Vocabulary, line_of

LENGTHS: Final = (16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64, 72, 80, 96, 112, 128, 160, 192, 256, 384, 512)
WAIT_S: Final = 600.0  # for a worker's chunk before it is given up

Integers = NDArray[np.int32]


class Encoded(NamedTuple):
    """Ids of prompt and line; the line begins at `head`."""

    ids: list[int]
    head: int


@dataclass(frozen=True)
class Batch:
    """B sentences padded to L tokens, and the answer's tokens, A places with those to spare of weight 0.

    ids (B, L); at (A,): place in the flattened (B, L) whose output is to be `wanted`; wanted (A,): index into `rows`;
    weight (A,); owner (A,): row of the batch; rows (R,): rows of the head that the loss reads.
    """

    ids: Integers
    at: Integers
    wanted: Integers
    weight: NDArray[np.float32]
    owner: Integers
    rows: Integers
    sentences: int
    tokens: int  # without padding

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (*self.ids.shape, len(self.at), len(self.rows))  # type: ignore[return-value]

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """What a step needs, in the order of its arguments."""
        return self.ids, self.at, self.wanted, self.weight, self.rows


def encode(words: Vocabulary, part: Sequence[Example], variant: str) -> list[Encoded]:
    """Ids of prompt, line and end mark of each example."""
    heads = words.heads([example.text for example in part])
    tails = words.lines([line_of(example, variant) for example in part])
    return [Encoded(head + tail, len(head)) for head, tail in zip(heads, tails, strict=True)]


def fits(item: Encoded, words: Vocabulary, longest: int) -> bool:
    """Whether a sentence is short enough and all its tokens are in the base that lies here."""
    return len(item.ids) <= longest and (words.kept is None or words.kept.issuperset(item.ids))


def packed(items: Sequence[Encoded], length: int, tokens: int, rows: int, pool: Any, rng: random.Random) -> Batch:
    """One batch of the fixed shape of its length; rows beyond the items stay empty. `pool`: ids to fill `rows` from."""
    height = max(1, tokens // length)
    ids = np.zeros((height, length), np.int32)
    answers: list[int] = []
    at: list[int] = []
    owner: list[int] = []
    for row, item in enumerate(items):
        ids[row, : len(item.ids)] = item.ids
        answers += item.ids[item.head :]
        at += range(row * length + item.head - 1, row * length + len(item.ids) - 1)
        owner += [row] * (len(item.ids) - item.head)
    places = height * length // 2
    places = places if len(answers) <= places else height * length
    spare = places - len(answers)
    own = np.unique(np.concatenate([np.asarray(answers, np.int64), ids.reshape(-1)]))
    read = head_rows(own, rows, pool, rng)
    weight = np.zeros(places, np.float32)
    weight[: len(answers)] = 1.0
    wanted = np.searchsorted(read, np.asarray(answers + [int(read[0])] * spare))
    return Batch(
        ids, np.asarray(at + [0] * spare, np.int32), wanted.astype(np.int32), weight,
        np.asarray(owner + [0] * spare, np.int32), read.astype(np.int32), len(items), sum(len(i.ids) for i in items),
    )  # fmt: skip


def head_rows(own: NDArray[np.int64], rows: int, pool: Any, rng: random.Random) -> NDArray[np.int64]:
    """`rows` sorted ids (a multiple of it where the batch itself has more): the batch's own, the rest at random.

    `pool` is the vocabulary's size, or the ids to draw from; where it is too small all of it comes, padded with -1…
    """
    total = rows * -(-len(own) // rows)
    size = pool if isinstance(pool, int) else len(pool)
    if size <= total:
        everything = np.arange(size) if isinstance(pool, int) else np.asarray(pool)
        return np.union1d(everything, own)
    missing = total - len(own)
    draws = np.random.default_rng(rng.getrandbits(63)).choice(size, min(size, 2 * missing + len(own)), replace=False)
    others = np.setdiff1d(draws if isinstance(pool, int) else np.asarray(pool)[draws], own)
    picked = np.random.default_rng(rng.getrandbits(63)).permutation(others)[:missing]
    return np.sort(np.concatenate([own, picked]))


def length_of(tokens: int) -> int:
    """The shape that so many tokens are padded to."""
    return next((n for n in LENGTHS if tokens <= n), -(-tokens // 128) * 128)


def arranged(items: Sequence[Encoded], recipe: Recipe, pool: Any, rng: random.Random) -> list[Batch]:
    """Batches of like length in random order; the last one is not full."""
    left = sorted(items, key=lambda item: -len(item.ids))
    batches = []
    while left:
        length = length_of(len(left[0].ids))
        height = max(1, recipe.tokens // length)
        batches.append(packed(left[:height], length, recipe.tokens, recipe.rows, pool, rng))
        left = left[height:]
    rng.shuffle(batches)
    return batches


def drawn(words: Vocabulary, recipe: Recipe, number: int) -> list[Batch]:
    """Chunk `number` of a recipe's sentences, as batches."""
    mix = LONGER if number % 3 == 2 else MIX  # long orders are where most is lost
    part = list(itertools.islice(examples(recipe.seed * 1_000_003 + number, recipe.split, mix=mix), recipe.chunk))
    items = [item for item in encode(words, part, recipe.variant) if fits(item, words, recipe.longest)]
    pool = words.size if words.kept is None else sorted(words.kept)
    return arranged(items, recipe, pool, random.Random(f"{recipe.seed}/{number}"))


def _work(folder: Path, recipe: Recipe, first: int, every: int, out: Any) -> None:
    """A worker: chunks first, first + every, … for ever; ends with its parent."""
    words = Vocabulary(folder)
    for number in itertools.count(first, every):
        out.put(drawn(words, recipe, number))


def stream(
    folder: Path, recipe: Recipe, workers: int, chunk: int = 0, skip: int = 0
) -> Iterator[tuple[int, int, Batch]]:
    """Endless (chunk, index in it, batch) from chunk `chunk`, its first `skip` batches left out.

    Raises ModelError when a worker ends or is silent for ten minutes.
    """
    if workers < 1:
        words = Vocabulary(folder)
        yield from _numbered((drawn(words, recipe, number) for number in itertools.count(chunk)), chunk, skip)
        return
    context = multiprocessing.get_context("spawn")
    queues: list[Any] = [context.Queue(2) for _ in range(workers)]
    crew = [
        context.Process(target=_work, args=(folder, recipe, chunk + k, workers, q), daemon=True)
        for k, q in enumerate(queues)
    ]
    for process in crew:
        process.start()
    try:
        yield from _numbered((_taken(queues[n % workers], crew[n % workers]) for n in itertools.count()), chunk, skip)
    finally:
        for process in crew:
            process.terminate()


def _taken(chunks: Any, process: Any) -> list[Batch]:
    for _ in range(int(WAIT_S)):
        try:
            return chunks.get(timeout=1.0)  # type: ignore[no-any-return]
        except queue.Empty:
            if not process.is_alive():
                break
    raise ModelError("A process that draws sentences has ended or hangs.", "Look above for its error; resume then.")


def _numbered(chunks: Iterator[list[Batch]], chunk: int, skip: int) -> Iterator[tuple[int, int, Batch]]:
    for number, batches in enumerate(chunks, chunk):
        for index, batch in enumerate(batches):
            if number > chunk or index >= skip:
                yield number, index, batch
