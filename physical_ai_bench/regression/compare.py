"""What a replay said against its reference: messages matched by when they were said, fields by tolerances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_bench.regression.spoken import Numbers, Series, Spoken, Texts
from physical_ai_bench.regression.tolerances import Tolerances

NEVER: Final = "-"
PRESENCE: Final = "(said)"  # the field of a message that only one side has


@dataclass(frozen=True)
class Deviation:
    """One field that differs. Of the first message that does: `at_s` on the replay's clock, both values.

    `most`: the largest deviation, as often the tolerance; `most_at_s` its message. Texts and presence have none.
    """

    topic: str
    field: str
    at_s: float
    value: str
    reference: str
    count: int
    of: int
    most: float | None = None
    most_times_tolerance: float | None = None
    most_at_s: float | None = None


@dataclass(frozen=True)
class Verdict:
    """`deviations` in the order of their first message. `identical`: topics whose very bits are the reference's."""

    deviations: tuple[Deviation, ...]
    messages: int
    topics: int
    identical: tuple[str, ...]
    nearest: tuple[str, float] | None  # the field nearest to its tolerance, and the share of it

    @property
    def same(self) -> bool:
        return not self.deviations


def compare(now: Spoken, reference: Spoken, tolerances: Tolerances) -> Verdict:
    """Every topic of either side."""
    found: list[Deviation] = []
    nearest: tuple[str, float] | None = None
    for topic in sorted(now.keys() | reference.keys()):
        here, there = now.get(topic), reference.get(topic)
        if here is None or there is None:
            found.append(_topic_alone(topic, here or there, here is not None))  # type: ignore[arg-type]
            continue
        for deviation, share in _topic(topic, here, there, tolerances):
            if deviation is not None:
                found.append(deviation)
            elif share is not None and (nearest is None or share[1] > nearest[1]):
                nearest = share
    both = now.keys() & reference.keys()
    return Verdict(
        tuple(sorted(found, key=lambda one: (one.at_s, one.topic, one.field))),
        sum(len(series) for series in now.values()),
        len(now),
        tuple(sorted(topic for topic in both if now[topic].sha256 == reference[topic].sha256)),
        nearest,
    )


Found = tuple["Deviation | None", "tuple[str, float] | None"]


def _topic(topic: str, here: Series, there: Series, tolerances: Tolerances) -> Iterator[Found]:
    pairs = _matched(here.said_ns, there.said_ns)
    alone = sorted(
        [(int(here.said_ns[i]), "said", "not said") for i in np.setdiff1d(np.arange(len(here)), pairs[:, 0])]
        + [(int(there.said_ns[i]), "not said", "said") for i in np.setdiff1d(np.arange(len(there)), pairs[:, 1])]
    )
    if alone:
        at_ns, value, reference = alone[0]
        total = max(len(here), len(there))
        yield Deviation(topic, PRESENCE, at_ns * 1e-9, value, reference, len(alone), total), None
    to_reference = np.full(len(here), -1, dtype=np.int64)
    to_reference[pairs[:, 0]] = pairs[:, 1]
    for path in sorted(here.numbers.keys() | there.numbers.keys() | here.texts.keys() | there.texts.keys()):
        if tolerances.ignored(topic, path):
            continue
        field = (_found(here, path), _found(there, path))
        yield from _field(topic, path, field, to_reference, here.said_ns, there.said_ns, tolerances)


def _field(
    topic: str, path: str, field: tuple[Any, Any], to_reference: NDArray[np.int64], said_ns: NDArray[np.int64],
    reference_ns: NDArray[np.int64], tolerances: Tolerances,
) -> Iterator[Found]:  # fmt: skip
    """One field of the messages that both sides have."""
    here, there = field
    matched = to_reference >= 0
    ours = np.flatnonzero(matched[here.at]) if here is not None else np.zeros(0, dtype=np.int64)
    shifted = to_reference[here.at[ours]] if here is not None else ours
    partners = np.isin(there.at, to_reference[matched]) if there is not None else np.zeros(0, dtype=bool)
    theirs = np.flatnonzero(partners)
    their_at = there.at[theirs] if there is not None else theirs
    common, i, j = np.intersect1d(shifted, their_at, assume_unique=True, return_indices=True)
    bad: list[tuple[int, str, str]] = []
    extra = [(int(said_ns[here.at[k]]), _shown(here, int(k)), NEVER) for k in np.delete(ours, i)]
    lacking = [(int(reference_ns[there.at[k]]), NEVER, _shown(there, int(k))) for k in np.delete(theirs, j)]
    bad += extra + lacking
    most: tuple[float, float, int] | None = None
    if len(common):
        ours, theirs = ours[i], theirs[j]
        times = reference_ns[common]
        if isinstance(here, Texts) or isinstance(there, Texts):
            shown = [(_shown(here, int(a)), _shown(there, int(b))) for a, b in zip(ours, theirs, strict=True)]
            bad += [(int(at), a, b) for at, (a, b) in zip(times, shown, strict=True) if a != b]
        else:
            wrong, most = _numbers(here, there, ours, theirs, tolerances, topic, path)
            for k in np.flatnonzero(wrong):
                bad.append(
                    (int(times[k]), _shown(here, ours[k], there, theirs[k]), _shown(there, theirs[k], here, ours[k]))
                )
            most = (most[0], most[1], int(times[most[2]])) if most is not None else None
    if bad:
        at_ns, value, reference = min(bad)
        yield Deviation(
            topic, path, at_ns * 1e-9, value, reference, len(bad), len(common) + len(extra) + len(lacking),
            *((most[0], most[1], most[2] * 1e-9) if most is not None else ()),
        ), None  # fmt: skip
    elif most is not None:
        yield None, (f"{topic}.{path}", most[1])


