"""The last seconds of everything that was heard, as it came off the wire, in bounded memory."""

from __future__ import annotations

from collections import deque

from physical_ai_core.graph import Qos
from physical_ai_telemetry.split import Letter, RecordedTopic

BACK_NS = 1_000_000_000  # a clock that goes back by more has begun anew: what was heard before is of another time


class Ring:
    """Letters of the last `seconds`, fewer where they do not fit into `limit_bytes`.

    Of a latched topic the last letter is kept however old it is: who opens the file must know goal and plan.
    """

    def __init__(self, seconds: float, limit_bytes: int) -> None:
        self._span_ns, self._limit_bytes = int(seconds * 1e9), limit_bytes
        self._letters: deque[Letter] = deque()
        self._bytes = 0
        self._newest_ns = 0
        self._latched: dict[RecordedTopic, Letter] = {}  # that have left the ring

    @property
    def bytes(self) -> int:
        return self._bytes

    def add(self, letters: list[Letter]) -> None:
        """Take letters in the order in which they came."""
        for letter in letters:
            stamp_ns = letter[1]
            if stamp_ns < self._newest_ns - BACK_NS:
                self._forget()
                self._newest_ns = stamp_ns
            elif stamp_ns > self._newest_ns:
                self._newest_ns = stamp_ns
            self._letters.append(letter)
            self._bytes += len(letter[2])
        oldest_ns = self._newest_ns - self._span_ns
        while self._letters and (self._letters[0][1] < oldest_ns or self._bytes > self._limit_bytes):
            self._drop()

    def since(self, stamp_ns: int) -> list[Letter]:
        """What lies in the ring from this stamp on, led by the last letter of each latched topic from before."""
        latched = dict(self._latched)
        found = []
        for letter in self._letters:
            if letter[1] >= stamp_ns:
                found.append(letter)
            elif letter[0].qos is Qos.LATCHED:
                latched[letter[0]] = letter
        return [*sorted(latched.values(), key=lambda letter: letter[1]), *found]

    def _forget(self) -> None:
        while self._letters:
            self._drop()

    def _drop(self) -> None:
        letter = self._letters.popleft()
        self._bytes -= len(letter[2])
        if letter[0].qos is Qos.LATCHED:
            self._latched[letter[0]] = letter
