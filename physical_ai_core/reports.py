"""Reports that travel as JSON on String topics: what a layer did and why. Versioned; changes only add."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from physical_ai_core.errors import InputError
from physical_ai_core.goal import Words

Report = TypeVar("Report", bound="JsonReport")


@dataclass(frozen=True)
class JsonReport:
    """Base: flat dataclass <-> JSON. Unknown fields of a newer writer are ignored, missing ones take their default."""

    def to_json(self) -> str:
        return json.dumps(
            {"schema_version": "1.0", **asdict(self)}, ensure_ascii=False, allow_nan=False, default=_plain
        )

    @classmethod
    def from_json(cls: type[Report], text: str) -> Report:
        try:
            content = json.loads(text)
            known = _names_of(cls)
            return cls(**{key: value for key, value in content.items() if key in known})
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"A {cls.__name__} cannot be read from {text!r:.80}: {error}.",
                "Send the JSON form of docs/interfaces.md.",
            ) from error


_NAMES: dict[type[JsonReport], frozenset[str]] = {}


def _names_of(kind: type[JsonReport]) -> frozenset[str]:
    """Names of its fields; remembered, for a recording holds hundreds of thousands of reports."""
    if kind not in _NAMES:
        _NAMES[kind] = frozenset(f.name for f in fields(kind))
    return _NAMES[kind]


def _plain(value: Any) -> Any:
    if isinstance(value, Words):
        return {"en": value.en, "ja": value.ja}
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")


@dataclass(frozen=True)
class PlannerReply(JsonReport):
    """What was understood, or the question back, or the refusal. `kind`: understood, question, refusal, done, info."""

    stamp_s: float
    kind: str
    en: str
    ja: str
    instruction_id: str = ""
    goal_id: str = ""
    reason: str = ""
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ControllerStatus(JsonReport):
    """`mode`: idle, tracking, arrived, braking, blocked, fallback. Times in ms, lengths in m."""

    stamp_s: float
    mode: str
    goal_id: str = ""
    distance_to_go_m: float = 0.0
    solve_ms: float = 0.0
    iterations: int = 0
    cost: float = 0.0
    slack: float = 0.0
    input_age_s: float = 0.0
    message: str = ""
    sequence: int = 0
    valid_until_s: float = 0.0


@dataclass(frozen=True)
class Intervention:
    """One rule that changed the command: `rule` is its id, `clause` what it says, `numbers` what it saw.

    Of a rule of the rules file `rule` is the kind, `clause` the id, and `cites` what the file says it rests on.
    """

    rule: str
    clause: str
    numbers: dict[str, float] = field(default_factory=dict)
    cites: str = ""


@dataclass(frozen=True)
class Verdict(JsonReport):
    """`state`: clear, limited, protective_stop, emergency_stop, waiting (inputs missing or never commanded).

    Commands are `[linear_x_mps, angular_z_rps]`; `source`: autonomy, teleop, none.
    """

    stamp_s: float
    state: str
    source: str
    command_in: list[float]
    command_out: list[float]
    interventions: list[Any] = field(default_factory=list)
    en: str = ""
    ja: str = ""
    tool: bool = False


@dataclass(frozen=True)
class ApprovalRequest(JsonReport):
    """A node asks people: may this be done? `context`: what they have to know to decide. No answer in time is a no.

    `persons`: so many different people must say yes. `valid_s`: how long the yes holds.
    """

    id: str
    action: str = ""
    context: str = ""
    timeout_s: float = 60.0
    persons: int = 1
    valid_s: float = 600.0


@dataclass(frozen=True)
class PersonsAnswer(JsonReport):
    """A person's yes or no to the request `id`; a no also takes back what was approved. `why` is kept, not judged."""

    id: str
    person: str
    yes: bool
    why: str = ""


@dataclass(frozen=True)
class Takeover(JsonReport):
    """A person takes the robot over (`takes`), or hands it back to autonomy. `why` is kept, not judged."""

    person: str
    takes: bool
    why: str = ""


@dataclass(frozen=True)
class PeopleReport(JsonReport):
    """What people are asked, have granted and have just said. `driver`: who has taken over.

    `open`: {id, action, context, until_s, persons, yes}; `granted`: {id, action, context, by, until_s}; `notes`, what
    happened since the last report: {stamp_s, what, id, person, action, context}.
    """

    stamp_s: float
    driver: str = ""
    open: list[Any] = field(default_factory=list)
    granted: list[Any] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class ImplementOrder(JsonReport):
    """Implements asked on or off, by name; what is not named stays as it was asked."""

    on: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class ImplementStates(JsonReport):
    """What each implement may do now; `why`: what forbids it (names of docs/safety.md)."""

    stamp_s: float
    on: dict[str, bool] = field(default_factory=dict)
    why: dict[str, list[str]] = field(default_factory=dict)
