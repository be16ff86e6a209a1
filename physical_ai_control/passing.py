"""What it costs to pass people: closeness, and places from which the robot could no longer stop before they are there.

Passing behind somebody is cheap: they go away, and stopping is always possible. Passing before somebody needs room:
whoever brakes there stands in the way. So two things are looked at, for each candidate of the choice:
- closeness: how deep a person's margin is cut while the robot moves, half of it behind their back;
- passive safety (Macek et al. 2009) of every later moment of the candidate: braking then must bring the robot to rest,
  and leave it there for `rest_s`, before the person comes within contact. The guard asks the same of the next step, and
  the safety gate of every command: a candidate that does not ask it will be braked where it should not stand.
"""

from __future__ import annotations

import numpy as np

from physical_ai_control.body import Body
from physical_ai_control.guard import CONTACT_MARGIN_M, CONTACT_SPREAD_CAP_M
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast, People
from physical_ai_control.sums import at, functions, packed
from physical_ai_core.geometry import Array

STANDING_MPS = 0.05
COST_CLOSE = 12.0  # per metre by which the margin is cut: half a margin outweighs standing for the whole horizon
COST_TOUCHED = 3.0  # the same while standing: allowed, but stepping aside is nicer
COST_UNSAFE = 12.0  # per metre by which contact is cut when braking from some moment on
LATER = 0.5  # what is unsafe at the horizon's end counts so much of what is unsafe now: there is time to change it
BEHIND_M, BEHIND_FULL_M = 0.3, 0.6  # so much less is kept behind somebody, in full from so far behind on
WALKING_MPS = 0.3
PATIENCE_S = 5.0  # after standing this long, half of the margin will do
EVERY = 2  # stages looked at for braking
# The safety gate reckons with its reaction, and with people's circles that grow while the robot brakes and rests. It
# goes by the raw scan and thinks that they walk straight on: what is near to its limit would be cut short by it.
REACTION_S, GROWS_MPS = 0.2, 0.15
SHARES, REACHED = np.array([0.5, 1.0, 1.0, 1.0]), np.array([0.75, 1.0, 1.0, 1.0])  # of the braking time, and way
RESTED = np.array([0.0, 0.0, 0.5, 1.0])  # of the rest
COSTS = np.array([  # in the order of sums.c
    STANDING_MPS, COST_CLOSE, COST_TOUCHED, LATER, BEHIND_M, BEHIND_FULL_M, WALKING_MPS, REACTION_S, GROWS_MPS,
    *SHARES, *REACHED, *RESTED,
])  # fmt: skip


class Room:
    """How much room people are given by a robot of these parameters, this body and these limits."""

    def __init__(self, parameters: ControllerParameters, body: Body, deceleration_mps2: float, top_mps: float) -> None:
        self._p, self._body = parameters, body
        self._stages = parameters.steps + 1
        longest_s = REACTION_S + top_mps / deceleration_mps2 + parameters.rest_s
        count = self._stages + int(np.ceil(longest_s / parameters.dt_s))
        self._ahead_s: Array = np.arange(count, dtype=np.float64) * parameters.dt_s

    def meet(self, forecast: Forecast, now_s: float) -> tuple[People, People]:
        """People at the stages' moments, and on the same grid until a robot that brakes after the last has rested."""
        later = forecast.at(now_s + self._ahead_s)
        return later.until(self._stages), later

    def kept(self, people: People, stood_s: float) -> Array:
        """Distance (j, t) between base_link and a person's centre that is kept where possible."""
        p = self._p
        margin = p.people_margin_m * (1.0 - 0.5 * float(np.clip(stood_s / PATIENCE_S, 0.0, 1.0)))
        spread = np.minimum(p.sigmas * people.sigma, p.spread_cap_m)
        return np.asarray(self._body.radius_m + people.radius[:, None] + margin + spread)

    def contact(self, people: People) -> Array:
        """The same (j, t) at which the guard speaks of contact."""
        spread = np.minimum(self._p.sigmas * people.sigma, CONTACT_SPREAD_CAP_M)
        return np.asarray(self._body.radius_m + people.radius[:, None] + CONTACT_MARGIN_M + spread)


def lessened(people: People, place: Array, keep_m: Array, contact_m: Array, dt_s: float) -> Array:
    """`keep_m (j, t)` for a robot at `place (..., t, 2)`, less behind the back of who walks: (..., j, t).

    Never less than `contact_m (j, T)`, T >= t.
    """
    steps = keep_m.shape[1]
    mean = people.mean[:, :steps]
    velocity = np.gradient(mean, dt_s, axis=1)
    speed = np.sqrt(np.square(velocity).sum(axis=-1))
    ahead = velocity / np.maximum(speed, WALKING_MPS)[..., None]
    behind = ((mean - place[..., None, :, :]) * ahead).sum(axis=-1)
    most = np.clip(keep_m - contact_m[:, :steps], 0.0, BEHIND_M)
    return np.asarray(keep_m - most * np.clip(behind / BEHIND_FULL_M, 0.0, 1.0))


