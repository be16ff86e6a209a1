"""Which way the MPC is sent: a few timed references along the route (speeds, sideways shifts), the best one taken.

The MPC is local: it refines a passage but cannot decide to wait for a person or to pass on the other side. This
decides that, on the reference alone: it prefers the route at full speed, gives that up where a predicted person would
come within the margin while the robot moves, and can always choose to stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from physical_ai_control.passing import STANDING_MPS, closeness, unsafety
from physical_ai_control.people import People
from physical_ai_control.route import Route
from physical_ai_control.sums import at, functions, packed
from physical_ai_control.surroundings import Surroundings
from physical_ai_core.geometry import Array, invert, transform_points

SPEED_SHARES = (1.0, 0.6, 0.3, 0.0)
SHARES_AMONG_PEOPLE = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)  # a little slower is often just right to pass behind somebody
SHIFTS_M = (0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5)
BLEND_S, BLEND_M = 1.2, 0.6  # a shift is reached after BLEND_M + BLEND_S * speed
STEEP = 1.8  # among people a shift takes at least so many times its own length along the route
TURN_SHARE = 0.9  # of the highest yaw rate, turning on the spot
COST_STOP_SHORT = 1.0  # per metre that is not travelled
COST_SHIFT = 0.5  # per metre of shift
COST_CHANGE, COST_CHANGE_AMONG_PEOPLE = 0.25, 0.4  # for leaving the last choice
COST_STATIC = 25.0


class Reference(NamedTuple):
    """`states (N+1, 5)` in odom; `share` and `shift_m` name the candidate; `cost` is its own."""

    states: Array
    share: float
    shift_m: float
    cost: float


class Progress(NamedTuple):
    """Where the robot is on the route (arc length, metres to its left) and how fast it goes along it."""

    s_m: float
    left_m: float
    speed_mps: float


class Pace(NamedTuple):
    """Limits that the references keep."""

    speed_mps: float
    acceleration_mps2: float
    deceleration_mps2: float


def timed(
    route: Route, progress: Progress, pace: Pace, steps: int, dt_s: float, shares: Sequence[float] = SPEED_SHARES
) -> tuple[Array, Array]:  # fmt: skip
    """Arc lengths and speeds (c, N+1) of one run along the route for each speed share; each ends at rest."""
    native, table = functions().get("timed"), route.speeds
    if native is not None:
        capped, runs = packed(np.asarray(shares)), np.empty((2, len(shares), steps + 1))
        if not native(
            at(table), len(table) - 1, 1.0 / route.spacing_m, at(capped), len(capped), progress.s_m,
            max(0.0, progress.speed_mps), pace.speed_mps, pace.deceleration_mps2 * dt_s, pace.acceleration_mps2 * dt_s,
            route.length_m, dt_s, steps, at(runs[0]), at(runs[1]),
        ):  # fmt: skip
            return runs[0], runs[1]
    return timed_plain(route, progress, pace, steps, dt_s, shares)


def timed_plain(
    route: Route, progress: Progress, pace: Pace, steps: int, dt_s: float, shares: Sequence[float] = SPEED_SHARES
) -> tuple[Array, Array]:  # fmt: skip
    """The same by Python."""
    table, last, scale = route.speed_table, len(route.speed_table) - 1, 1.0 / route.spacing_m
    harder, softer = pace.deceleration_mps2 * dt_s, pace.acceleration_mps2 * dt_s
    runs, speeds = [], []
    for share in shares:  # plain floats: a hundred steps of numpy scalars cost ten times as much
        s, v, cap = progress.s_m, max(0.0, progress.speed_mps), share * pace.speed_mps
        run, speed = [s], [v]
        for k in range(1, steps + 1):
            wanted = min(table[min(last, int((s + v * dt_s) * scale))], cap, harder * (steps - k))
            faster = max(0.0, min(max(wanted, v - harder), v + softer))
            s = min(s + 0.5 * (v + faster) * dt_s, route.length_m)
            v = faster
            run.append(s)
            speed.append(v)
        runs.append(run)
        speeds.append(speed)
    return np.array(runs), np.array(speeds)


def turned(state: Array, turn_rad: float, yaw_rate_rps: float, stages_s: Array) -> Array:
    """Reference (N+1, 5) of a turn where the robot stands, at nearly `yaw_rate_rps`, from `state (5,)`."""
    reach = np.maximum(TURN_SHARE * yaw_rate_rps * stages_s, 0.15 * abs(turn_rad))
    reference = np.tile(state, (len(stages_s), 1))
    reference[:, 2] += np.sign(turn_rad) * np.minimum(reach, abs(turn_rad))
    reference[:, 3] = reference[:, 4] = 0.0
    return reference


class Chooser:
    """Remembers the last choice, so that it does not dither."""

    def __init__(self, steps: int, dt_s: float, static_keep_m: float, rest_s: float) -> None:
        self._steps, self._dt_s, self._static_keep_m = steps, dt_s, static_keep_m
        self._rest_s, self._rest = rest_s, max(1, round(rest_s / dt_s))
        functions()  # built here, not in a tick
        self.forget()

    def forget(self) -> None:
        self._last: tuple[float, float] = (1.0, 0.0)

    def choose(
        self, route: Route, progress: Progress, pace: Pace, map_from_odom: Array, people: People, keep_m: Array,
        surroundings: Surroundings, contact_m: Array | None = None,
    ) -> Reference:  # fmt: skip
        """The best reference. `people` at the stages' moments, `keep_m (j, N+1)`: distance of centres to keep.

        `contact_m (j, T)`: distance that counts as contact; `people` then go on until a robot that brakes after the
        last stage has rested, and a candidate pays for moments from which it could not stop in time.
        """
        among = len(people.radius) > 0
        shares, shifts = np.array(SHARES_AMONG_PEOPLE if among else SPEED_SHARES), np.array(SHIFTS_M)
        s, v = timed(route, progress, pace, self._steps, self._dt_s, shares.tolist())
        xy, yaw, normal = route.at(s)  # (c, t, 2), (c, t)
        soft = BLEND_M + BLEND_S * max(progress.speed_mps, 0.3)
        blend = np.maximum(soft, STEEP * among * np.abs(shifts - progress.left_m))[:, None, None]
        x = np.clip((s - progress.s_m) / blend, 0.0, 1.0)
        smooth = x * x * (3.0 - 2.0 * x)
        end = np.clip((route.length_m - s) / soft, 0.0, 1.0)  # shifts fade out into the goal
        left = progress.left_m * (1.0 - smooth) + shifts[:, None, None] * smooth * end[None]  # (o, c, t)
        place = xy[None] + left[..., None] * normal[None]
        odom_from_map = invert(map_from_odom)
        place = transform_points(odom_from_map, place.reshape(-1, 2)).reshape(place.shape)
        cost = COST_STOP_SHORT * (s[0, -1] - s[:, -1])[None] + COST_SHIFT * np.abs(shifts)[:, None]
        cost = cost + self._static_cost(place, v, surroundings)
        if among:
            near = keep_m if contact_m is None else contact_m
            cost = cost + closeness(place, v, people, keep_m, near, self._rest, self._dt_s)
            if contact_m is not None:
                cost = cost + unsafety(place, v, people, contact_m, pace.deceleration_mps2, self._rest_s, self._dt_s)
        cost = cost + (COST_CHANGE_AMONG_PEOPLE if among else COST_CHANGE) * self._changed(shifts, shares)
        shift, share = np.unravel_index(int(np.argmin(cost)), cost.shape)
        self._last = (float(shares[share]), float(shifts[shift]))
        states = np.zeros((self._steps + 1, 5))
        states[:, :2] = place[shift, share]
        tangent = yaw[share] + odom_from_map[2]
        step = np.diff(states[:, :2], axis=0)
        moving = np.hypot(*step.T) > 0.02
        heading = np.where(moving, np.arctan2(step[:, 1], step[:, 0]), tangent[:-1])
        states[:, 2] = np.unwrap(np.append(heading, tangent[-1] if not moving.any() else heading[moving][-1]))
        if shifts[shift] == 0.0 and abs(progress.left_m) < 0.3:
            states[:, :2] = transform_points(odom_from_map, xy[share])  # on the route itself: the MPC closes the rest
            states[:, 2] = tangent
        states[:, 3] = v[share]
        states[:-1, 4] = np.diff(states[:, 2]) / self._dt_s
        return Reference(states, *self._last, float(cost[shift, share]))

    def _changed(self, shifts: Array, shares: Array) -> Array:
        """1 for each candidate (o, c) that goes to another side, or sets off again after standing."""
        other_side = np.abs(shifts - self._last[1])[:, None] > 0.1
        sets_off = (shares > 0.0)[None] & (self._last[0] == 0.0)
        return (other_side | sets_off).astype(float)

    def _static_cost(self, place: Array, speed: Array, surroundings: Surroundings) -> Array:
        away, _ = surroundings.look(place)
        cut = np.maximum(0.0, self._static_keep_m - away) * np.asarray(speed > STANDING_MPS)[None]
        return np.asarray(COST_STATIC * cut.max(axis=2))
