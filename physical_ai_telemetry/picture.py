"""Pictures of a run: the site with everything that moved on it, and speed and verdict over time."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.geometry import transform_points
from physical_ai_core.goal import PoseTarget
from physical_ai_core.robot import load_robot
from physical_ai_core.site import Site, ZoneKind
from physical_ai_telemetry.run_data import RunData

INK, PAPER, GRID = "#263238", "#fbfaf7", "#e3e0d8"
LABEL: Final = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
TRUTH, ESTIMATE, PLAN, PEOPLE = "#1565c0", "#ef6c00", "#43a047", "#8e6bbf"
ZONE: Final[dict[ZoneKind, dict[str, Any]]] = {
    ZoneKind.KEEP_OUT: {"facecolor": "#e5737333", "edgecolor": "#c62828", "hatch": "////", "linewidth": 1.0},
    ZoneKind.SPEED: {"facecolor": "#ffca2822", "edgecolor": "#f9a825", "linestyle": "--", "linewidth": 1.2},
    ZoneKind.WORK: {"facecolor": "#81c78422", "edgecolor": "#66a56a", "linestyle": "-", "linewidth": 0.8},
    ZoneKind.GEOFENCE: {"facecolor": "none", "edgecolor": "#90a4ae", "linestyle": ":", "linewidth": 1.2},
}
ZONE_NAME: Final = {
    ZoneKind.KEEP_OUT: "keep-out zone", ZoneKind.SPEED: "speed zone", ZoneKind.WORK: "work zone",
    ZoneKind.GEOFENCE: "geofence",
}  # fmt: skip
STATE: Final = {
    "clear": "#66bb6a", "limited": "#ffb300", "protective_stop": "#e53935", "emergency_stop": "#8e0000",
    "waiting": "#b0bec5",
}  # fmt: skip
STOPS: Final = ("protective_stop", "emergency_stop")
FOOTPRINT_EVERY_S: Final = 2.0
CJK_FONTS: Final = ("Noto Sans CJK JP", "IPAexGothic", "IPAGothic", "TakaoGothic", "VL Gothic", "Hiragino Sans")


@lru_cache(maxsize=1)
def cjk_font() -> str | None:
    """A font that can write Japanese, where one is installed."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CJK_FONTS if name in installed), None)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _axes(figure: Figure, position: Any = 111) -> Any:
    axes = figure.add_subplot(position, facecolor="white")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#90a4ae")
    axes.tick_params(colors=INK, labelsize=8)
    return axes


def draw_map(run: RunData, site: Site, path: Path, title: str = "", robot: str = "scout") -> Path:
    """The site from above with paths, plan, people and what the gate did."""
    xy = _extent(run, site)
    width = 11.0
    height = float(np.clip(width * (xy[3] - xy[2]) / (xy[1] - xy[0]), 4.0, 12.0)) + 1.2
    figure = _figure(width, height)
    axes = _axes(figure)
    entries = _draw_site(axes, site)
    entries += _draw_people(axes, run)
    entries += _draw_paths(axes, run)
    _draw_footprints(axes, run, robot)
    _draw_ends(axes, run, site)
    entries += _draw_marks(axes, run)
    axes.set(xlim=xy[:2], ylim=xy[2:], aspect="equal", xlabel="x m (map, east)", ylabel="y m (map, north)")
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if title:
        family = cjk_font() if not title.isascii() else None
        shown = title if title.isascii() or family else ""
        axes.set_title(shown, loc="left", color=INK, fontsize=12, fontweight="bold", family=family)
    figure.legend(
        handles=entries, loc="outside lower center", ncols=min(7, max(1, len(entries))), fontsize=8, frameon=False
    )
    figure.savefig(path, dpi=140)
    return path


