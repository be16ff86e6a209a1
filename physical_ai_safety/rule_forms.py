"""The form of the list `rules` in a rules file: what each kind of rule may say, where and when it holds.

Every rule carries `id`, `clause` (of a standard, a law, or the site's own order) and `hazard`: what it is there for.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from shapely import Polygon

from physical_ai_safety.section import Section

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Id = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,47}$")]
Text = Annotated[str, Field(min_length=3, max_length=400)]
SOURCES: Final[tuple[str, ...]] = ("autonomy", "teleop")
DAY_MIN: Final = 1440


def _minutes(value: Any) -> Any:
    """ "HH:MM" as minutes; YAML itself reads an unquoted 22:00 as the number 1320, which is the same."""
    if isinstance(value, str):
        hours, colon, minutes = value.partition(":")
        if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and int(minutes) < 60):
            raise ValueError("a time of day is written HH:MM, from 00:00 to 24:00")
        return 60 * int(hours) + int(minutes)
    return value


Minutes = Annotated[
    int, Field(ge=0, le=DAY_MIN), BeforeValidator(_minutes),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"}),
]  # fmt: skip


class Hours(Section):
    """A time of day on some weekdays, by the clocks of the site. `until` before `from` spans midnight: the night
    belongs to the day on which it begins."""

    from_min: Minutes = Field(0, alias="from")
    until_min: Minutes = Field(DAY_MIN, alias="until")
    days: tuple[Day, ...] = Field(DAYS, min_length=1)

    @model_validator(mode="after")
    def _some_time_left(self) -> Hours:
        if self.from_min % DAY_MIN == self.until_min % DAY_MIN and self.until_min - self.from_min != DAY_MIN:
            raise ValueError("these hours are empty: 'from' and 'until' are the same; leave both out for the whole day")
        return self


class When(Section):
    """Holds only while all of these are so. What is not known counts as so, so that ignorance never lifts a rule."""

    hours: tuple[Hours, ...] | None = Field(None, min_length=1)  # any of them; absent: always
    modes: tuple[Id, ...] | None = Field(None, min_length=1)  # who drives: autonomy, teleop; or a mode of the file
    payload_over_kg: float | None = Field(None, ge=0.0)  # carries more, or nobody knows what
    gates_closed: tuple[Id, ...] | None = Field(None, min_length=1)  # any of them is not known to be open


class Rule(Section):
    """What every rule has."""

    id: Id
    clause: Text  # what it rests on, with the number: "ISO 3691-4:2023, 4.8", "site order 12"
    hazard: Text  # what would happen without it
    when: When = When()


class PlacedRule(Rule):
    """A rule for an area in `map`: a polygon of its own in metres, or a zone of the site. Neither: everywhere."""

    polygon: tuple[tuple[float, float], ...] | None = Field(None, min_length=3)
    zone: str | None = None

    @model_validator(mode="after")
    def _one_sound_area(self) -> PlacedRule:
        if self.polygon is not None and self.zone is not None:
            raise ValueError("give a polygon or the name of a zone, not both")
        if self.polygon is not None:
            shape = Polygon(self.polygon)
            if not (math.isfinite(shape.area) and shape.is_valid and shape.area > 1e-4):
                raise ValueError("the polygon crosses itself or encloses nothing")
        return self

    @property
    def placed(self) -> bool:
        return self.polygon is not None or self.zone is not None


class AreaRule(PlacedRule):
    @model_validator(mode="after")
    def _somewhere(self) -> AreaRule:
        if not self.placed:
            raise ValueError("this kind of rule needs a polygon or a zone")
        return self


class KeepOut(AreaRule):
    """The robot does not enter. Whoever is inside when it begins to hold may leave, slowly."""

    kind: Literal["keep_out"]


class Geofence(AreaRule):
    """The robot does not leave."""

    kind: Literal["geofence"]


class SpeedLimit(PlacedRule):
    """Slower than robot and site allow: here, at these hours, with this load, or while that source drives."""

    kind: Literal["speed"]
    max_speed_mps: float | None = Field(None, ge=0.05)
    max_reverse_mps: float | None = Field(None, ge=0.05)
    max_yaw_rate_rps: float | None = Field(None, ge=0.1)

    @model_validator(mode="after")
    def _something(self) -> SpeedLimit:
        if self.max_speed_mps is self.max_reverse_mps is self.max_yaw_rate_rps is None:
            raise ValueError("a speed rule needs max_speed_mps, max_reverse_mps or max_yaw_rate_rps")
        if self.max_speed_mps is not None and (self.max_reverse_mps or 0.0) > self.max_speed_mps:
            raise ValueError("max_reverse_mps is above max_speed_mps, which binds both ways")
        return self


Action = Literal["move", "reverse", "turn"]


class Forbid(PlacedRule):
    """Something is not done here: moving at all, reversing, or turning. Whoever does it is stopped before the area."""

    kind: Literal["forbid"]
    actions: tuple[Action, ...] = Field(min_length=1)
    turn_rps: float = Field(0.15, ge=0.05)  # a turn is faster than this,
    turn_radius_m: float = Field(5.0, gt=0.0)  # and tighter than this: keeping to a line is no turning


class Approval(PlacedRule):
    """The robot enters, or where there is no area: moves, only while so many different people have said yes."""

    kind: Literal["approval"]
    persons: int = Field(1, ge=1, le=5)
    timeout_s: float = Field(60.0, gt=0.0, le=3600.0)  # no answer within this is a no
    valid_s: float = Field(600.0, gt=0.0, le=86_400.0)  # how long their yes holds


class Slope(PlacedRule):
    """Ground steeper than this is not driven on: going up stops; the way down, or along, is open at `escape_mps`."""

    kind: Literal["slope"]
    max_slope_rad: float = Field(gt=0.0, le=1.2)


RULE_KINDS: Final = ("keep_out", "geofence", "speed", "forbid", "approval", "slope")
AnyRule = Annotated[KeepOut | Geofence | SpeedLimit | Forbid | Approval | Slope, Field(discriminator="kind")]
