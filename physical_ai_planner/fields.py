"""From a zone of the site to the course that covers it, and to the line along its edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from physical_ai_core.geometry import Array
from physical_ai_core.site import Site, Zone
from physical_ai_planner.coverage import CoverageSettings, Piece, cover
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.site_map import SiteMap, Terrain

QUAD_SEGS = 4  # of a quarter circle around an obstacle's corner: few points to drive through
CIRCUMSCRIBED = 1.0 / np.cos(np.pi / (4.0 * QUAD_SEGS))  # so that no chord comes nearer than the arc would
LEAST_M2 = 1e-3


@dataclass(frozen=True)
class Field:
    """`area`: where the robot's centre may work, every piece of it reachable; `tool_area`: where the implement stays
    within the zone and off what is not to be worked; `free`: where the robot may be at all."""

    area: shapely.Geometry
    tool_area: shapely.Geometry
    free: shapely.Geometry


class Fields:
    """Fields of one site."""

    def __init__(self, site: Site, site_map: SiteMap, parameters: PlannerParameters) -> None:
        self.site, self.site_map, self.p = site, site_map, parameters

    @property
    def settings(self) -> CoverageSettings:
        p = self.p
        return CoverageSettings(p.lane_width_m, p.lane_width_m + p.lane_overlap_m, p.headlands, p.turn_radius_m)

    def drivable(self, terrain: Terrain, around: shapely.Geometry) -> shapely.Geometry:
        """Where near a shape the robot's centre may be: off everything by the room that the grid asks for, too."""
        room = self.site_map.radius_m + terrain.clearance_m + 2.0 * self.site_map.half_diagonal_m
        area = around
        if self.site_map.fence is not None:
            area = area & self.site_map.fence.buffer(-room - terrain.sigma_margin_m, quad_segs=QUAD_SEGS)
        area = area - _around(self.site_map.structures, room, area)
        for name in terrain.keep_out:
            area = area - _around(self.site.zones[name].shape, room + terrain.sigma_margin_m, area)
        return area

    def reachable(self, area: shapely.Geometry, terrain: Terrain, pose: Array) -> shapely.Geometry:
        """The pieces of a drivable area that the robot can drive to from `pose`; all, where it is not known."""
        parts = [p for p in shapely.get_parts(area) if p.geom_type == "Polygon" and p.area > LEAST_M2]
        reach = self.site_map.radius_m + terrain.clearance_m + terrain.sigma_margin_m + 0.5
        own = self._label(terrain, pose, reach)
        return shapely.union_all([p for p in parts if own == 0 or self._label(terrain, _inside(p), 0.0) == own])

    def _label(self, terrain: Terrain, point: Array, within_m: float) -> int:
        row, column = self.site_map.cells_of(point[:2])[0][0]
        if terrain.labels[row, column] or within_m <= 0.0:
            return int(terrain.labels[row, column])
        free = self.site_map.nearest_free(terrain.free, point, within_m)
        if free is None:
            return 0
        row, column = self.site_map.cells_of(free)[0][0]
        return int(terrain.labels[row, column])

    def field(self, zone: Zone, terrain: Terrain, pose: Array) -> Field:
        """What of a zone is worked, and where the implement may be on."""
        half = 0.5 * self.settings.width_m
        tool_area = zone.shape.buffer(-half)
        near = tool_area.buffer(1.0)
        tool_area = tool_area - _around(self.site_map.structures, half, near)
        for name in terrain.keep_out:
            tool_area = tool_area - _around(self.site.zones[name].shape, half, near)
        free = self.drivable(terrain, zone.shape.buffer(4.0 * max(1.0, self.p.turn_radius_m)))
        inner = tool_area.buffer(-self.p.cover_edge_m) if self.p.cover_edge_m > 0.0 else tool_area
        return Field(self.reachable(inner & free, terrain, pose), tool_area, free)

    def course(self, field: Field, terrain: Terrain, pose: Array) -> list[Piece]:
        """The whole field from where the robot is; straight lines stand for the ways between its parts."""

        def lengths(points: Array) -> Array:
            cells, _ = self.site_map.cells_of(points)
            return terrain.graph.lengths(cells) * self.site_map.resolution_m

        return cover(field.area, self.settings, np.asarray(pose, dtype=float), lengths, field.free)

    def perimeter(self, zone: Zone, terrain: Terrain, pose: Array, inset_m: float) -> Array:
        """Closed line (N, 2) along the inside of a zone, begun at the point nearest to `pose`; empty for no room."""
        area = self.drivable(terrain, zone.shape.buffer(-inset_m))
        pieces = shapely.get_parts(self.reachable(area, terrain, pose))
        if not len(pieces):
            return np.zeros((0, 2))
        largest = max(pieces, key=lambda piece: float(piece.area))
        ring = shapely.get_coordinates(largest.simplify(0.1).exterior)[:-1]
        ring = np.roll(ring, -int(np.argmin(np.hypot(*(ring - pose[:2]).T))), axis=0)
        return np.vstack([ring, ring[:1]])


def _around(shape: shapely.Geometry, room_m: float, near: shapely.Geometry) -> shapely.Geometry:
    """A shape with room around it, of what of it lies near another."""
    reach = room_m * CIRCUMSCRIBED
    parts = shapely.get_parts(shape)
    parts = parts[shapely.dwithin(parts, near, 1.5 * reach)] if len(parts) else parts
    return shapely.union_all(shapely.buffer(parts, reach, quad_segs=QUAD_SEGS))


def _inside(piece: shapely.Polygon) -> Array:
    point = piece.representative_point()
    return np.array([point.x, point.y])


def points_of(pieces: list[Piece]) -> Iterator[tuple[Array, bool]]:
    """Points (2,) of a course after its start, and whether the implement is on while driving to each."""
    for piece in pieces:
        for point in piece.points[1:]:
            yield point, piece.work
