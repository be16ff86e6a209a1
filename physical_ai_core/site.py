"""A site: places, zones, routes and structures in `map`, from one YAML file; the only reader of it.

Frame `map`: x east, y north (REP-105), origin at `datum` (WGS-84) where one is given. Metres and radians.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from physical_ai_core.errors import SiteError
from physical_ai_core.share import share_path


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class Pose(Model):
    x_m: float
    y_m: float
    yaw_rad: float = 0.0

    def as_array(self) -> NDArray[np.float64]:
        """`[x_m, y_m, yaw_rad]` in `map`."""
        return np.array([self.x_m, self.y_m, self.yaw_rad])


Names = dict[str, tuple[str, ...]]  # language code -> what people call it; the first is shown


class Place(Model):
    """A pose people speak of: the robot stands at it, facing `yaw_rad`."""

    names: Names
    pose: Pose
    tolerance_m: float = Field(0.3, gt=0.0, le=5.0)
    dock: bool = False


class ZoneKind(str, Enum):
    KEEP_OUT = "keep_out"
    SPEED = "speed"
    WORK = "work"  # a field to cover, a room to inspect
    GEOFENCE = "geofence"  # the robot stays inside


class Zone(Model):
    names: Names = {}
    kind: ZoneKind
    polygon: tuple[tuple[float, float], ...] = Field(min_length=3)
    max_speed_mps: float | None = Field(None, gt=0.0)
    public_road: bool = False  # open to public traffic, pavements too

    @model_validator(mode="after")
    def _sound(self) -> Zone:
        if self.kind is ZoneKind.SPEED and self.max_speed_mps is None:
            raise ValueError("a speed zone needs max_speed_mps")
        if not Polygon(self.polygon).is_valid:
            raise ValueError("the polygon crosses itself")
        return self

    @cached_property
    def shape(self) -> BaseGeometry:
        """The polygon as a shapely geometry in `map`."""
        return Polygon(self.polygon)


class Route(Model):
    names: Names = {}
    places: tuple[str, ...] = Field(min_length=2)


class Structure(Model):
    """Something solid that always stands there: a box (turned by yaw) or a cylinder (`radius_m`)."""

    pose: Pose
    length_m: float | None = None
    width_m: float | None = None
    radius_m: float | None = None
    height_m: float = 1.5

    @model_validator(mode="after")
    def _box_or_cylinder(self) -> Structure:
        box = self.length_m is not None and self.width_m is not None
        if box == (self.radius_m is not None):
            raise ValueError("a structure has either length_m and width_m, or radius_m")
        return self

    def outline(self) -> NDArray[np.float64]:
        """Corner points (N, 2) in `map`, counter-clockwise."""
        if self.radius_m is not None:
            angle = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
            return self.radius_m * np.column_stack([np.cos(angle), np.sin(angle)]) + [self.pose.x_m, self.pose.y_m]
        half = 0.5 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [self.length_m or 0.0, self.width_m or 0.0]
        c, s = np.cos(self.pose.yaw_rad), np.sin(self.pose.yaw_rad)
        return np.asarray(half @ np.array([[c, s], [-s, c]]) + [self.pose.x_m, self.pose.y_m])


class Tag(Model):
    """A fiducial tag (AprilTag, ArUco) that a camera may see. `pose`: the foot below its centre, and where its face
    looks; `tilt_rad` turns the face up, `roll_rad` the picture clockwise; sigmas of how well this was surveyed."""

    pose: Pose
    height_m: float = Field(ge=-10.0, le=100.0)  # of the centre, over the ground the robot stands on
    size_m: float = Field(gt=0.0, le=5.0)  # edge of the black square
    tilt_rad: float = Field(0.0, ge=-1.6, le=1.6)
    roll_rad: float = 0.0
    position_sigma_m: float = Field(0.01, ge=0.0, le=10.0)
    yaw_sigma_rad: float = Field(0.01, ge=0.0, le=1.0)


class Datum(Model):
    """WGS-84 point of the map origin."""

    latitude_deg: float = Field(ge=-90.0, le=90.0)
    longitude_deg: float = Field(ge=-180.0, le=180.0)
    altitude_m: float = 0.0


class Local(Model):
    """Under which rules a site is worked; None: not known. Read by the planner's experts."""

    country: str | None = Field(None, pattern="^[a-z]{2}$")  # ISO 3166-1 alpha-2, small letters
    utc_offset_h: float | None = Field(None, ge=-12.0, le=14.0)  # of the site's clocks
    work_from_h: float | None = Field(None, ge=0.0, le=24.0)  # hours of the day in which machines may work;
    work_until_h: float | None = Field(None, ge=0.0, le=24.0)  # a first hour after the last one spans midnight


