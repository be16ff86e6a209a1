"""Covering fields of every kind: how much, how much twice, how far beyond what must be, and the time to plan it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from shapely import affinity

from physical_ai_bench.page import Page
from physical_ai_core.geometry import Array
from physical_ai_core.robot import load_robot
from physical_ai_core.site import Site, ZoneKind, load_site
from physical_ai_planner.coverage import Coverage, Piece, judge
from physical_ai_planner.fields import Field, Fields
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.route import plan_leg
from physical_ai_planner.site_map import SiteMap, Terrain

MARGIN_M = 4.0
INSCRIBED_M = 0.21
SIGMA_MARGIN_M = 0.1
ABOUT = (
    "`physical-ai bench coverage`: the planner's course over fields of every kind, from the gate at the lower left,"
    " with the robot `scout`, an implement of {width:.2f} m and lanes every {spacing:.2f} m, {headlands} headland pass."
    " Ways between parts are the planner's own routes. *covered*: share of what the implement can reach at all;"
    " *twice*: area worked more than once, of the same; *length*: whole way over area / width, the least of any"
    " course; *off*: metres of it with the implement off; *outside*: worked outside the zone; *CPU*: process time of"
    " finding the course, site and grid read before. Peer, on the same field: *one sweep*, parallel lanes along the"
    " longer side of the largest piece, implement always on."
)
NOTES = (
    "A length of 1 would need lanes without overlap, no headland and no turn; the lanes alone make {share:.2f} of it"
    " here. Fields2Cover, the library for this, is not in the table: the Python package index holds its source only,"
    " which needs a C++ build with GDAL and OR-tools."
)


class FieldFile(NamedTuple):
    """A field in metres: outline, what may not be entered, what stands on it, and how the robot turns."""

    name: str
    outline: Sequence[tuple[float, float]]
    keep_out: Sequence[Sequence[tuple[float, float]]] = ()
    boxes: Sequence[tuple[float, float, float, float]] = ()  # x, y, length, width
    trees: Sequence[tuple[float, float, float]] = ()  # x, y, radius
    turn_radius_m: float = 0.0
    headlands: int = 1


@dataclass(frozen=True)
class Scene:
    """A field on its site, with where the robot may be on it."""

    name: str
    site_map: SiteMap
    terrain: Terrain
    fields: Fields
    field: Field
    zone: shapely.Geometry
    start: Array


def _kidney() -> list[tuple[float, float]]:
    t = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    radius = 13.0 + 4.0 * np.cos(2.0 * t) + 2.5 * np.sin(t)
    return [(float(x), float(y)) for x, y in zip(18 + radius * np.cos(t), 14 + radius * np.sin(t), strict=True)]


BROAD = [(0, 0), (30, 0), (30, 20), (0, 20)]
FIELDS = (
    FieldFile("rectangle", [(0, 0), (40, 0), (40, 25), (0, 25)]),
    FieldFile("slanted", [(0, 0), (30, 12), (24, 32), (-6, 20)]),
    FieldFile("triangle", [(0, 0), (36, 4), (10, 28)]),
    FieldFile("L", [(0, 0), (30, 0), (30, 10), (12, 10), (12, 28), (0, 28)]),
    FieldFile("U", [(0, 0), (32, 0), (32, 24), (22, 24), (22, 9), (10, 9), (10, 24), (0, 24)]),
    FieldFile("kidney", _kidney()),
    FieldFile("pond", [(0, 0), (30, 0), (30, 22), (0, 22)], keep_out=[[(11, 8), (19, 6), (21, 13), (13, 15)]]),
    FieldFile(
        "orchard", BROAD,
        boxes=[(24.0, 15.0, 6.0, 4.0)], trees=[(6, 6, 0.4), (12, 6, 0.4), (18, 6, 0.4), (6, 13, 0.4), (12, 13, 0.4)],
    ),
    FieldFile("ditch, one bridge", BROAD, keep_out=[[(14, -3), (16, -3), (16, 17), (14, 17)]]),
    FieldFile("two pieces", BROAD, keep_out=[[(14, 0.5), (16, 0.5), (16, 21), (14, 21)]]),
    FieldFile(
        "narrow neck",
        [(0, 0), (14, 0), (14, 6), (22, 6), (22, 0), (34, 0), (34, 16), (22, 16), (22, 7), (14, 7), (14, 16), (0, 16)],
    ),
    FieldFile("rice, 1 ha", [(0, 0), (125, 4), (122, 84), (-3, 80)]),
    FieldFile("turning radius 1.2 m", [(0, 0), (40, 0), (40, 25), (0, 25)], turn_radius_m=1.2, headlands=5),
)  # fmt: skip


def scene_of(drawn: FieldFile) -> Scene:
    """A site around a drawn field."""
    low = np.min(drawn.outline, axis=0) - MARGIN_M
    high = np.max(drawn.outline, axis=0) + MARGIN_M
    start = (low + 1.0).tolist()
    fence = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    boxes = {
        f"box_{i}": {"pose": {"x_m": x, "y_m": y}, "length_m": length, "width_m": width}
        for i, (x, y, length, width) in enumerate(drawn.boxes)
    }
    trees = {f"tree_{i}": {"pose": {"x_m": x, "y_m": y}, "radius_m": r} for i, (x, y, r) in enumerate(drawn.trees)}
    site = Site.model_validate({
        "name": drawn.name, "start": "gate",
        "places": {"gate": {"names": {"en": ["gate"]}, "pose": {"x_m": start[0], "y_m": start[1]}}},
        "zones": {
            "fence": {"kind": "geofence", "polygon": fence}, "field": {"kind": "work", "polygon": drawn.outline},
            **{f"no_{i}": {"kind": "keep_out", "polygon": shape} for i, shape in enumerate(drawn.keep_out)},
        },
        "structures": {**boxes, **trees},
    })  # fmt: skip
    parameters = PlannerParameters(turn_radius_m=drawn.turn_radius_m, headlands=drawn.headlands)
    return _scene(drawn.name, site, "field", np.array([*start, 0.0]), parameters)


def meadow() -> Scene:
    """The yard's own field, from its charger."""
    site = load_site("yard")
    return _scene("the yard's meadow", site, "meadow", site.places["charger"].pose.as_array(), PlannerParameters())


