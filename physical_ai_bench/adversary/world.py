"""The flat world of the adversary: rays, the gap of a footprint, and a base with delay, lag and brakes.

Arrays: `walls` (S, 4) segments x1 y1 x2 y2; `rounds` (C, 5) circles x y radius vx vy, which move when their velocity is
not zero; `fences` (F, 4) edges of zones, which no ray sees. All in `map`, metres and seconds.
`state` (5,): x y yaw of `base_link`, v, w.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

try:
    import numba
except ImportError:  # the same in plain Python, some ten times slower
    numba = None

COMPILED: Final = numba is not None
FAR_M: Final = 1e9
# What `advance` leaves in `seen`
GAP, TOUCH_MPS, ZONE_GAP, WHO, SWIFTEST_MPS, WALKER_GAP, LATERAL = range(7)


def compiled(function: Any) -> Any:
    """Compiled where numba is there (`pip install 'physical_ai[fast]'`)."""
    return numba.njit(cache=True, error_model="numpy")(function) if COMPILED else function


def fresh_seen() -> Any:
    """Nothing met yet: gaps are infinite, no touch (negative speed)."""
    return np.array([FAR_M, -1.0, FAR_M, -1.0, 0.0, FAR_M, 0.0])


@compiled
def cast(x: float, y: float, yaw: float, bearings: Any, walls: Any, rounds: Any, out: Any, hits: Any) -> None:
    """Distance to the first thing along each ray, inf where there is none, into `out` (N,).

    `hits` (C,): how many rays met each circle.
    """
    for c in range(len(rounds)):
        hits[c] = 0
    for k in range(len(bearings)):
        dx, dy = math.cos(bearings[k] + yaw), math.sin(bearings[k] + yaw)
        best, who = math.inf, -1
        for i in range(len(walls)):
            ex, ey = walls[i, 2] - walls[i, 0], walls[i, 3] - walls[i, 1]
            cross = dx * ey - dy * ex
            if abs(cross) < 1e-12:
                continue
            fx, fy = walls[i, 0] - x, walls[i, 1] - y
            t, u = (fx * ey - fy * ex) / cross, (fx * dy - fy * dx) / cross
            if 0.0 < t < best and 0.0 <= u <= 1.0:
                best = t
        for i in range(len(rounds)):
            fx, fy = rounds[i, 0] - x, rounds[i, 1] - y
            b = dx * fx + dy * fy
            inside = rounds[i, 2] * rounds[i, 2] - (fx * fx + fy * fy - b * b)
            if inside <= 0.0:
                continue
            t = b - math.sqrt(inside)
            if 0.0 < t < best:
                best, who = t, i
        out[k] = best
        if who >= 0:
            hits[who] += 1


@compiled
def _to_segment(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> Any:
    """Square of the distance from a point to a segment, and the nearest point on it."""
    ex, ey = bx - ax, by - ay
    length2 = ex * ex + ey * ey
    u = 0.0 if length2 < 1e-18 else min(1.0, max(0.0, ((px - ax) * ex + (py - ay) * ey) / length2))
    nx, ny = ax + u * ex, ay + u * ey
    return (px - nx) ** 2 + (py - ny) ** 2, nx, ny


@compiled
def _cross(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


@compiled
def segment_gap(corners: Any, ax: float, ay: float, bx: float, by: float) -> Any:
    """Distance of a convex polygon (counter-clockwise) to a segment, zero where they meet; nearest point of polygon."""
    n = len(corners)
    best, px, py = FAR_M, 0.0, 0.0
    inside = True
    for k in range(n):
        cx, cy = corners[k, 0], corners[k, 1]
        ex, ey = corners[(k + 1) % n, 0], corners[(k + 1) % n, 1]
        if _cross(cx, cy, ex, ey, ax, ay) < 0.0:
            inside = False
        apart = _cross(cx, cy, ex, ey, ax, ay) * _cross(cx, cy, ex, ey, bx, by)
        if apart < 0.0 and _cross(ax, ay, bx, by, cx, cy) * _cross(ax, ay, bx, by, ex, ey) < 0.0:
            return 0.0, 0.5 * (cx + ex), 0.5 * (cy + ey)
        d2, _, _ = _to_segment(cx, cy, ax, ay, bx, by)
        if d2 < best:
            best, px, py = d2, cx, cy
        for qx, qy in ((ax, ay), (bx, by)):
            d2, nx, ny = _to_segment(qx, qy, cx, cy, ex, ey)
            if d2 < best:
                best, px, py = d2, nx, ny
    if inside:
        return 0.0, ax, ay
    return math.sqrt(best), px, py


@compiled
def round_gap(corners: Any, x: float, y: float, radius: float) -> Any:
    """The same to a circle; negative where it reaches into the polygon's edge."""
    gap, px, py = segment_gap(corners, x, y, x, y)
    return max(gap - radius, 0.0) if gap > 0.0 else 0.0, px, py


@compiled
def place(outline: Any, x: float, y: float, yaw: float, out: Any) -> None:
    """Corners (N, 2) of the footprint in `map`."""
    c, s = math.cos(yaw), math.sin(yaw)
    for k in range(len(outline)):
        out[k, 0] = x + c * outline[k, 0] - s * outline[k, 1]
        out[k, 1] = y + s * outline[k, 0] + c * outline[k, 1]