class Site(Model):
    """Everything the suite knows beforehand about where it works."""

    schema_version: int = 1
    name: str
    datum: Datum | None = None
    start: str
    max_speed_mps: float = Field(2.0, gt=0.0)
    places: dict[str, Place]
    zones: dict[str, Zone] = {}
    routes: dict[str, Route] = {}
    structures: dict[str, Structure] = {}
    tags: dict[Annotated[int, Field(ge=0, lt=65_536)], Tag] = {}  # by the number of the tag's picture
    local: Local = Local()
    map_file: str | None = None  # map_server YAML, in the file relative to it; `load_site` resolves the path

    @field_validator("schema_version")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if version != 1:
            raise ValueError(f"this release reads schema_version 1, found {version}")
        return version

    @model_validator(mode="after")
    def _names_resolve(self) -> Site:
        if self.start not in self.places:
            raise ValueError(f"start '{self.start}' is not one of the places {sorted(self.places)}")
        for route_id, route in self.routes.items():
            for place in route.places:
                if place not in self.places:
                    raise ValueError(f"route '{route_id}' passes '{place}', which is not a place")
        for place_id, place_ in self.places.items():
            for zone_id, zone in self.zones.items():
                if zone.kind is ZoneKind.KEEP_OUT and zone.shape.covers(_point(place_.pose)):
                    raise ValueError(f"place '{place_id}' lies in the keep-out zone '{zone_id}'")
        return self

    def zones_of(self, kind: ZoneKind) -> dict[str, Zone]:
        return {name: zone for name, zone in self.zones.items() if zone.kind is kind}

    def spoken_names(self, language: str | None = None) -> dict[str, tuple[str, ...]]:
        """Id -> every name people use, of places, zones and routes; of one language, or of all."""
        named: dict[str, Any] = {**self.places, **self.zones, **self.routes}
        return {
            key: tuple(name for code, names in item.names.items() if language in (None, code) for name in names)
            for key, item in named.items()
            if item.names
        }


def _point(pose: Pose) -> BaseGeometry:
    from shapely import Point

    return Point(pose.x_m, pose.y_m)


def site_file(name_or_path: str) -> Path:
    """Path of a site: a file as given, else `config/sites/NAME.yaml` of this package."""
    path = Path(name_or_path)
    return path if path.suffix in {".yaml", ".yml"} else share_path("config/sites") / f"{name_or_path}.yaml"


def load_site(name_or_path: str) -> Site:
    """Read and check a site. Raises SiteError with the file, the field and what is allowed."""
    path = site_file(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = sorted(p.stem for p in share_path("config/sites").glob("*.yaml"))
        raise SiteError(
            f"The site file {path} cannot be read ({getattr(error, 'strerror', None) or error}).",
            f"Give the path of a YAML file, or one of the sites that come with the package: {known}.",
        ) from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SiteError(f"The site file {path} is not YAML: {error}.", "Mend the line it names.") from error
    try:
        site = Site.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise SiteError(
            f"The site file {path} is not valid at {where}: {first['msg']} (found {first['input']!r:.120}).",
            "docs/site.md shows the form of a site file.",
        ) from error
    return site if site.map_file is None else site.model_copy(update={"map_file": str(path.parent / site.map_file)})
