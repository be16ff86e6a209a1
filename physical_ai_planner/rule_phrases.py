"""What the planner says about its rules of conversation: goals that wait, questions with several answers."""

from __future__ import annotations

from collections.abc import Sequence

from physical_ai_core.goal import Words


def queued(plan: Words, place: int) -> Words:
    """A goal waits behind the present one, as number `place` of those that wait."""
    order = "next" if place == 1 else f"number {place} in line"
    turn = "次に" if place == 1 else f"{place}番目に"
    return Words(en=f"After this goal, {order}: {plan.en}", ja=f"今の指示のあと、{turn}行います。{plan.ja}")


def requeued(plan: Words) -> Words:
    """A correction took the place of the goal that was said last and waits."""
    return Words(en=f"Instead, after this goal: {plan.en}", ja=f"待っている指示を替えました。{plan.ja}")


def queue_full(most: int) -> Words:
    return Words(
        en=f"{most} goals wait already. Please wait, or say stop.",
        ja=f"待っている指示がすでに{most}件あります。終わるまで待つか、停止してください。",
    )


def dropped(count: int) -> Words:
    """Goals that waited are gone."""
    return Words(
        en=f"I have dropped the {'goal' if count == 1 else f'{count} goals'} that waited.",
        ja=f"待っていた指示{count}件を取り消しました。",
    )


def begun_next(plan: Words) -> Words:
    return Words(en=f"Now the goal that waited. {plan.en}", ja=f"待っていた指示を始めます。{plan.ja}")


def which(plans: Sequence[Words], letters: bool) -> Words:
    """One short question that names each reading."""
    marks = [f"({chr(ord('A') + i)}) " if letters else "" for i in range(len(plans))]
    en = ", or ".join(f"{mark}{_bare(plan.en)}" for mark, plan in zip(marks, plans, strict=True))
    ja = "、それとも".join(f"{mark}{plan.ja.rstrip('。')}" for mark, plan in zip(marks, plans, strict=True))
    return Words(en=f"Which do you mean: {en}?", ja=f"どちらですか。{ja}。")


def _bare(plan: str) -> str:
    return plan.removeprefix("I will ").rstrip(".")


NOT_WHILE_STOPPED = Words(
    en="The emergency stop is still on. Reset it first, then say resume.",
    ja="緊急停止中です。解除してから「再開」と言ってください。",
)
HELD_BY_EMERGENCY = Words(
    en="The emergency stop is on. When it is reset, say resume to begin.",
    ja="緊急停止中です。解除のあと、始めるには「再開」と言ってください。",
)
ONE_OF_THEM = Words(en="Please name one of them.", ja="どれか一つを言ってください。")


def because(words: Words, reasons: Sequence[Words]) -> Words:
    """What is understood, and what experts tightened of it."""
    return Words(en=" ".join([words.en, *(r.en for r in reasons)]), ja="".join([words.ja, *(r.ja for r in reasons)]))