@compiled
def gaps(corners: Any, x: float, y: float, reach: float, walls: Any, rounds: Any, fences: Any) -> Any:
    """Smallest gap to walls and circles with who it is (walls first) and where, smallest gap to zone edges, and to
    circles that move. Circles farther from (x, y) than `reach` are left out."""
    gap, who, px, py, zone, walker = FAR_M, -1, 0.0, 0.0, FAR_M, FAR_M
    for i in range(len(walls)):
        g, qx, qy = segment_gap(corners, walls[i, 0], walls[i, 1], walls[i, 2], walls[i, 3])
        if g < gap:
            gap, who, px, py = g, i, qx, qy
    for i in range(len(rounds)):
        if (rounds[i, 0] - x) ** 2 + (rounds[i, 1] - y) ** 2 > (reach + rounds[i, 2]) ** 2:
            continue
        g, qx, qy = round_gap(corners, rounds[i, 0], rounds[i, 1], rounds[i, 2])
        if g < gap:
            gap, who, px, py = g, len(walls) + i, qx, qy
        if g < walker and rounds[i, 3] ** 2 + rounds[i, 4] ** 2 > 0.0:
            walker = g
    for i in range(len(fences)):
        g, _, _ = segment_gap(corners, fences[i, 0], fences[i, 1], fences[i, 2], fences[i, 3])
        zone = min(zone, g)
    return gap, who, px, py, zone, walker


@compiled
def _towards(value: float, target: float, lag: float, dt: float, brake: float, push: float) -> float:
    """First-order lag, with the change bounded: by the brakes where it slows down, by the drive where it speeds up."""
    change = (target - value) * (1.0 if lag <= dt else dt / lag)
    bound = (brake if change * value < 0.0 else push) * dt
    after = value + min(bound, max(-bound, change))
    return 0.0 if after * value < 0.0 else after


@compiled
def advance(
    state: Any, sent: Any, first: int, count: int, delay: int, dt: float, base: Any, outline: Any, walls: Any,
    rounds: Any, fences: Any, still_mps: float, seen: Any,
) -> int:  # fmt: skip
    """Move the base by `count` steps of `dt` and watch; returns the steps done: fewer after a touch at speed.

    `sent` (K, 2): the command that left the gate in each step; the base obeys it `delay` steps later. `base`: lag_s,
    braking, push, yaw braking, yaw push (m/s², rad/s²), grip, downhill acceleration of the ground and its direction.
    A gap counts while the touched part of the robot moves faster than `still_mps`.
    """
    corners = np.empty_like(outline)
    reach = 0.0
    for k in range(len(outline)):
        reach = max(reach, math.hypot(outline[k, 0], outline[k, 1]))
    for step in range(count):
        now = first + step - delay
        v_to, w_to = (sent[now, 0], sent[now, 1]) if now >= 0 else (0.0, 0.0)
        x, y, yaw, v, w = state[0], state[1], state[2], state[3], state[4]
        brake = base[1]
        if base[6] > 0.0:
            down = base[6] * math.cos(yaw - base[7]) * (1.0 if v >= 0.0 else -1.0)
            brake = max(0.0, min(brake, base[5] - max(down, 0.0)))
        v = _towards(v, v_to, base[0], dt, brake, base[2])
        w = _towards(w, w_to, base[0], dt, base[3], base[4])
        heading = yaw + 0.5 * w * dt
        x, y, yaw = x + v * dt * math.cos(heading), y + v * dt * math.sin(heading), yaw + w * dt
        state[0], state[1], state[2], state[3], state[4] = x, y, yaw, v, w
        for i in range(len(rounds)):
            rounds[i, 0] += rounds[i, 3] * dt
            rounds[i, 1] += rounds[i, 4] * dt
        swiftest = abs(v) + abs(w) * reach
        seen[SWIFTEST_MPS] = max(seen[SWIFTEST_MPS], swiftest)
        seen[LATERAL] = max(seen[LATERAL], abs(v * w))
        place(outline, x, y, yaw, corners)
        gap, who, px, py, zone, walker = gaps(corners, x, y, reach + 1.0, walls, rounds, fences)
        speed = math.hypot(
            v - w * (-(px - x) * math.sin(yaw) + (py - y) * math.cos(yaw)),
            w * ((px - x) * math.cos(yaw) + (py - y) * math.sin(yaw)),
        )
        if swiftest > 1e-3:
            seen[ZONE_GAP] = min(seen[ZONE_GAP], zone)
        if speed > still_mps:
            if gap < seen[GAP]:
                seen[GAP], seen[WHO] = gap, who
            seen[WALKER_GAP] = min(seen[WALKER_GAP], walker)
        if gap <= 0.0:
            seen[TOUCH_MPS], seen[WHO] = speed, who
            return step + 1
    return count


@compiled
def nearest_after(
    state: Any, choices: Any, ahead_s: float, steps: int, outline: Any, walls: Any, rounds: Any, fences: Any, out: Any
) -> None:  # fmt: skip
    """Gap that each of `choices` (K, 2) of (v, w) would leave, driven for `ahead_s` by a base that obeys at once.

    What moves is carried on. Zone edges count as walls. The least over the way, into `out` (K,).
    """
    corners = np.empty_like(outline)
    moved = rounds.copy()
    dt = ahead_s / steps
    for k in range(len(choices)):
        v, w = choices[k, 0], choices[k, 1]
        x, y, yaw, least = state[0], state[1], state[2], FAR_M
        for i in range(len(rounds)):
            moved[i, 0], moved[i, 1] = rounds[i, 0], rounds[i, 1]
        for _ in range(steps):
            heading = yaw + 0.5 * w * dt
            x, y, yaw = x + v * dt * math.cos(heading), y + v * dt * math.sin(heading), yaw + w * dt
            for i in range(len(rounds)):
                moved[i, 0] += rounds[i, 3] * dt
                moved[i, 1] += rounds[i, 4] * dt
            place(outline, x, y, yaw, corners)
            gap, _, _, _, zone, _ = gaps(corners, x, y, FAR_M, walls, moved, fences)
            least = min(least, min(gap, zone))
        out[k] = least