def _numbers(
    here: Numbers, there: Numbers, ours: NDArray[np.int64], theirs: NDArray[np.int64], tolerances: Tolerances,
    topic: str, path: str,
) -> tuple[NDArray[np.bool_], tuple[float, float, int] | None]:  # fmt: skip
    """Which messages differ (n,), and the largest deviation with how often its tolerance it is and in which message."""
    tolerance = tolerances.of(topic, path)
    wrong = (here.sizes[ours] != there.sizes[theirs]) | (here.counts[ours] != there.counts[theirs])
    begin_here, begin_there = np.cumsum(here.counts) - here.counts, np.cumsum(there.counts) - there.counts
    most: tuple[float, float, int] | None = None
    for count in np.unique(here.counts[ours][~wrong]):
        rows = np.flatnonzero(~wrong & (here.counts[ours] == count))
        if count == 0:
            continue
        step = np.arange(count)
        a = here.values[begin_here[ours[rows]][:, None] + step]
        b = there.values[begin_there[theirs[rows]][:, None] + step]
        with np.errstate(invalid="ignore"):
            away = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
            away = np.where(np.isnan(away), np.inf, away)
            allowed = tolerance.absolute + tolerance.relative * np.where(np.isfinite(b), np.abs(b), 0.0)
            share = np.where(away == 0.0, 0.0, away / np.maximum(allowed, 1e-300))
        wrong[rows] = (share > 1.0).any(axis=1)
        k = np.unravel_index(int(share.argmax()), share.shape)
        if most is None or share[k] > most[1]:
            most = (float(away[k]), float(share[k]), int(rows[k[0]]))
    return wrong, most


def _matched(ours_ns: NDArray[np.int64], theirs_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of indices (n, 2) of messages said at the same time; of several at one time the first with the first."""
    keys = [np.column_stack([said, _turn(said)]) for said in (ours_ns, theirs_ns)]
    views = [np.ascontiguousarray(key).view([("t", np.int64), ("k", np.int64)]).ravel() for key in keys]
    _, i, j = np.intersect1d(views[0], views[1], assume_unique=True, return_indices=True)
    return np.column_stack([i, j]).astype(np.int64).reshape(-1, 2)


def _turn(said_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 for the first message of a time, 1 for the second, …"""
    index = np.arange(len(said_ns))
    new = np.concatenate([[True], np.diff(said_ns) != 0]) if len(said_ns) else np.zeros(0, dtype=bool)
    return np.asarray(index - np.maximum.accumulate(np.where(new, index, 0)), dtype=np.int64)


def _found(series: Series, path: str) -> Numbers | Texts | None:
    return series.numbers.get(path) or series.texts.get(path)


def _shown(field: Any, k: int, other: Any = None, l: int = 0) -> str:  # noqa: E741
    """One message's content of a field, for people; of an array the elements that differ most from the other's."""
    if isinstance(field, Texts):
        return field.values[k]
    begin = int(field.counts[:k].sum())
    values = field.values[begin : begin + int(field.counts[k])]
    if field.sizes[k] != field.counts[k] and other is None:
        return f"{int(field.sizes[k])} elements"
    if len(values) == 1:
        return f"{values[0]:.9g}"
    if isinstance(other, Numbers) and other.sizes[l] == field.sizes[k]:
        start = int(other.counts[:l].sum())
        away = np.nan_to_num(np.abs(values - other.values[start : start + len(values)]), nan=np.inf)
        worst = int(away.argmax())
        place = f"[{worst}]" if field.sizes[k] == field.counts[k] else f"({_PROBES.get(worst, f'probe {worst - 4}')})"
        return f"{place} {values[worst]:.9g}"
    return f"{int(field.sizes[k])} elements"


_PROBES: Final = {0: "share finite", 1: "mean", 2: "least", 3: "greatest"}


def _topic_alone(topic: str, series: Series, here: bool) -> Deviation:
    at_s = float(series.said_ns[0]) * 1e-9
    said = ("said", "never said") if here else ("never said", "said")
    return Deviation(topic, PRESENCE, at_s, *said, len(series), len(series))
