"""Bounded lock-step: simulated time does not run away from an overloaded stack, and no dead node can freeze it."""

from __future__ import annotations

FORGET_S = 0.5  # wall time of silence after which a stream no longer holds the simulator back


class Lockstep:
    """Knows how far each listened stream has come. Stamps are simulated seconds, `wall_s` any steady clock."""

    def __init__(self, lag_s: float, periods_s: dict[str, float]) -> None:
        """`periods_s`: how often each stream speaks; it may be behind by that much more than `lag_s`."""
        self._lag_s, self._periods_s = lag_s, periods_s
        self._streams: dict[str, tuple[float, float]] = {}  # topic -> newest stamp, wall time of hearing it

    def hear(self, topic: str, stamp_s: float, wall_s: float) -> None:
        """A message arrived. One without a stamp (0) says nothing about how far its sender is."""
        if stamp_s > 0.0:
            self._streams[topic] = (stamp_s, wall_s)

    def behind(self, next_stamp_s: float, wall_s: float) -> bool:
        """True while a living stream has not yet come within the lag of `next_stamp_s`."""
        for topic, (stamp_s, heard_s) in list(self._streams.items()):
            if wall_s - heard_s > FORGET_S:
                del self._streams[topic]
            elif next_stamp_s - stamp_s > self._lag_s + self._periods_s.get(topic, 0.0):
                return True
        return False
