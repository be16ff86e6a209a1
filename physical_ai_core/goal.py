"""The goal state: the only thing language can produce, and what the numeric side checks.

Wire form: JSON on `goal_state` (std_msgs/String). Exactly one of `steps`, `question` and `refusal` is present.
Limits can only tighten what the robot's own parameters and the site allow. Schema changes only add fields.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from physical_ai_core.errors import GoalError

SCHEMA_VERSION = "1.1"


class Task(str, Enum):
    """What a step does."""

    NAVIGATE = "navigate"  # go to a target
    FOLLOW = "follow"  # keep behind a tracked object
    COVER = "cover"  # drive over the whole of a zone (mow, spray)
    INSPECT = "inspect"  # go to a target and look at it
    DOCK = "dock"  # precise, slow approach to a dock or charger
    PATROL = "patrol"  # drive a route again and again
    WAIT = "wait"  # stand where it is
    STOP = "stop"  # stop now, forget the steps that follow
    RESUME = "resume"  # go on with the goal that was stopped
    CANCEL = "cancel"  # drop the present goal


class Relation(str, Enum):
    """Where at a place: seen from the place, facing along its pose."""

    AT = "at"
    FRONT = "front"
    BEHIND = "behind"
    LEFT = "left"
    RIGHT = "right"
    NEAR = "near"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlaceTarget(Frozen):
    """A named place of the site."""

    kind: Literal["place"] = "place"
    name: str
    relation: Relation = Relation.AT
    distance_m: float | None = Field(None, ge=0.0, le=50.0)


class PoseTarget(Frozen):
    """A pose in `map`; metres and radians. `yaw_rad` absent means any heading."""

    kind: Literal["pose"] = "pose"
    x_m: float = Field(ge=-1e5, le=1e5)
    y_m: float = Field(ge=-1e5, le=1e5)
    yaw_rad: float | None = Field(None, ge=-6.3, le=6.3)


class ZoneTarget(Frozen):
    """A named polygon of the site."""

    kind: Literal["zone"] = "zone"
    name: str


class RouteTarget(Frozen):
    """A named route of the site."""

    kind: Literal["route"] = "route"
    name: str


class ObjectTarget(Frozen):
    """A tracked object: by id, else the nearest of its class."""

    kind: Literal["object"] = "object"
    class_name: Literal["person", "vehicle", "any"] = "person"
    id: int | None = None


class DisplacementTarget(Frozen):
    """A move relative to the robot's present pose (`base_link`: x forward, y left)."""

    kind: Literal["displacement"] = "displacement"
    forward_m: float = Field(0.0, ge=-100.0, le=100.0)
    left_m: float = Field(0.0, ge=-100.0, le=100.0)
    turn_rad: float = Field(0.0, ge=-12.6, le=12.6)


Target = Annotated[
    PlaceTarget | PoseTarget | ZoneTarget | RouteTarget | ObjectTarget | DisplacementTarget,
    Field(discriminator="kind"),
]


class Limits(Frozen):
    """Tightening limits of one step; absent means: as the robot and the site allow."""

    max_speed_mps: float | None = Field(None, gt=0.0, le=20.0)
    min_clearance_m: float | None = Field(None, ge=0.0, le=10.0)
    keep_out: tuple[str, ...] = ()  # zones of the site, besides its own keep-out zones


class Event(str, Enum):
    """Something that can end a step or allow it to begin."""

    INSTRUCTION = "instruction"  # the next word of a person
    BATTERY_FULL = "battery_full"
    BATTERY_LOW = "battery_low"
    PERSON_NEAR = "person_near"
    PATH_CLEAR = "path_clear"


class Until(Frozen):
    """When the step is over. Absent: when its task is naturally done (arrived, covered, docked)."""

    duration_s: float | None = Field(None, gt=0.0, le=86400.0)
    laps: int | None = Field(None, ge=1, le=1000)
    event: Event | None = None


class Step(Frozen):
    task: Task
    target: Target | None = None
    limits: Limits = Limits()
    until: Until | None = None
    tool: bool | None = None  # implement on or off during the step; absent: off

    @model_validator(mode="after")
    def _target_fits_task(self) -> Step:
        needs = {
            Task.NAVIGATE: {"place", "pose", "displacement", "zone"},
            Task.FOLLOW: {"object"},
            Task.COVER: {"zone"},
            Task.INSPECT: {"place", "zone", "object", "pose"},
            Task.DOCK: {"place"},
            Task.PATROL: {"route", "zone"},
        }.get(self.task)
        kind = self.target.kind if self.target else None
        if needs is None and kind is not None:
            raise ValueError(f"task '{self.task.value}' takes no target, found a {kind}")
        if needs is not None and kind not in needs:
            raise ValueError(f"task '{self.task.value}' needs a target of kind {sorted(needs)}, found {kind}")
        return self


class Words(Frozen):
    """One short text for the operator in both languages."""

    en: str
    ja: str


class Question(Frozen):
    """The planner asks back instead of guessing."""

    text: Words
    options: tuple[str, ...] = ()  # place, zone or route ids to choose from


class RefusalReason(str, Enum):
    NOT_UNDERSTOOD = "not_understood"
    UNKNOWN_PLACE = "unknown_place"
    FORBIDDEN = "forbidden"  # against a rule of the site or of the robot
    UNREACHABLE = "unreachable"
    NOT_ABLE = "not_able"  # outside what this robot can do
    NOT_READY = "not_ready"  # a sensor, the pose or the model is missing


class Refusal(Frozen):
    reason: RefusalReason
    text: Words


class GoalState(Frozen):
    """One person's instruction as a checked, numeric goal; or a question; or a refusal."""

    schema_version: str = SCHEMA_VERSION
    goal_id: str = ""
    instruction_id: str = ""
    confidence: float = Field(1.0, ge=0.0, le=1.0)
    steps: tuple[Step, ...] | None = Field(None, min_length=1, max_length=16)
    queue: bool = False  # true: after the present goal ("then …"), not in its place
    question: Question | None = None
    refusal: Refusal | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> GoalState:
        if sum(part is not None for part in (self.steps, self.question, self.refusal)) != 1:
            raise ValueError("exactly one of steps, question and refusal must be present")
        return self

    def to_json(self) -> str:
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> GoalState:
        """Parse and check the wire form. Raises GoalError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise GoalError(
                f"The goal state is not valid at {where}: {first['msg']}.",
                "Send JSON that obeys physical_ai_core.goal.GoalState (schema "
                f"{SCHEMA_VERSION}); `physical-ai schema goal` prints it.",
            ) from error
