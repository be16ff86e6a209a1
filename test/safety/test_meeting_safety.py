"""How much of a motion a walker's approach leaves, against a plain way to work it out and at the very touch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.walkers import Meeting, Walkers, meeting

CORNERS = [(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)]
Row = tuple[float, float, float, float, float]  # x, y, vx, vy, radius


def walkers(*rows: Row) -> Walkers:
    return Walkers(*np.array(rows, dtype=float).reshape(-1, 5).T)


def plain(rows: list[Row], v: float, w: float, braking: Braking, rest_s: float, spread_mps: float) -> Meeting:
    """Twelve moments from now until it has stood for `rest_s`: reaction, braking along the arc, standing."""
    whole_s = max(abs(v) / braking.linear_mps2, abs(w) / braking.yaw_rps2)

    def gaps(k: float) -> list[tuple[float, float, int]]:
        found = []
        for i in range(12):
            t = (braking.reaction_s + k * whole_s + rest_s) * i / 11.0
            slowed = min(max(t - braking.reaction_s, 0.0), k * whole_s)
            way = k * (min(t, braking.reaction_s) + slowed - 0.5 * slowed**2 / (k * whole_s))
            turn = w * way
            x, y = (v / w * math.sin(turn), v / w * (1.0 - math.cos(turn))) if w else (v * way, 0.0)
            for who, (px, py, vx, vy, radius) in enumerate(rows):
                dx, dy = px + vx * t - x, py + vy * t - y
                ahead = abs(math.cos(turn) * dx + math.sin(turn) * dy)
                aside = abs(math.cos(turn) * dy - math.sin(turn) * dx)
                found.append((max(ahead - 0.30, aside - 0.26) - radius - spread_mps * t, t, who))
        return found

    touching = [(t, who) for gap, t, who in gaps(1.0) if gap < 0.0]
    if not touching:
        return Meeting(1.0)
    contact_s, who = touching[0]
    factor = next((k for k in (0.95, 0.85, 0.7, 0.5, 0.3, 0.15) if min(gaps(k))[0] >= 0.0), 0.0)
    x, y, vx, vy, _ = rows[who]
    return Meeting(factor, math.hypot(x, y), math.hypot(vx, vy), contact_s)


def test_the_share_that_an_approach_leaves_is_that_of_a_plain_way_to_work_it_out() -> None:
    rng = np.random.default_rng(7)
    hull, told = Hull(CORNERS, 0.05), set()
    for _ in range(400):
        v, w = float(rng.uniform(-1.5, 1.5)), float(rng.choice([0.0, rng.uniform(-2.0, 2.0)]))
        braking = Braking(float(rng.uniform(0.0, 0.6)), float(rng.uniform(0.5, 2.5)), 2.0, 0.1)
        rest_s, spread_mps = float(rng.uniform(0.0, 1.0)), float(rng.uniform(0.0, 1.5))
        rows = []
        for _ in range(int(rng.integers(1, 4))):
            way, away = rng.uniform(-math.pi, math.pi), rng.choice([rng.uniform(0.5, 6.0), 30.0], p=[0.9, 0.1])
            vx, vy = rng.uniform(-1.0, 1.0, 2)
            rows.append((away * math.cos(way), away * math.sin(way), vx, vy, float(rng.uniform(0.1, 0.4))))
        found = meeting(hull, walkers(*rows), v, w, braking, rest_s, spread_mps)
        assert found == pytest.approx(plain(rows, v, w, braking, rest_s, spread_mps), abs=1e-9)
        told.add(found.factor)
    assert told == {1.0, 0.95, 0.85, 0.7, 0.5, 0.3, 0.15, 0.0}


# In numbers that have no rounding: at 1 m/s it rests after 1 m and 1.5 s, at half of that after 0.375 m and 1 s.
HULL, BRAKING = Hull(CORNERS), Braking(0.5, 1.0, 1.0, 0.0)


def standing(*x: float) -> Walkers:
    return walkers(*((value, 0.0, 0.0, 0.0, 0.25) for value in x))


def test_to_rest_at_the_very_touch_is_no_contact() -> None:
    assert meeting(HULL, standing(1.5), 1.0, 0.0, BRAKING, 0.5, 0.0) == Meeting(1.0)
    assert meeting(HULL, standing(1.5 - 1e-9), 1.0, 0.0, BRAKING, 0.5, 0.0).factor == 0.95
    assert meeting(HULL, standing(0.875), 1.0, 0.0, BRAKING, 0.5, 0.0).factor == 0.5
    assert meeting(HULL, standing(0.875 - 1e-9), 1.0, 0.0, BRAKING, 0.5, 0.0).factor == 0.3


def test_the_one_who_is_touched_is_named_and_not_the_one_at_the_very_touch() -> None:
    found = meeting(HULL, standing(1.5, 1.4999), 1.0, 0.0, BRAKING, 0.5, 0.0)
    assert found.distance_m == 1.4999 and found.speed_mps == 0.0 and found.contact_s == pytest.approx(2.0 * 9.0 / 11.0)


def test_where_nobody_comes_there_is_no_meeting() -> None:
    assert Meeting(1.0) == (1.0, math.inf, 0.0, math.inf)
    assert meeting(HULL, standing(), 1.0, 0.0, BRAKING, 0.5, 0.0) == Meeting(1.0)
    assert meeting(HULL, standing(0.3), 0.0, 0.0, BRAKING, 0.5, 0.0) == Meeting(1.0)
    assert meeting(HULL, standing(0.3, 50.0), 1.0, 0.0, BRAKING, 0.5, 0.0).factor == 0.0
