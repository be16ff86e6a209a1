"""The request to end, as the programs of a servo hear it: a flag that SIGTERM sets, and SIGINT where it is theirs."""

from __future__ import annotations

import signal
from types import FrameType


class StopRequest:
    """Installs the handlers; `asked` turns true once. Make it in the main thread, before anything slow.

    Example:
        stop = StopRequest()
        while not stop.asked:
            ...
    """

    def __init__(self, interrupt: bool = True) -> None:
        """`interrupt`: SIGINT asks too; else it is ignored, because whoever started this program says when."""
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask if interrupt else signal.SIG_IGN)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True
