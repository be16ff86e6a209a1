"""Attention held against perturbation: how alike two readings of the same words are, and which heads to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from physical_ai_core.geometry import Array
from physical_ai_core.share import share_path
from physical_ai_planner.language.weights import load_description

SHOWN: Final = 0.6  # rank correlation from which on an operator may be shown it
LEAST_NATS: Final = 0.1  # a word that costs a part less when it is left out does not count for it
STANDS_OUT: Final = 1.0  # of an even share of the attention: a word that gets less does not stand out
HEADS_FILE: Final = "explain_heads.json"
HEADS_A_KIND: Final = 4
Heads = Mapping[str, NDArray[np.int64]]  # kind of part -> (k, 2) layer and head; "" for kinds that are not named


def share_of(attention: Array, heads: NDArray[np.int64] | None) -> Array:
    """Shares (words,) of the attention (layers, heads, words) of some heads, each counted alike; None: of all."""
    each = attention.reshape(-1, attention.shape[-1]) if heads is None else attention[tuple(heads.T)]
    shares = (each + 1e-12) / (each + 1e-12).sum(axis=-1, keepdims=True)
    return np.asarray(shares.mean(axis=0))


def agreement(attention: Array, lost: Array) -> float:
    """Spearman's rank correlation of attention and perturbation over the words of a sentence.

    Words that do not stand out count as equal on either side, or noise among them would decide. 0 where one side does
    not tell words apart, or there are fewer than three.
    """
    even = 1.0 / max(len(attention), 1)
    seen = np.where(attention < STANDS_OUT * even, 0.0, attention)
    cost = np.where(lost < LEAST_NATS, 0.0, lost)
    if len(seen) < 3 or np.ptp(seen) < 1e-9 or np.ptp(cost) < 1e-9:
        return 0.0
    return round(float(stats.spearmanr(seen, cost).statistic), 3)


def choose_heads(seen: Sequence[tuple[str, Array, Array]], count: int = HEADS_A_KIND, least: int = 12) -> Heads:
    """The heads that agree best on parts (kind, attention (layers, heads, words), lost (words,)), for each kind of
    which there are `least` parts, and under "" for the others."""
    shape = seen[0][1].shape[:2]
    each = np.array([
        [[agreement(share_of(a, np.array([[i, j]])), lost) for j in range(shape[1])] for i in range(shape[0])]
        for _, a, lost in seen
    ])  # fmt: skip
    kinds = np.array([kind for kind, _, _ in seen])
    chosen = {"": _best(each.mean(axis=0), count)}
    for kind in sorted(set(kinds.tolist())):
        if int((kinds == kind).sum()) >= least:
            chosen[kind] = _best(each[kinds == kind].mean(axis=0), count)
    return chosen


def _best(mean: Array, count: int) -> NDArray[np.int64]:
    order = np.argsort(-mean, axis=None, kind="stable")[:count]
    return np.column_stack(np.unravel_index(order, mean.shape)).astype(np.int64)


def heads_file(name: str) -> Path:
    """Where the heads of a model are kept: in its folder, or beside the adapter of its description."""
    if Path(name).is_dir():
        return Path(name) / HEADS_FILE
    adapter = load_description(name).adapter
    return share_path(adapter.folder) / HEADS_FILE if adapter is not None else Path(HEADS_FILE)


def save_heads(path: Path, heads: Heads) -> None:
    data = {kind: value.tolist() for kind, value in heads.items()}
    path.write_text(json.dumps(data) + "\n", encoding="utf-8")


def load_heads(path: Path) -> Heads | None:
    """The heads kept beside a model; None where nobody has chosen any, or for another model."""
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return {kind: np.array(value, dtype=np.int64) for kind, value in data.items()}