def _extent(run: RunData, site: Site) -> tuple[float, float, float, float]:
    points = [structure.outline() for structure in site.structures.values()]
    points += [np.array(zone.polygon) for zone in site.zones.values()]
    points += [np.array([[place.pose.x_m, place.pose.y_m]]) for place in site.places.values()]
    path = run.path()
    if len(path):
        points.append(path[:, 1:3])
    everything = np.vstack(points)
    low, high = everything.min(axis=0) - 0.6, everything.max(axis=0) + 0.6
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _draw_site(axes: Any, site: Site) -> list[Any]:
    entries: list[Any] = []
    for kind in ZoneKind:
        zones = site.zones_of(kind)
        for name, zone in zones.items():
            axes.add_patch(Polygon(zone.polygon, closed=True, zorder=1, **ZONE[kind]))
            if kind is not ZoneKind.GEOFENCE:
                shape = zone.shape
                text = (zone.names.get("en") or (name,))[0]
                if zone.max_speed_mps is not None:
                    text += f"\n≤ {zone.max_speed_mps:g} m/s"
                x, _, _, y = shape.bounds
                color = ZONE[kind]["edgecolor"]
                axes.text(x + 0.2, y - 0.2, text, va="top", fontsize=7, color=color, zorder=3, bbox=LABEL)
        if zones:
            entries.append(Patch(label=ZONE_NAME[kind], **ZONE[kind]))
    solid = [Polygon(structure.outline(), closed=True) for structure in site.structures.values()]
    axes.add_collection(PatchCollection(solid, facecolor="#78909c", edgecolor="#455a64", linewidth=0.6, zorder=2))
    for name, place in site.places.items():
        x, y = place.pose.x_m, place.pose.y_m
        axes.plot(x, y, "o", markersize=4.5, color="white", markeredgecolor=INK, markeredgewidth=1.0, zorder=4)
        axes.annotate(
            (place.names.get("en") or (name,))[0], (x, y), (5, 5), textcoords="offset points", fontsize=8, color=INK,
            zorder=9, bbox=LABEL,
        )  # fmt: skip
    return entries


def _draw_people(axes: Any, run: RunData) -> list[Any]:
    tracks = [np.array(track)[:, 1:3] for track in run.people.values() if len(track) > 1]
    if not tracks:
        return []
    axes.add_collection(LineCollection(tracks, colors=PEOPLE, linewidths=0.9, alpha=0.45, zorder=3))
    ends = np.array([track[-1] for track in tracks])
    axes.plot(ends[:, 0], ends[:, 1], "o", color=PEOPLE, markersize=3.0, alpha=0.7, zorder=3)
    return [Line2D([], [], color=PEOPLE, alpha=0.7, linewidth=1.2, label=f"people ({len(tracks)})")]


