"""Words that must never wait for a model: stop, and the yes or no to a question. Exact matches only, both languages."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache

from physical_ai_core.goal import GoalState, Step, Task
from physical_ai_planner.scripted import plain


def _words(*groups: str) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.split("|"))


STOP = _words(
    "stop|halt|freeze|stop now|stop it|stop there|please stop|emergency stop|whoa|hold it",
    "止まれ|とまれ|止まって|とまって|止まってください|とまってください|止めて|とめて|やめて|停止|停止して|停止してください",
    "ストップ|待て|まて|待った|動くな|動かないで|緊急停止|危ない|あぶない",
)
RESUME = _words(
    "resume|continue|go on|carry on|proceed",
    "再開|再開して|再開してください|続けて|続けてください|続行",
)
CANCEL = _words(
    "cancel|cancel that|never mind|forget it",
    "中止|中止して|中止してください|取り消し|取り消して|キャンセル",
)
YES = _words(
    "yes|y|yeah|yep|ok|okay|sure|correct|right|go ahead",
    "はい|ええ|うん|そう|そうです|そうして|お願いします|おねがいします|了解|オーケー",
)
NO = _words("no|n|nope|no thanks|wrong", "いいえ|いや|違う|違います|ちがう|ちがいます|だめ|やめる")


def fast_goal(text: str) -> GoalState | None:
    """Goal of a stop, resume or cancel word, without a model; None for anything else."""
    said = plain(text)
    for words, task in ((STOP, Task.STOP), (RESUME, Task.RESUME), (CANCEL, Task.CANCEL)):
        if said in words:
            return GoalState(steps=(Step(task=task),))
    fast_path = _language_fast_path()
    return fast_path(text) if fast_path is not None else None


def prepare() -> None:
    """Load the language room's list now, so that the first stop does not wait for an import."""
    _language_fast_path()


def answer(text: str) -> bool | None:
    """True for a yes, False for a no, None for anything else."""
    said = plain(text)
    return True if said in YES else False if said in NO else None


@lru_cache(maxsize=1)
def _language_fast_path() -> Callable[[str], GoalState | None] | None:
    """The fuller list of the language room, where it is installed."""
    try:
        module = importlib.import_module("physical_ai_planner.language.stop_words")
    except ImportError:  # a robot without the language extra
        return None
    fast_path: Callable[[str], GoalState | None] = module.fast_path
    return fast_path