def closeness(
    place: Array, speed: Array, people: People, keep_m: Array, contact_m: Array, rest: int, dt_s: float
) -> Array:  # fmt: skip
    """Cost (o, c) of the deepest cut into `keep_m (j, t)` at `place (o, c, t, 2)` with `speed (c, t)`.

    What is cut while the robot has not stood for `rest` steps counts as cut while it moves. Who is in contact now may
    be left, but not be driven towards, even where they go away: they are taken to stay.
    """
    native = functions().get("closeness")
    if native is not None and len(people.radius):
        shifts, shares, stages = place.shape[:3]
        given = [COSTS, *map(packed, (place, speed, people.mean, keep_m, contact_m, _heed(people)))]
        cost = np.empty((shifts, shares))
        sizes = (shifts, shares, stages, *people.mean.shape[:2], contact_m.shape[1], rest)
        if not native(*map(at, given), *sizes, dt_s, at(cost)):
            return cost
    return closeness_plain(place, speed, people, keep_m, contact_m, rest, dt_s)


def closeness_plain(
    place: Array, speed: Array, people: People, keep_m: Array, contact_m: Array, rest: int, dt_s: float
) -> Array:  # fmt: skip
    """The same by numpy."""
    mean = people.mean[:, : keep_m.shape[1]]
    away = np.sqrt(np.square(place[:, :, None] - mean).sum(axis=-1))  # (o, c, j, t)
    stayed = np.sqrt(np.square(place[:, :, None] - mean[:, :1]).sum(axis=-1))
    touching = away[:, :, :, :1] < contact_m[:, :1]
    towards = COST_CLOSE * np.where(touching, np.maximum(0.0, away[:, :, :, :1] - stayed), 0.0)
    moving = speed > STANDING_MPS
    recent = np.lib.stride_tricks.sliding_window_view(
        np.pad(moving, ((0, 0), (rest, 0)), constant_values=False), rest + 1, axis=1
    ).any(axis=-1)
    keep = lessened(people, place, keep_m, contact_m, dt_s)
    allowed = np.minimum(keep, away[:, :, :, :1])  # who is close already is not held against leaving
    cut = np.maximum(0.0, allowed - away) * np.where(recent, COST_CLOSE, COST_TOUCHED)[None, :, None, :]
    return np.asarray((np.maximum(cut, towards).max(axis=3) * _heed(people)).max(axis=2))


def unsafety(
    place: Array, speed: Array, people: People, contact_m: Array, deceleration_mps2: float, rest_s: float, dt_s: float
) -> Array:  # fmt: skip
    """Cost (o, c) of the deepest cut into `contact_m (j, T)` by braking from a later stage on and resting.

    `people` on the stages' grid, T moments: long enough for braking and rest after the last stage.
    """
    native = functions().get("unsafety")
    if native is not None and len(people.radius):
        shifts, shares, stages = place.shape[:3]
        given = [COSTS, *map(packed, (place, speed, people.mean, contact_m, _heed(people)))]
        cost = np.empty((shifts, shares))
        sizes = (shifts, shares, stages, *people.mean.shape[:2], EVERY)
        if not native(*map(at, given), *sizes, deceleration_mps2, rest_s, dt_s, at(cost)):
            return COST_UNSAFE * cost
    return unsafety_plain(place, speed, people, contact_m, deceleration_mps2, rest_s, dt_s)


def unsafety_plain(
    place: Array, speed: Array, people: People, contact_m: Array, deceleration_mps2: float, rest_s: float, dt_s: float
) -> Array:  # fmt: skip
    """The same by numpy."""
    stages = np.arange(1, place.shape[2], EVERY)
    step = place[:, :, stages] - place[:, :, stages - 1]
    length = np.sqrt(np.square(step).sum(axis=-1, keepdims=True))
    heading = step / np.maximum(length, 1e-3)
    v = speed[:, stages]  # (c, k)
    stop_s = v / deceleration_mps2
    way = v[..., None] * (REACTION_S + 0.5 * stop_s[..., None] * REACHED)  # (c, k, n)
    after_s = REACTION_S + stop_s[..., None] * SHARES + rest_s * RESTED
    at = np.minimum(np.rint(after_s / dt_s).astype(int) + stages[:, None], people.mean.shape[1] - 1)
    where = place[:, :, stages, None] + heading[..., None, :] * way[..., None]  # (o, c, k, n, 2)
    offset = where[:, :, None] - np.moveaxis(people.mean[:, at], 0, 1)  # (o, c, j, k, n, 2)
    away = np.sqrt(np.square(offset).sum(axis=-1))
    now = np.sqrt(np.square(place[:1, :1, 0] - people.mean[:, 0]).sum(axis=-1))  # (1, j): who is close already
    allowed = np.moveaxis(contact_m[:, at], 0, 1) + GROWS_MPS * after_s[:, None]  # (c, j, k, n)
    allowed = np.minimum(allowed, now[0][None, :, None, None])
    later = 1.0 - (1.0 - LATER) * stages / stages[-1]
    heed = ((v > STANDING_MPS) * later)[None, :, None, :, None]
    cut = np.maximum(0.0, allowed - away) * heed
    return np.asarray(COST_UNSAFE * (cut.max(axis=(3, 4)) * _heed(people)).max(axis=2))


def _heed(people: People) -> Array:
    """How much each mode counts (j,): in full from one half on."""
    return np.minimum(1.0, 2.0 * people.weight)