def _draw_paths(axes: Any, run: RunData) -> list[Any]:
    entries: list[Any] = []

    def line(label: str, xy: Any, **style: Any) -> None:
        entries.extend(axes.plot(xy[:, 0], xy[:, 1], label=label, **style))

    for earlier in run.plans[:-1][:: max(1, len(run.plans) // 20)]:
        axes.plot(earlier[:, 0], earlier[:, 1], color=PLAN, linewidth=0.7, alpha=0.25, zorder=4)
    if run.plans:
        longest = max(run.plans, key=len)
        line("plan", longest, color=PLAN, linewidth=1.8, linestyle=(0, (4, 2)), zorder=4)
    if run.truth:
        line("true path", np.array(run.truth)[:, 1:3], color=TRUTH, linewidth=2.6, zorder=5, solid_capstyle="round")
    if run.estimate:
        line("estimated path", np.array(run.estimate)[:, 1:3], color=ESTIMATE, linewidth=1.1, zorder=6)
    return entries


def _draw_footprints(axes: Any, run: RunData, robot: str) -> None:
    path = run.path()
    if not len(path):
        return
    try:
        outline = np.array(load_robot(robot).footprint)
    except PhysicalAIError:
        return
    times = np.arange(path[0, 0], path[-1, 0] + FOOTPRINT_EVERY_S, FOOTPRINT_EVERY_S)
    rows = path[np.clip(np.searchsorted(path[:, 0], times), 0, len(path) - 1)]
    shapes = [Polygon(transform_points(row[1:4], outline), closed=True) for row in rows]
    axes.add_collection(
        PatchCollection(shapes, facecolor="#1565c022", edgecolor=TRUTH, linewidth=0.6, alpha=0.6, zorder=5)
    )


def _draw_ends(axes: Any, run: RunData, site: Site) -> None:
    path = run.path()
    if len(path):
        x, y, yaw = path[0, 1:4]
        axes.plot(x, y, marker=(3, 0, math.degrees(yaw) - 90.0), markersize=13, color="#2e7d32", zorder=8,
                  markeredgecolor="white")  # fmt: skip
        _label(axes, "start", x, y, "#2e7d32", -14)
    goal = run.goal_place()
    at: tuple[float, float] | None = None
    if isinstance(goal, PoseTarget):
        at = (goal.x_m, goal.y_m)
    elif goal in site.places:
        at = (site.places[goal].pose.x_m, site.places[goal].pose.y_m)
    if at is not None:
        axes.plot(*at, marker="*", markersize=19, color="#d81b60", markeredgecolor="white", zorder=8)
        _label(axes, "goal", *at, "#d81b60", -16)


def _label(axes: Any, text: str, x: float, y: float, color: str, below: float) -> None:
    axes.annotate(text, (x, y), (0, below), textcoords="offset points", ha="center", va="top", fontsize=9,
                  fontweight="bold", color=color, zorder=9)  # fmt: skip


def _draw_marks(axes: Any, run: RunData) -> list[Any]:
    entries: list[Any] = []

    def dots(label: str, kinds: tuple[str, ...], **style: Any) -> None:
        points = np.array([mark.xy for mark in run.marks if mark.kind in kinds]).reshape(-1, 2)
        if len(points):
            text = f"{label} ({len(points)})"
            entries.extend(axes.plot(points[:, 0], points[:, 1], linestyle="none", label=text, **style))

    dots("gate limits", ("limited", "clear"), marker="o", markersize=5, color=STATE["limited"], markeredgecolor="white",
         markeredgewidth=0.5, zorder=7)  # fmt: skip
    dots("gate stops", STOPS, marker="8", markersize=11, color=STATE["protective_stop"], markeredgecolor="white",
         zorder=7)  # fmt: skip
    dots("bump by a person", ("bump",), marker="P", markersize=10, color=PEOPLE, markeredgecolor="white", zorder=8)
    dots("collision", ("collision",), marker="X", markersize=14, color="black", markeredgecolor="white", zorder=9)
    return entries


MOVES_MPS = 0.02
BEFORE_S = 5.0  # shown of the time before anything is asked or driven


def draw_timeline(run: RunData, path: Path) -> Path:
    """Speed asked, allowed and driven over time, above a strip of the gate's verdict."""
    figure = _figure(11.0, 3.4)
    grid = figure.add_gridspec(2, 1, height_ratios=(6, 1))
    axes = _axes(figure, grid[0])
    strip = _axes(figure, grid[1])
    zero_s = run.start_s if math.isfinite(run.start_s) else 0.0
    speeds = np.array(run.speeds, dtype=float).reshape(-1, 4)
    t = speeds[:, 0] - zero_s
    axes.fill_between(t, np.nan_to_num(speeds[:, 3]), color="#66bb6a33", step="post", label="allowed by the gate")
    axes.step(t, speeds[:, 2], where="post", color=ESTIMATE, linewidth=1.1, label="asked by the controller")
    axes.plot(t, speeds[:, 1], color=TRUTH, linewidth=1.8, label="driven")
    axes.set(ylabel="m/s")
    axes.grid(color=GRID, linewidth=0.6)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), fontsize=8, frameon=False, ncols=3)
    axes.tick_params(labelbottom=False)
    end_s = run.end_s - zero_s if math.isfinite(run.end_s) else 1.0
    bounds = [(begin - zero_s, state) for begin, state in run.states] + [(end_s, "")]
    for (begin, state), (until, _) in pairwise(bounds):
        strip.axvspan(begin, until, color=STATE.get(state, "#cfd8dc"), linewidth=0)
    strip.set(yticks=[], xlabel="time s", ylim=(0, 1))
    strip.spines["left"].set_visible(False)
    seen = [state for state in STATE if any(state == name for _, name in run.states)]
    handles = [Patch(color=STATE[state], label=state.replace("_", " ")) for state in seen]
    if handles:
        strip.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.9), ncols=5, fontsize=8, frameon=False)
    moved = t[np.nan_to_num(np.maximum(np.abs(speeds[:, 1]), np.abs(speeds[:, 2]))) > MOVES_MPS]
    begin_s = max(0.0, float(moved[0]) - BEFORE_S) if len(moved) else 0.0  # what came before is waiting for a word
    for one in (axes, strip):
        one.set_xlim(begin_s, max(end_s, begin_s + 1e-3))
    figure.savefig(path, dpi=130)
    return path
