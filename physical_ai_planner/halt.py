"""Words that must never wait for a model: stop, resume, cancel, and the yes or no to a question."""

from __future__ import annotations

from physical_ai_planner.language.stop_words import fast_path as fast_goal
from physical_ai_planner.scripted import plain

__all__ = ["answer", "fast_goal"]


def _words(*groups: str) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.split("|"))


YES = _words(
    "yes|y|yeah|yep|ok|okay|sure|correct|right|go ahead",
    "はい|ええ|うん|そう|そうです|そうして|お願いします|おねがいします|了解|オーケー",
)
NO = _words("no|n|nope|no thanks|wrong", "いいえ|いや|違う|違います|ちがう|ちがいます|だめ|やめる")


def answer(text: str) -> bool | None:
    """True for a yes, False for a no, None for anything else."""
    said = plain(text)
    return True if said in YES else False if said in NO else None
