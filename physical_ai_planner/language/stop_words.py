"""Stop, resume and cancel without a model: the whole instruction is such a word, or it is left to the model.

"stop" → a stop goal in microseconds; "go to dock B and stop there" → None. The gate's emergency stop is another thing
and does not depend on language at all.
"""

from __future__ import annotations

import re

from physical_ai_core.goal import GoalState, Step, Task
from physical_ai_planner.language.normalise import normalise

_WORDS: dict[Task, str] = {
    Task.STOP: """\
stop|halt|freeze|stop now|stop it|stop there|stop right now|stop right there|stop moving|stop immediately
stop at once|emergency stop|e-stop|estop|whoa|hold it|don't move|do not move|stand still|stop the robot
come to a stop|halt now|please stop|止まれ|止まって|とまれ|とまって|停まれ|停まって|ストップ|停止
停止して|停止せよ|停止しろ|待て|まて|待った|動くな|うごくな|非常停止|緊急停止|急停止|止めて|とめて
止めろ|とめろ|止まりなさい|ストップして|すぐ止まって|すぐに止まって|今すぐ止まれ|今すぐ止まって
今すぐ停止|その場で止まれ|その場で止まって|動かないで|危ない|あぶない""",
    Task.RESUME: """\
resume|continue|go on|carry on|keep going|proceed|resume now|再開|再開して|再開しろ|続けて|続けろ|続行
続行して|再スタート|動いていいよ|動いていい|進んでいいよ""",
    Task.CANCEL: """\
cancel|cancel that|cancel it|abort|abort mission|forget it|never mind|nevermind|cancel everything
drop it|キャンセル|キャンセルして|やめて|やめろ|やめ|やめてくれ|中止|中止して|中止しろ|取り消し
取り消して|取消|取りやめ|今のなし|忘れて""",
}
_TASK_OF = {
    re.sub(r"\s+", "", word): task
    for task, block in _WORDS.items()
    for line in block.splitlines()
    for word in line.split("|")
}
_DROPPED = re.compile(  # without spaces
    r"(?:abandon|drop|scrap|cancel|abort|ditch|forget)(?:the|this|that|your|my)?(?:current|present|whole)?"
    r"(?:job|task|mission|order|errand|plan|goal)"
    r"|(?:今の|いまの|現在の|この)?(?:仕事|任務|タスク|ミッション|指示|命令)(?:は|を)?(?:全部)?"
    r"(?:キャンセル|取り消し|取消し?|取りやめ|破棄|中止)(?:して|しろ|せよ|で)?"
)
_POLITE = re.compile(
    r"^(?:(?:please|robot|hey|ok|okay|now|no|oh|ロボット|お願い|ねえ|おい|あ|ちょっと)[\s,、!！。.]*)+(?=\S)"
    r"|(?:[\s,、]*(?:please|robot|now|thanks|ください|下さい|くださいね|くれ|お願いします|お願い|よ|ね|っ))+$"
)
_LONGEST = 60  # no stop word with all its politeness is longer


def fast_path(text: str) -> GoalState | None:
    """A goal of one stop, resume or cancel step where `text` is nothing but that; else None."""
    if len(text) > _LONGEST:
        return None
    plain = normalise(text).lower()
    for candidate in (
        plain,
        _POLITE.sub("", plain.strip(" !?.,、。")),
        _POLITE.sub("", _POLITE.sub("", plain.strip(" !?.,、。"))),
    ):
        task = _task(candidate)
        if task is not None:
            return GoalState(steps=(Step(task=task),))
    return None


def _task(plain: str) -> Task | None:
    """The task of a word, also where it is said several times ("stop stop!", 止まれ止まれ)."""
    bare = re.sub(r"[\s!?.,、。…~〜「」\"]+", "", plain)
    if bare in _TASK_OF:
        return _TASK_OF[bare]
    if _DROPPED.fullmatch(bare):
        return Task.CANCEL
    for times in (2, 3, 4, 5):
        size, rest = divmod(len(bare), times)
        if rest == 0 and size and bare == bare[:size] * times and bare[:size] in _TASK_OF:
            return _TASK_OF[bare[:size]]
    return None
