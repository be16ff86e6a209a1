"""The site as a grid in `map`: how far each cell is from what is solid or forbidden, and where the robot may be.

Cells are (row, column) with row along y; the centre of cell (0, 0) is half a cell from `origin`. Distances are exact
at the cell centres near a shape (shapely) and lower bounds far from it, so that a cell counts as allowed only when
every point of it keeps the clearance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from physical_ai_core.geometry import Array
from physical_ai_core.site import Site, Structure, ZoneKind
from physical_ai_planner.map_file import load_map, solid
from physical_ai_planner.site_graph import SiteGraph

MAX_CELLS = 1_500_000  # 300 x 200 m at 0.2 m; larger sites get a coarser grid
WHOLE_CELLS = 250_000  # up to here a search takes in every cell; above, the corridor that the site graph finds
EXACT_M = 2.0  # farther than this from a shape its distance is a lower bound, from the grid
SEGMENT_M = 20.0  # long edges are cut, so that the cells around each are few
MARGIN_M = 10.0  # around everything known, where a site has no geofence
EIGHT = np.ones((3, 3), dtype=bool)
WEIGHT = 4.0  # how much dearer a cell right at the clearance is than a free one


@dataclass(frozen=True)
class Terrain:
    """Where a robot with certain clearances may be.

    `free` (H, W): every point of the cell keeps the clearance to structures and zones; `zone_free`: to zones alone.
    `cost` (H, W) ≥ 1: price of a metre there, dearer near obstacles.
    """

    free: NDArray[np.bool_]
    zone_free: NDArray[np.bool_]
    cost: Array
    clearance_m: float
    sigma_margin_m: float
    keep_out: tuple[str, ...]

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Connected parts of `free` (8 neighbours), 0 where not free."""
        return np.asarray(ndimage.label(self.free, EIGHT)[0], dtype=np.int32)

    @cached_property
    def graph(self) -> SiteGraph:
        """The free cells as a small graph, for far goals and for route lengths."""
        return SiteGraph(self.free, self.cost)