def _scene(name: str, site: Site, zone: str, start: Array, parameters: PlannerParameters) -> Scene:
    p = parameters
    site_map = SiteMap(site, load_robot("scout").radius_m, INSCRIBED_M, p.resolution_m, p.comfort_m)
    terrain = site_map.terrain(p.clearance_m, SIGMA_MARGIN_M, tuple(site.zones_of(ZoneKind.KEEP_OUT)))
    fields = Fields(site, site_map, p)
    field = fields.field(site.zones[zone], terrain, start)
    return Scene(name, site_map, terrain, fields, field, site.zones[zone].shape, start)


def routed(scene: Scene, pieces: Sequence[Piece]) -> list[Piece]:
    """A course with the planner's routes where it only travels."""
    found = []
    for piece in pieces:
        ends = piece.points[[0, -1]]
        travels = not piece.work and len(piece.points) == 2
        leg = plan_leg(scene.site_map, scene.terrain, None, ends[0], ends[1], 0.2, straight=True) if travels else None
        found.append(piece if leg is None else Piece(leg.points, False))
    return found


def one_sweep(scene: Scene) -> list[Piece]:
    """The peer: lanes along the longer side of the largest piece, there and back, obstacles driven around."""
    spacing, parts = scene.fields.settings.spacing_m, shapely.get_parts(scene.field.area)
    if not len(parts):
        return []
    area = max(parts, key=lambda part: float(part.area))
    corners = np.array(area.minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(corners[:3], axis=0)
    longest = sides[int(np.argmax(np.hypot(*sides.T)))]
    turn = float(np.arctan2(longest[1], longest[0]))
    flat = affinity.rotate(area, -turn, origin=(0.0, 0.0), use_radians=True)
    x0, y0, x1, y1 = flat.bounds
    count = max(1, int(np.ceil((y1 - y0) / spacing)))
    lanes: list[Array] = []
    for i, y in enumerate(y0 + (np.arange(count) + 0.5) * (y1 - y0) / count):
        cut = flat.intersection(shapely.LineString([(x0 - 1.0, y), (x1 + 1.0, y)]))
        spans = sorted(sorted(map(tuple, part.coords)) for part in shapely.get_parts(cut) if part.length > 1e-6)
        lanes += [np.array(s[::-1]) for s in spans[::-1]] if i % 2 else [np.array(s) for s in spans]
    c, s = np.cos(turn), np.sin(turn)
    lanes = [lane @ np.array([[c, s], [-s, c]]) for lane in lanes]
    pieces, at = [], scene.start[:2]
    for number, lane in enumerate(lanes):
        leg = plan_leg(scene.site_map, scene.terrain, None, at, lane[0], 0.2, straight=True)
        way = np.vstack([at, lane[0]]) if leg is None else leg.points
        pieces += [Piece(way, number > 0), Piece(lane, True)]
        at = lane[-1]
    return pieces


def _row(name: str, how: str, hectares: str, found: Coverage, travel_m: float, cpu_s: float) -> tuple[str, ...]:
    return (
        name, hectares, how, f"{100.0 * found.covered:.1f} %", f"{100.0 * found.overlap:.0f} %", f"{found.ratio:.2f}",
        f"{found.length_m:.0f}", f"{travel_m:.0f}", str(found.turns), f"{found.outside_m2:.2f}", f"{cpu_s:.2f}",
    )  # fmt: skip


def _off_m(pieces: Sequence[Piece]) -> float:
    return sum(float(np.hypot(*np.diff(p.points, axis=0).T).sum()) for p in pieces if not p.work)


def coverage_page(folder: Path) -> Page:
    """The table over all fields, and a picture of the courses in `folder`."""
    rows: list[tuple[str, ...]] = []
    drawn: list[tuple[Scene, Sequence[Piece]]] = []
    first = meadow()
    settings = first.fields.settings
    for scene in (first, *map(scene_of, FIELDS)):
        scene.terrain.graph  # noqa: B018 (read before, as at the planner's start)
        width = scene.fields.settings.width_m
        began = time.process_time()
        planned = scene.fields.course(scene.field, scene.terrain, scene.start)
        cpu_s = time.process_time() - began
        began = time.process_time()
        swept = one_sweep(scene)
        peer_s = time.process_time() - began
        reachable = scene.field.area.buffer(0.5 * width)
        course = routed(scene, planned)
        for how, pieces, spent in (("**decomposed**", course, cpu_s), ("one sweep", swept, peer_s)):
            found = judge(pieces, reachable, scene.zone, width)
            ours = how.startswith("**")
            hectares = f"{reachable.area / 1e4:.3f}" if ours else ""
            rows.append(_row(scene.name if ours else "", how, hectares, found, _off_m(pieces), spent))
        drawn.append((scene, course))
    picture = draw(drawn, folder)
    header = (
        "field", "ha", "course", "covered", "twice", "length", "m", "off, m", "turns", "outside, m²", "CPU, s",
    )  # fmt: skip
    about = ABOUT.format(width=settings.width_m, spacing=settings.spacing_m, headlands=settings.headlands)
    notes = NOTES.format(share=settings.width_m / settings.spacing_m)
    return Page("coverage", "Covering fields", about, header, rows, notes, (picture,))


def draw(scenes: Sequence[tuple[Scene, Sequence[Piece]]], folder: Path) -> str:
    """Picture of the courses: passes coloured from first (dark) to last, ways without the implement dashed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.collections import LineCollection

    columns = 4
    rows = -(-len(scenes) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.0 * columns, 3.4 * rows), constrained_layout=True)
    for axis in axes.ravel()[len(scenes) :]:
        axis.axis("off")
    for axis, (scene, pieces) in zip(axes.ravel(), scenes, strict=False):
        _fill(axis, scene.zone, "#e8efdf")
        for structure in scene.site_map.site.structures.values():
            _fill(axis, shapely.Polygon(structure.outline()), "#808080")
        for name in scene.terrain.keep_out:
            _fill(axis, scene.site_map.site.zones[name].shape, "#e7a8a0")
        work = [p.points for p in pieces if p.work]
        lines = LineCollection(work, array=np.linspace(0.0, 1.0, len(work)), cmap="viridis", linewidths=0.7)
        axis.add_collection(lines)
        axis.add_collection(
            LineCollection([p.points for p in pieces if not p.work], colors="#c02020", linewidths=0.8, linestyles="--")
        )
        axis.plot(*scene.start[:2], "o", color="#c02020", markersize=4)
        x0, y0, x1, y1 = scene.zone.bounds
        axis.set(xlim=(x0 - 4, x1 + 4), ylim=(y0 - 4, y1 + 4), aspect="equal")
        axis.set_title(scene.name, fontsize=10)
        axis.tick_params(labelsize=7)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "coverage.png", dpi=110)
    plt.close(figure)
    return "coverage.png"


def _fill(axis: Any, shape: shapely.Geometry, colour: str) -> None:
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon" and not part.is_empty:
            axis.fill(*part.exterior.xy, color=colour, linewidth=0)
