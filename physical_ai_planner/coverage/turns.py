"""Shortest turn of a vehicle that cannot turn on the spot: Dubins' six words, sampled.

Sources: Dubins, "On curves of minimal length with a constraint on average curvature", 1957; the closed forms after
Shkel and Lumelsky, "Classification of the Dubins set", 2001. Two swaths nearer than twice the radius are joined by the
words of three arcs: the omega turn of field machines.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from physical_ai_core.geometry import Array

TURN = {"L": 1.0, "S": 0.0, "R": -1.0}
STEP_RAD = 0.25  # of an arc between two points


def dubins(start: ArrayLike, goal: ArrayLike, radius_m: float) -> Iterator[Array]:
    """Points (N, 2) of the ways between two poses `[x, y, yaw]` with arcs of `radius_m`, the shortest first."""
    a, b = np.asarray(start, dtype=float), np.asarray(goal, dtype=float)
    away = (b[:2] - a[:2]) / radius_m
    distance, bearing = float(np.hypot(*away)), float(np.arctan2(away[1], away[0]))
    words = _words(distance, _positive(a[2] - bearing), _positive(b[2] - bearing))
    for _, word, parts in sorted(words):
        points = _drawn(a, word, parts, radius_m)
        if np.hypot(*(points[-1] - b[:2])) < 1e-6 * max(1.0, radius_m):
            yield points


def _positive(angle: float) -> float:
    return float(angle % (2.0 * np.pi))


def _words(d: float, a: float, b: float) -> list[tuple[float, str, tuple[float, float, float]]]:
    """(length, word, parts) in radii and radians for a distance `d` along x between headings `a` and `b`."""
    sa, sb, ca, cb, cab = np.sin(a), np.sin(b), np.cos(a), np.cos(b), np.cos(a - b)
    found: list[tuple[str, tuple[float, float, float]]] = []
    square = 2.0 + d * d - 2.0 * cab + 2.0 * d * (sa - sb)
    if square >= 0.0:
        at = np.arctan2(cb - ca, d + sa - sb)
        found.append(("LSL", (_positive(at - a), np.sqrt(square), _positive(b - at))))
    square = 2.0 + d * d - 2.0 * cab + 2.0 * d * (sb - sa)
    if square >= 0.0:
        at = np.arctan2(ca - cb, d - sa + sb)
        found.append(("RSR", (_positive(a - at), np.sqrt(square), _positive(at - b))))
    square = d * d - 2.0 + 2.0 * cab + 2.0 * d * (sa + sb)
    if square >= 0.0:
        p = np.sqrt(square)
        at = np.arctan2(-ca - cb, d + sa + sb) - np.arctan2(-2.0, p)
        found.append(("LSR", (_positive(at - a), p, _positive(at - b))))
    square = d * d - 2.0 + 2.0 * cab - 2.0 * d * (sa + sb)
    if square >= 0.0:
        p = np.sqrt(square)
        at = np.arctan2(ca + cb, d - sa - sb) - np.arctan2(2.0, p)
        found.append(("RSL", (_positive(a - at), p, _positive(b - at))))
    cosine = (6.0 - d * d + 2.0 * cab + 2.0 * d * (sa - sb)) / 8.0
    if abs(cosine) <= 1.0:
        p = _positive(2.0 * np.pi - np.arccos(cosine))
        t = _positive(a - np.arctan2(ca - cb, d - sa + sb) + 0.5 * p)
        found.append(("RLR", (t, p, _positive(a - b - t + p))))
    cosine = (6.0 - d * d + 2.0 * cab + 2.0 * d * (sb - sa)) / 8.0
    if abs(cosine) <= 1.0:
        p = _positive(2.0 * np.pi - np.arccos(cosine))
        t = _positive(-a + np.arctan2(-ca + cb, d + sa - sb) + 0.5 * p)
        found.append(("LRL", (t, p, _positive(b - a - t + p))))
    return [(float(sum(parts)), word, parts) for word, parts in found]


def _drawn(pose: Array, word: str, parts: tuple[float, float, float], radius_m: float) -> Array:
    x, y, yaw = (float(v) for v in pose)
    points = [(x, y)]
    for letter, part in zip(word, parts, strict=True):
        turn = TURN[letter]
        count = 1 if turn == 0.0 else max(1, int(np.ceil(part / STEP_RAD)))
        for _ in range(count):
            step = part / count
            if turn == 0.0:
                x, y = x + radius_m * step * np.cos(yaw), y + radius_m * step * np.sin(yaw)
            else:
                to = yaw + turn * step
                x += turn * radius_m * (np.sin(to) - np.sin(yaw))
                y -= turn * radius_m * (np.cos(to) - np.cos(yaw))
                yaw = to
            points.append((x, y))
    return np.array(points)
