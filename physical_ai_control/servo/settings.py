"""What a servo's process is started with, as one line of JSON on its command line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from physical_ai_control.servo.tracking import ServoLimits

SILENCE_S: Final = 0.2  # wall time without a word of the controller after which the servo brakes


@dataclass(frozen=True)
class ServoSettings:
    """`rate_hz` of the loop, `say_hz` of the commands (0: each cycle), `silence_s` of the controller after which it
    brakes; the rest as `privileges.ask` has it."""

    mailbox: str
    rate_hz: float
    lag_s: float
    limits: ServoLimits
    say_hz: float = 0.0
    priority: int = 0
    cpu: int = -1
    lock_memory: bool = False
    stamped: bool = True
    silence_s: float = SILENCE_S

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "limits": list(self.limits)})

    @classmethod
    def from_json(cls, text: str) -> ServoSettings:
        fields = json.loads(text)
        return cls(**{**fields, "limits": ServoLimits(*fields["limits"])})
