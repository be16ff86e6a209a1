"""The person of a run that nobody attends: calls safety/reset where the gate waits for it, and says so."""

from __future__ import annotations

import time
from typing import Any

from physical_ai_bench.person import Bystander
from physical_ai_cli.watch import Watch
from physical_ai_core.errors import PhysicalAIError

RESET, ANSWER_S = "safety/reset", 2.0


class Release:
    """Looks at a `Watch`; call `look` often. Its words go to `watch.person`, where the progress shows them."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._bystander = Bystander()
        self._operator: Any = None
        self.done = False  # the gate was released at least once

    def look(self) -> None:
        watch = self._watch
        if self._operator is None:
            from physical_ai_cli.node import Operator  # needs rclpy

            self._operator = Operator()
        if not self._operator.offered(RESET) or not self._bystander.presses_now(watch.verdict, time.monotonic()):
            return
        try:
            done, text = self._operator.trigger(RESET, ANSWER_S)
        except PhysicalAIError as error:
            done, text = False, str(error)
        self.done = self.done or done
        watch.person.append(f"{RESET}: {text}")

    def close(self) -> None:
        if self._operator is not None:
            self._operator.__exit__()
