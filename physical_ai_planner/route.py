"""One way from a pose to a point in `map`: search, shortcuts, smoothing; every step keeps off what is forbidden.

What the site forbids is never entered (but where the robot stands already, to get out). What the sensors add is only
dear: a way that leads through it is cut off before it, because it may be gone by the time the robot is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array, path_length, wrap
from physical_ai_planner.live import LiveLayer
from physical_ai_planner.search import Cell, Field, edges_of
from physical_ai_planner.site_graph import way_within
from physical_ai_planner.site_map import WHOLE_CELLS, SiteMap, Terrain

LIVE_WEIGHT = 10.0  # price of a metre with too little room to what the sensors see
LETHAL_PRICE = 200.0  # price of a metre through it: detours up to so many metres are taken instead
FREED_PRICE = 20.0  # price of a metre in the freed cells around start and dock
FREED_REACH_M = 0.5  # beyond the inflation radius
SMOOTHING = 0.25


@dataclass(frozen=True)
class Leg:
    """Points (N, 2) in `map`, evenly spaced; `cost` when planned; `cut`: it ends before something in the way."""

    points: Array
    cost: float
    cut: bool = False

    @property
    def length_m(self) -> float:
        return path_length(self.points)


def warm_up(site_map: SiteMap, terrain: Terrain) -> None:
    """Do now what the first search of a site would wait for."""
    if terrain.free.size <= WHOLE_CELLS:
        edges_of(site_map.shape)
    else:
        terrain.graph  # noqa: B018 (made once, kept by the terrain)


def prices(
    site_map: SiteMap, terrain: Terrain, live: LiveLayer | None, start: Array, goal: Array, free_goal: bool = False
) -> Array:
    """Price of a metre (H, W), inf where the site forbids to be. `free_goal`: the goal is a dock close to something."""
    price = np.where(terrain.free, terrain.cost, np.inf)
    if live is not None:
        price += _live_price(site_map, terrain, live.distance_m)
        price += live.unseen_price * ~live.seen
        price[live.lethal] += LETHAL_PRICE
    _free_start(site_map, terrain, price, start)
    if free_goal:
        window, freed = site_map.disc(goal, _reach(site_map, terrain))
        fits = site_map.to_structure_m[window] >= site_map.inscribed_m + site_map.half_diagonal_m
        price[window][freed & fits & terrain.zone_free[window] & ~terrain.free[window]] = FREED_PRICE
    return price


def _reach(site_map: SiteMap, terrain: Terrain) -> float:
    return site_map.radius_m + terrain.clearance_m + terrain.sigma_margin_m + FREED_REACH_M


def _free_start(site_map: SiteMap, terrain: Terrain, price: Array, start: Array) -> None:
    """A robot that stands too near to something may leave, but go no nearer to a structure than its body allows."""
    row, column = site_map.cells_of(start[:2])[0][0]
    if terrain.free[row, column]:
        return
    least = min(site_map.inscribed_m + site_map.half_diagonal_m, float(site_map.to_structure_m[row, column]))
    window, freed = site_map.disc(start, _reach(site_map, terrain))
    freed = freed & ~terrain.free[window] & (site_map.to_structure_m[window] >= least)
    price[window][freed] = FREED_PRICE


def plan_leg(
    site_map: SiteMap,
    terrain: Terrain,
    live: LiveLayer | None,
    start: Array,
    goal: Array,
    spacing_m: float,
    *,
    free_goal: bool = False,
    straight: bool = False,
) -> Leg | None:
    """Way from `start` to `goal` (both at least x, y in `map`), or None where the site leaves none.

    `straight`: the straight line is taken where the site allows it and nothing seen stands in it.
    """
    start, goal = np.asarray(start, dtype=float)[:2], np.asarray(goal, dtype=float)[:2]
    line = np.vstack([start, goal])
    if straight and site_map.is_free(terrain.free, site_map.along(line)).all():
        leg = _straight_leg(site_map, terrain, live, _resample(line, spacing_m))
        if leg is not None:
            return leg
    price = prices(site_map, terrain, live, start, goal, free_goal)
    if straight and np.max(_prices_at(site_map, price, site_map.along(line))) < LETHAL_PRICE:
        return _finish(site_map, price, live, _resample(line, spacing_m))
    cells, on_grid = site_map.cells_of(line)
    if not on_grid.all():
        return None
    way = _way(site_map, terrain, price, (int(cells[0, 0]), int(cells[0, 1])), (int(cells[1, 0]), int(cells[1, 1])))
    if way is None:
        return None
    points = np.vstack([start, site_map.centres_of(way[1:-1]), goal])
    points = _resample(_shortcut(site_map, price, points), spacing_m)
    return _finish(site_map, price, live, _smooth(site_map, price, points))


def _straight_leg(site_map: SiteMap, terrain: Terrain, live: LiveLayer | None, points: Array) -> Leg | None:
    """A straight line over free cells, without pricing the rest of the site; None where something seen stands in it."""
    dense = site_map.along(points)
    cells, _ = site_map.cells_of(dense)
    rows, columns = cells.T
    at = terrain.cost[rows, columns]
    if live is not None:
        if live.lethal[rows, columns].any():
            return None
        at = at + _live_price(site_map, terrain, live.distance_m[rows, columns])
        at = at + live.unseen_price * ~live.seen[rows, columns]
    cost = float(np.sum(0.5 * (at[1:] + at[:-1]) * np.hypot(*np.diff(dense, axis=0).T)))
    return Leg(points, cost)


def _live_price(site_map: SiteMap, terrain: Terrain, near_m: Array) -> Array:
    """What being so near to something seen adds to the price of a metre."""
    room = site_map.radius_m + terrain.clearance_m
    comfort = 2.0 * np.clip(1.0 - (near_m - room) / max(site_map.comfort_m, 1e-6), 0.0, 1.0) ** 2
    return np.asarray(comfort + LIVE_WEIGHT * (near_m < room))


def _way(site_map: SiteMap, terrain: Terrain, price: Array, start: Cell, goal: Cell) -> NDArray[np.intp] | None:
    """Cells of the cheapest way: over all of a small site; on a large one within the corridor of the site graph."""
    if price.size <= WHOLE_CELLS:
        return Field(price, goal).way(start)
    reach = int(np.ceil(_reach(site_map, terrain) / site_map.resolution_m))
    ends = [terrain.graph.piece_near(cell, reach) for cell in (start, goal)]
    corridor = terrain.graph.corridor(price, *ends) if all(ends) else None
    if corridor is None:
        return None
    for cell in (start, goal):  # the freed cells around both ends belong to no piece
        window, freed = site_map.disc(site_map.centres_of(cell)[0], _reach(site_map, terrain))
        corridor[window] |= freed
    return way_within(price, corridor, start, goal)


def _finish(site_map: SiteMap, price: Array, live: LiveLayer | None, points: Array) -> Leg:
    cost = cost_of(site_map, price, points)
    clear = clear_until(site_map, live, points)
    return Leg(points if clear is None else points[:clear], cost, clear is not None)


def clear_until(site_map: SiteMap, live: LiveLayer | None, points: Array) -> int | None:
    """Index at which the robot must stop short of something in the way, or None where the points are clear."""
    if live is None or not len(points):
        return None
    lethal = site_map.is_free(live.lethal, points)
    ahead = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    blocked = np.flatnonzero(lethal & (ahead > site_map.radius_m))
    if not len(blocked):
        return None
    return int(np.searchsorted(ahead, ahead[blocked[0]] - 2.0 * site_map.radius_m))


def cost_of(site_map: SiteMap, price: Array, points: Array) -> float:
    """Price of a polyline, inf where it enters what is forbidden."""
    dense = site_map.along(points)
    if len(dense) < 2:
        return 0.0
    at = _prices_at(site_map, price, dense)
    steps = np.hypot(*np.diff(dense, axis=0).T)
    return float(np.sum(0.5 * (at[1:] + at[:-1]) * steps))


def _prices_at(site_map: SiteMap, price: Array, points: Array) -> Array:
    cells, on_grid = site_map.cells_of(points)
    return np.where(on_grid, price[cells[:, 0], cells[:, 1]], np.inf)


def _shortcut(site_map: SiteMap, price: Array, points: Array) -> Array:
    """Replace stretches by straight lines where these cost no more; greedy, far ends first."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    at = _prices_at(site_map, price, points)
    spent = np.concatenate([[0.0], np.cumsum(0.5 * (at[1:] + at[:-1]) * steps)])
    kept, i, last = [0], 0, len(points) - 1
    while i < last:
        reach = last - i
        while reach > 1:
            j = i + reach
            if cost_of(site_map, price, points[[i, j]]) <= 1.02 * (spent[j] - spent[i]) + 1e-9:
                break
            reach //= 2
        i += max(reach, 1)
        kept.append(i)
    return np.asarray(points[kept])


