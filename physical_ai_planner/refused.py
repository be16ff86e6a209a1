"""A goal that the numeric side turns down: the reason as data and in the operator's words."""

from __future__ import annotations

from collections.abc import Sequence

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import Refusal, RefusalReason, Words


class Refused(GoalError):
    """Raised while a goal is grounded or checked; `options` are ids to choose from instead."""

    def __init__(self, reason: RefusalReason, en: str, ja: str, options: Sequence[str] = ()) -> None:
        super().__init__(en, "Give another goal.")
        self.refusal = Refusal(reason=reason, text=Words(en=en, ja=ja))
        self.options = list(options)
