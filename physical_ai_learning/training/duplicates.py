"""Near-duplicates between what is learnt from and what is judged by. Exact searches: nothing near is missed.

Sentences are near by the Jaccard index of their character n-grams, after folding case, width, punctuation and spaces:
the counts of shared n-grams of all pairs are one sparse matrix product, so that no sketch (MinHash) has to stand for
them up to millions of sentences. Paths are near where every point of one lies within a tolerance of the other's after
both are moved and turned to one start and heading: a k-d tree over three points finds who may be, all points decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from physical_ai_core.geometry import Array

CHUNK: Final = 4096  # sentences learnt from that are compared at a time
NEAR: Final = 0.8  # Jaccard index
TOLERANCE_M: Final = 0.02
STILL_M: Final = 0.3  # a path that spans less is somebody standing
SHOWN: Final = 50  # pairs that a report lists
_APART = re.compile(r"[\W_]+")
_JAPANESE = re.compile(r"[぀-ヿ一-鿿]")


@dataclass(frozen=True)
class Pair:
    """One of the judged (`test`), its nearest of those learnt from (`train`), and how near: 1 is the same."""

    test: str
    train: str
    likeness: float


@dataclass(frozen=True)
class Report:
    """Of `test` judged ones, so many are the same, so many near (the same counted in); pairs, the nearest first."""

    kind: str
    test: int
    train: int
    same: int
    near: int
    pairs: tuple[Pair, ...]
    notes: dict[str, Any]

    def data(self, shown: int = SHOWN) -> dict[str, Any]:
        """For a metrics file."""
        return {**asdict(self), "pairs": [asdict(pair) for pair in self.pairs[:shown]]}

    def line(self) -> str:
        """For a model card."""
        notes = "".join(f", {key.replace('_', ' ')} {value}" for key, value in self.notes.items())
        found = f"{self.same:,} the same and {self.near:,} near among {self.train:,} learnt from"
        return f"{self.kind}: of {self.test:,} judged {found}{notes}"


def folded(text: str) -> str:
    """One form for what differs in case, width, punctuation and spaces only; Japanese without spaces."""
    plain = _APART.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return plain.replace(" ", "") if _JAPANESE.search(plain) else plain


def grams(text: str) -> set[str]:
    """Character n-grams of a folded text, its ends marked: pairs in Japanese, triples otherwise; repeats numbered."""
    size = 2 if _JAPANESE.search(text) else 3
    marked = f"^{text}$"
    times: Counter[str] = Counter()
    found = set()
    for k in range(max(1, len(marked) - size + 1)):
        gram = marked[k : k + size]
        times[gram] += 1
        found.add(f"{gram}{times[gram]}")
    return found


def near_sentences(test: Sequence[str], train: Iterable[str], near: float = NEAR) -> Report:
    """For each judged sentence the nearest one learnt from, where it is near."""
    wanted = [folded(text) for text in test]
    numbers: dict[str, int] = {}
    table = _table([grams(text) for text in wanted], numbers, grow=True)
    sizes = np.asarray(table.sum(axis=1)).ravel()
    best, count = np.zeros(len(test)), 0
    whose: dict[int, str] = {}
    for part in _chunks(train):
        count += len(part)
        found = [grams(folded(text)) for text in part]
        other = _table(found, numbers, grow=False)
        total = np.array([len(g) for g in found], dtype=np.float64)
        shared = (table @ other.T).tocsr()
        rows = np.repeat(np.arange(len(test)), np.diff(shared.indptr))
        likeness = shared.data / (sizes[rows] + total[shared.indices] - shared.data)
        good = np.flatnonzero(likeness > np.maximum(best[rows], near - 1e-12))
        for k in good[np.argsort(likeness[good], kind="stable")]:
            best[rows[k]], whose[int(rows[k])] = likeness[k], part[shared.indices[k]]
    order = sorted(whose, key=lambda k: (-best[k], k))
    pairs = [Pair(test[k], whose[k], round(float(best[k]), 4)) for k in order]
    same = sum(folded(p.test) == folded(p.train) for p in pairs)
    short = sum(len(folded(p.test)) <= 12 for p in pairs)
    return Report(
        "sentences", len(test), count, same, len(pairs), tuple(pairs), {"of_them_of_12_letters_or_less": short}
    )


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while part := list(islice(rest, CHUNK)):
        yield part


def _table(found: Sequence[set[str]], numbers: dict[str, int], grow: bool) -> csr_matrix:
    """Rows of ones, a column for each n-gram of the judged sentences; others meet nothing and are left out."""
    columns: list[int] = []
    ends = [0]
    for each in found:
        for gram in sorted(each):
            number = numbers.setdefault(gram, len(numbers)) if grow else numbers.get(gram, -1)
            if number >= 0:
                columns.append(number)
        ends.append(len(columns))
    return csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(found), len(numbers)))


@dataclass(frozen=True)
class Paths:
    """Paths (n, T, 2) in m on one grid of time, and who walks each (a name that a report can show)."""

    xy_m: Array
    who: Sequence[str]


def aligned(xy_m: Array, now: int) -> Array:
    """Paths (n, T, 2) moved so that point `now` is the origin, and turned so that it was come to along +x."""
    moved = xy_m - xy_m[:, now : now + 1]
    came = -moved[:, 0]
    angle = np.arctan2(came[:, 1], came[:, 0])
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned: Array = np.stack([c * moved[..., 0] + s * moved[..., 1], c * moved[..., 1] - s * moved[..., 0]], axis=-1)
    return turned


def near_paths(test: Paths, train: Paths, now: int, tolerance_m: float = TOLERANCE_M) -> Report:
    """For each judged path the nearest one learnt from, where no point of it is farther than the tolerance.

    Who stands, and who walks straight at one speed, is near to many by nature: those are counted but not called near
    ("plain"). Walkers of whom three windows or more are near windows of one other walker are likely the same recording.
    """
    judged, learnt = aligned(test.xy_m, now), aligned(train.xy_m, now)
    pairs: list[tuple[float, int, int]] = []
    if len(judged) and len(learnt):
        looks = [0, (now + judged.shape[1]) // 2, judged.shape[1] - 1]
        tree = cKDTree(learnt[:, looks].reshape(len(learnt), -1))
        for first in range(0, len(judged), CHUNK):
            part = judged[first : first + CHUNK]
            may = tree.query_ball_point(part[:, looks].reshape(len(part), -1), tolerance_m, p=np.inf)
            for k, rows in enumerate(may):
                if rows:
                    away = np.hypot(*np.moveaxis(learnt[rows] - part[k], -1, 0)).max(axis=1)
                    least = int(away.argmin())
                    if away[least] <= tolerance_m:
                        pairs.append((float(away[least]), first + k, rows[least]))
    plain = _plain(judged, tolerance_m)
    shaped = sorted(pair for pair in pairs if not plain[pair[1]])
    same_walk = Counter((test.who[a], train.who[b]) for _, a, b in shaped)
    return Report(
        "paths", len(judged), len(learnt), sum(away < 1e-6 for away, _, _ in shaped), len(shaped),
        tuple(Pair(test.who[a], train.who[b], round(1.0 - away / tolerance_m, 4)) for away, a, b in shaped),
        {"plain_ones_near": len(pairs) - len(shaped), "plain_ones": int(plain.sum()),
         "walkers_likely_the_same": sum(count >= 3 for count in same_walk.values())},
    )  # fmt: skip


def _plain(paths: Array, tolerance_m: float) -> NDArray[np.bool_]:
    """Who stands, or goes straight at one speed within the tolerance."""
    if not len(paths):
        return np.zeros(0, dtype=bool)
    span = np.hypot(*np.moveaxis(paths.max(axis=1) - paths.min(axis=1), -1, 0))
    share = np.linspace(0.0, 1.0, paths.shape[1])[:, None]
    straight = paths[:, :1] + share * (paths[:, -1:] - paths[:, :1])
    off = np.hypot(*np.moveaxis(paths - straight, -1, 0)).max(axis=1)
    found: NDArray[np.bool_] = (span < STILL_M) | (off <= 2.0 * tolerance_m)
    return found