def _resample(points: Array, spacing_m: float) -> Array:
    length = path_length(points)
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    s = np.linspace(0.0, length, max(2, round(length / spacing_m) + 1))
    return np.column_stack([np.interp(s, at, points[:, 0]), np.interp(s, at, points[:, 1])])


def _smooth(site_map: SiteMap, price: Array, points: Array) -> Array:
    """Round the corners by pulling each point to its neighbours; given up where that costs clearance."""
    before = cost_of(site_map, price, points)
    for rounds in (20, 5):
        smooth = points.copy()
        for _ in range(rounds):
            pulled = smooth[1:-1] + SMOOTHING * (smooth[:-2] + smooth[2:] - 2.0 * smooth[1:-1])
            dear = _prices_at(site_map, price, pulled) > _prices_at(site_map, price, smooth[1:-1]) + 0.5
            smooth[1:-1] = np.where(dear[:, None], smooth[1:-1], pulled)
        if cost_of(site_map, price, smooth) <= 1.1 * before:
            return np.asarray(smooth)
    return points


def with_yaw(points: Array, first_yaw_rad: float, last_yaw_rad: float | None) -> Array:
    """Poses (N, 3): each heads for the next; the last has its own heading where one is asked."""
    if not len(points):
        return np.zeros((0, 3))
    steps = np.diff(points, axis=0)
    moving = np.hypot(*steps.T) > 1e-6
    yaw = np.full(len(points), first_yaw_rad)
    heading = first_yaw_rad
    for i in range(len(steps)):
        heading = float(np.arctan2(steps[i, 1], steps[i, 0])) if moving[i] else heading
        yaw[i] = heading
    yaw[-1] = heading if last_yaw_rad is None else last_yaw_rad
    return np.column_stack([points, wrap(yaw)])
