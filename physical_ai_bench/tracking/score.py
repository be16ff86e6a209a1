"""CLEAR MOT of tracks against true people, and how identities outlive occlusions.

Reference: K. Bernardin, R. Stiefelhagen, Evaluating multiple object tracking performance: the CLEAR MOT metrics, 2008.

Who counts, in every scan: a person within `RANGE_M` of the sensor who was in view (hit by at least `least_rays` rays)
in this scan or in one of the last `HIDDEN_S`, and who has walked `WALKED_M` since coming into view. Whoever is farther
away, hidden for longer, or has only stood so far, is neither a miss nor, if tracked, a false positive; after being
hidden for longer, a person begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from physical_ai_bench.tracking.record import Frame
from physical_ai_core.geometry import Array

GATE_M: Final = 0.5
RANGE_M: Final = 10.0
HIDDEN_S: Final = 1.0
WALKED_M: Final = 0.5
SHORTEST_OCCLUSION_S: Final = 0.1
REGAIN_S: Final = 0.5  # after an occlusion the person must be matched again within so long
NONE: Final = -1


@dataclass(frozen=True)
class Believed:
    """What a tracker says after a scan: `ids` (N,), `state` (N, 4) x, y, vx, vy in `odom`.

    `excused` (N,): where nobody is, these are not counted as false.
    """

    ids: NDArray[np.int64]
    state: Array
    excused: NDArray[np.bool_]


@dataclass
class Score:
    """Counts over all scans; errors of matched people who are in view in that scan."""

    counted: int = 0
    misses: int = 0
    false: int = 0
    switches: int = 0
    occlusions: int = 0
    kept: int = 0
    position_m: list[float] = field(default_factory=list)
    velocity_mps: list[float] = field(default_factory=list)

    @property
    def mota(self) -> float:
        return 1.0 - (self.misses + self.false + self.switches) / max(1, self.counted)

    @property
    def ids_kept(self) -> float:
        return self.kept / self.occlusions if self.occlusions else float("nan")


@dataclass
class _Person:
    seen_s: float = -np.inf  # when last in view
    home: Array | None = None  # where it came into view
    walked: bool = False
    match: int = NONE  # the track it was last matched with
    before: int = NONE  # the track before the occlusion that is being judged
    judge_until_s: float = -np.inf


def score(frames: Sequence[Frame], believed: Sequence[Believed], least_rays: int = 3) -> Score:
    """Compare scan by scan."""
    total = Score()
    people: dict[int, _Person] = {}
    for frame, said in zip(frames, believed, strict=True):
        books = [people.setdefault(int(number), _Person()) for number in frame.ids]
        in_view = frame.rays >= least_rays
        counts = np.array([_look(book, i, in_view, frame, total) for i, book in enumerate(books)], dtype=bool)
        match = _match(frame, said, books)
        for i, book in enumerate(books):
            _judge(book, i, bool(counts[i]), bool(in_view[i]), frame, said, int(match[i]), total)
        total.counted += int(counts.sum())
        alone = np.setdiff1d(np.flatnonzero(~said.excused), match[match != NONE])
        near = np.hypot(*(said.state[alone, :2] - frame.sweep.origin).T) <= RANGE_M
        total.false += int(near.sum())
    return total


def _look(book: _Person, i: int, in_view: NDArray[np.bool_], frame: Frame, total: Score) -> bool:
    """Learn whether a person is in view; True where it counts in this scan."""
    now_s, place = frame.stamp_s, frame.truth[i, :2]
    if in_view[i]:
        hidden_s = now_s - book.seen_s
        if hidden_s > HIDDEN_S + 1e-6 or book.home is None:
            book.match, book.home, book.walked = NONE, place, False  # a new appearance
        elif hidden_s > SHORTEST_OCCLUSION_S + 1e-6 and book.match != NONE and frame.distance[i] <= RANGE_M:
            book.before, book.judge_until_s = book.match, now_s + REGAIN_S
            total.occlusions += 1
        book.seen_s = now_s
    if book.home is not None and np.hypot(*(place - book.home)) >= WALKED_M:
        book.walked = True
    return bool(book.walked and frame.distance[i] <= RANGE_M and now_s - book.seen_s <= HIDDEN_S + 1e-6)


def _judge(
    book: _Person, i: int, counts: bool, in_view: bool, frame: Frame, said: Believed, match: int, total: Score
) -> None:
    if match == NONE:
        total.misses += int(counts)
        return
    number = int(said.ids[match])
    if counts and book.match not in (NONE, number):
        total.switches += 1
    book.match = number
    if book.before != NONE:
        total.kept += int(number == book.before and frame.stamp_s <= book.judge_until_s + 1e-6)
        book.before = NONE
    if counts and in_view:
        error = said.state[match] - frame.truth[i]
        total.position_m.append(float(np.hypot(error[0], error[1])))
        total.velocity_mps.append(float(np.hypot(error[2], error[3])))


def _match(frame: Frame, said: Believed, books: Sequence[_Person]) -> NDArray[np.intp]:
    """For each person the index of its track: the one of before while it is within the gate, else the best."""
    match = np.full(len(books), NONE, dtype=np.intp)
    if not len(books) or not len(said.ids):
        return match
    distance = np.hypot(*(frame.truth[:, None, :2] - said.state[None, :, :2]).transpose(2, 0, 1))
    for i, book in enumerate(books):
        held = np.flatnonzero(said.ids == book.match)
        if book.match != NONE and len(held) and distance[i, held[0]] <= GATE_M and held[0] not in match:
            match[i] = held[0]
    open_people = np.flatnonzero(match == NONE)
    open_tracks = np.setdiff1d(np.arange(len(said.ids)), match[match != NONE])
    cost = np.minimum(distance[np.ix_(open_people, open_tracks)], 1e3)
    cost[cost > GATE_M] = 1e3
    person, track = linear_sum_assignment(cost)
    good = cost[person, track] <= GATE_M
    match[open_people[person[good]]] = open_tracks[track[good]]
    return match
