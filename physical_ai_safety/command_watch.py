"""Whether a command may count at all: not more of them than a controller sends, and a person's only while held.

A stick that sticks, or a joystick node that repeats its last word for ever, is fresh and wrong. So the dead-man is
an input of its own: a switch under the person's hand on `deadman`, which the rules may ask for.
"""

from __future__ import annotations

import math

SHARE = 0.1  # of the newest interval in the mean: its memory is about ten commands
FEWEST = 20  # intervals before a rate is judged: a burst after a pause is no flood
TOO_MANY = "too many a second"
NOT_HELD = "dead-man not held"


class CommandWatch:
    """Pace of each source of commands, and the dead-man. All times are stamps in s."""

    def __init__(self, max_rate_hz: float, deadman_s: float) -> None:
        """`deadman_s`: how long its last true counts; 0: no dead-man is asked for."""
        self._least_s, self._deadman_s = 1.0 / max_rate_hz, deadman_s
        self.forget()

    def forget(self) -> None:
        """The clock jumped: whoever holds the switch has to say so anew."""
        self._paces: dict[str, tuple[float, float, int]] = {}
        self._held_s = -math.inf

    def pace(self, topic: str, stamp_s: float) -> str:
        """Count a command. "" or why none of this source counts: two senders under one name, or one that runs wild."""
        last_s, mean_s, count = self._paces.get(topic, (stamp_s, self._least_s, -1))
        mean_s += SHARE * (min(max(stamp_s - last_s, 0.0), 1.0) - mean_s) if count >= 0 else 0.0
        self._paces[topic] = (stamp_s, mean_s, count + 1)
        return TOO_MANY if count + 1 >= FEWEST and mean_s < 0.98 * self._least_s else ""

    def hold(self, pressed: bool, stamp_s: float) -> None:
        """The switch says that it is held, or let go."""
        self._held_s = stamp_s if pressed else -math.inf

    def refusal(self, now_s: float) -> str:
        """ "" where a person's command may move the robot, else why not."""
        return NOT_HELD if self._deadman_s and not now_s - self._held_s <= self._deadman_s else ""