class SiteMap:
    """Grid of one site. `radius_m` is the robot's, `inscribed_m` the radius of the circle inside its footprint.

    What the site's `map_file` shows as occupied is solid, as its structures are. Raises SiteError.
    """

    def __init__(self, site: Site, radius_m: float, inscribed_m: float, resolution_m: float, comfort_m: float) -> None:
        self.site, self.radius_m, self.inscribed_m, self.comfort_m = site, radius_m, inscribed_m, comfort_m
        mapped = shapely.Polygon() if site.map_file is None else solid(load_map(site.map_file))
        low, high = _bounds(site, mapped)
        area = float(np.prod(high - low))
        self.resolution_m = max(resolution_m, float(np.sqrt(area / MAX_CELLS)))
        self.origin = low
        columns, rows = np.maximum(1, np.ceil((high - low) / self.resolution_m)).astype(int)
        self.shape: tuple[int, int] = (int(rows), int(columns))
        self.half_diagonal_m = self.resolution_m * float(np.sqrt(0.5))
        self._x = low[0] + (np.arange(columns) + 0.5) * self.resolution_m
        self._y = low[1] + (np.arange(rows) + 0.5) * self.resolution_m
        self.structures = shapely.unary_union([*(_solid(s) for s in site.structures.values()), mapped])
        shapely.prepare(self.structures)
        self.to_structure_m = self.to_shape_m(self.structures)
        fences = [zone.shape for zone in site.zones_of(ZoneKind.GEOFENCE).values()]
        self.fence = shapely.intersection_all(fences) if fences else None  # inside every geofence
        self.to_fence_m = self._distance_to_outside(self.fence)
        self._zone_m: dict[str, Array] = {}
        self.terrain = lru_cache(maxsize=8)(self._terrain)

    def to_shape_m(self, shape: shapely.Geometry) -> Array:
        """Distance (H, W) of each cell centre to a shape; 0 inside."""
        distance = np.full(self.shape, np.inf)
        for part in shapely.get_parts(shape):
            if part.is_empty:
                continue
            x0, y0, x1, y1 = part.bounds
            left, right = np.searchsorted(self._x, [x0 - EXACT_M, x1 + EXACT_M])
            top, bottom = np.searchsorted(self._y, [y0 - EXACT_M, y1 + EXACT_M])
            window = (slice(top, bottom), slice(left, right))
            centres = shapely.points(*np.meshgrid(self._x[left:right], self._y[top:bottom]))
            distance[window] = np.minimum(distance[window], shapely.distance(centres, part))
        near = distance <= max(EXACT_M, self.half_diagonal_m)
        if not near.any() or near.all():
            return distance
        beyond = ndimage.distance_transform_edt(~near) * self.resolution_m - self.half_diagonal_m
        return np.where(near, distance, EXACT_M + np.maximum(beyond - self.resolution_m, 0.0))

    def _distance_to_outside(self, fence: shapely.Geometry | None) -> Array:
        if fence is None:
            return np.full(self.shape, np.inf)
        shapely.prepare(fence)
        inside = shapely.contains_xy(fence, *np.meshgrid(self._x, self._y))
        edges = [
            shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
            for line in map(shapely.get_coordinates, shapely.get_parts(shapely.segmentize(fence.boundary, SEGMENT_M)))
        ]
        return np.where(inside, self.to_shape_m(shapely.multilinestrings(np.concatenate(edges))), 0.0)

    def to_zone_m(self, name: str) -> Array:
        """Distance (H, W) to a zone of the site; 0 inside."""
        if name not in self._zone_m:
            self._zone_m[name] = self.to_shape_m(self.site.zones[name].shape)
        return self._zone_m[name]

    def _terrain(self, clearance_m: float, sigma_margin_m: float, keep_out: tuple[str, ...]) -> Terrain:
        """`clearance_m` beyond the radius, to everything; `sigma_margin_m` more to zones; `keep_out`: extra zones."""
        zones = sorted({*self.site.zones_of(ZoneKind.KEEP_OUT), *keep_out})
        to_zone = np.minimum.reduce([self.to_fence_m, *(self.to_zone_m(name) for name in zones)])
        beyond_zone = to_zone - (self.radius_m + clearance_m + sigma_margin_m)
        beyond = np.minimum(self.to_structure_m - (self.radius_m + clearance_m), beyond_zone)
        closeness = np.clip(1.0 - beyond / max(self.comfort_m, 1e-6), 0.0, 1.0)
        return Terrain(
            free=beyond >= self.half_diagonal_m,
            zone_free=beyond_zone >= self.half_diagonal_m,
            cost=1.0 + WEIGHT * closeness**2,
            clearance_m=clearance_m,
            sigma_margin_m=sigma_margin_m,
            keep_out=tuple(zones),
        )

    def cells_of(self, points: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Cells (N, 2) of points (N, 2) in `map`, clipped to the grid, and which of them lie on it."""
        xy = np.asarray(points, dtype=float).reshape(-1, 2)
        with np.errstate(invalid="ignore"):
            column_row = np.floor((xy - self.origin) / self.resolution_m)
        cells = column_row[:, ::-1]
        rows, columns = self.shape
        on_grid = (cells[:, 0] >= 0) & (cells[:, 0] < rows) & (cells[:, 1] >= 0) & (cells[:, 1] < columns)
        if not on_grid.all():
            cells = np.nan_to_num(np.clip(cells, 0, [rows - 1, columns - 1]))
        return cells.astype(np.intp), on_grid

    def centres_of(self, cells: ArrayLike) -> Array:
        """Centres (N, 2) in `map` of cells (N, 2)."""
        return (np.asarray(cells, dtype=float).reshape(-1, 2)[:, ::-1] + 0.5) * self.resolution_m + self.origin

    def is_free(self, free: NDArray[np.bool_], points: ArrayLike) -> NDArray[np.bool_]:
        """Which points (N, 2) lie in a true cell; off the grid is not free."""
        cells, on_grid = self.cells_of(points)
        return np.asarray(free[cells[:, 0], cells[:, 1]] & on_grid)

    def along(self, points: ArrayLike) -> Array:
        """Points at most half a cell apart on a polyline (N, 2)."""
        xy = np.asarray(points, dtype=float).reshape(-1, 2)
        if len(xy) < 2:
            return xy
        legs = np.hypot(*np.diff(xy, axis=0).T)
        at = np.concatenate([[0.0], np.cumsum(legs)])
        count = int(np.ceil(at[-1] / (0.5 * self.resolution_m))) + 1
        s = np.union1d(np.linspace(0.0, at[-1], count), at)
        return np.column_stack([np.interp(s, at, xy[:, 0]), np.interp(s, at, xy[:, 1])])

    def disc(self, point: ArrayLike, radius_m: float) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
        """Window of the grid around a point, and which of its cells lie within `radius_m` of it."""
        row, column = (int(v) for v in self.cells_of(np.asarray(point, dtype=float)[:2])[0][0])
        reach = int(np.ceil(radius_m / self.resolution_m))
        top, bottom = max(0, row - reach), min(self.shape[0], row + reach + 1)
        left, right = max(0, column - reach), min(self.shape[1], column + reach + 1)
        r, c = np.ogrid[top:bottom, left:right]
        return (slice(top, bottom), slice(left, right)), (r - row) ** 2 + (c - column) ** 2 <= reach**2

    def nearest_free(self, free: NDArray[np.bool_], point: ArrayLike, within_m: float) -> Array | None:
        """Centre of the free cell nearest to a point, at most `within_m` away."""
        xy = np.asarray(point, dtype=float)[:2]
        window, inside = self.disc(xy, within_m + self.resolution_m)
        cells = np.argwhere(free[window] & inside) + np.array([window[0].start, window[1].start])
        if not len(cells):
            return None
        centres = self.centres_of(cells)
        distance = np.hypot(*(centres - xy).T)
        best = int(np.argmin(distance))
        return np.asarray(centres[best]) if distance[best] <= within_m else None

    def sees(self, a: ArrayLike, b: ArrayLike) -> bool:
        """Whether no structure of the site stands between two points (2,) in `map`."""
        return not bool(shapely.intersects(self.structures, shapely.LineString([a, b])))

    def in_forbidden_zone(self, point: ArrayLike, radius_m: float, keep_out: tuple[str, ...] = ()) -> str | None:
        """Id of the keep-out zone (site's or extra) nearer to a point than `radius_m`, or None. Exact, no grid."""
        spot = shapely.Point(*np.asarray(point, dtype=float)[:2])
        for name in sorted({*self.site.zones_of(ZoneKind.KEEP_OUT), *keep_out}):
            if self.site.zones[name].shape.distance(spot) < radius_m:
                return name
        return None

    def inside_fence(self, point: ArrayLike, radius_m: float = 0.0) -> bool:
        """Whether a disc lies inside every geofence (always, where the site has none)."""
        if self.fence is None:
            return True
        spot = shapely.Point(*np.asarray(point, dtype=float)[:2])
        return bool(self.fence.contains(spot) and self.fence.boundary.distance(spot) >= radius_m)


def _solid(structure: Structure) -> shapely.Geometry:
    if structure.radius_m is not None:
        return shapely.Point(structure.pose.x_m, structure.pose.y_m).buffer(structure.radius_m)
    return shapely.Polygon(structure.outline())


def _bounds(site: Site, mapped: shapely.Geometry) -> tuple[Array, Array]:
    fences = [zone.shape.bounds for zone in site.zones_of(ZoneKind.GEOFENCE).values()]
    if fences:
        return np.min([b[:2] for b in fences], axis=0), np.max([b[2:] for b in fences], axis=0)
    spots = [(p.pose.x_m, p.pose.y_m) for p in site.places.values()]
    spots += [corner for zone in site.zones.values() for corner in zone.polygon]
    spots += [(x, y) for structure in site.structures.values() for x, y in structure.outline()]
    spots += [] if mapped.is_empty else [mapped.bounds[:2], mapped.bounds[2:]]
    return np.min(spots, axis=0) - MARGIN_M, np.max(spots, axis=0) + MARGIN_M
