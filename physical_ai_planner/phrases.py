"""What the planner says, in English and Japanese: one short, polite sentence for each thing that can happen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_core.goal import DisplacementTarget, Event, Relation, Step, Task, Until, Words

_EN_RELATION = {
    Relation.AT: "at",
    Relation.FRONT: "in front of",
    Relation.BEHIND: "behind",
    Relation.LEFT: "to the left of",
    Relation.RIGHT: "to the right of",
    Relation.NEAR: "near",
}
_JA_RELATION = {
    Relation.AT: "",
    Relation.FRONT: "の前",
    Relation.BEHIND: "の後ろ",
    Relation.LEFT: "の左",
    Relation.RIGHT: "の右",
    Relation.NEAR: "の近く",
}
_EN_THING = {"person": "the person", "vehicle": "the vehicle", "any": "the nearest thing"}
_JA_THING = {"person": "人", "vehicle": "車両", "any": "一番近い物"}
_EN_EVENT = {
    Event.INSTRUCTION: "until you say go on",
    Event.BATTERY_FULL: "until the battery is full",
    Event.BATTERY_LOW: "until the battery is low",
    Event.PERSON_NEAR: "until a person is near",
    Event.PATH_CLEAR: "until the way is clear",
}
_JA_EVENT = {
    Event.INSTRUCTION: "次の指示があるまで",
    Event.BATTERY_FULL: "電池が満充電になるまで",
    Event.BATTERY_LOW: "電池が少なくなるまで",
    Event.PERSON_NEAR: "人が近づくまで",
    Event.PATH_CLEAR: "道が空くまで",
}


class Spot(NamedTuple):
    """How a target is named: `en_to` "to the shelves", `en_at` "at the shelves", `en` "the shelves", `ja` "棚"."""

    en: str
    en_to: str
    en_at: str
    ja: str


def with_article(name: str) -> str:
    """`the shelves`, but `dock A`: a name with a capital or a digit is a proper name."""
    proper = any(c.isupper() or c.isdigit() for c in name)
    return name if proper or name.startswith("the ") else f"the {name}"


def named(en: str, ja: str, relation: Relation = Relation.AT, distance_m: float | None = None) -> Spot:
    name = with_article(en)
    if relation is Relation.AT:
        return Spot(name, f"to {name}", f"at {name}", ja)
    far_en = "" if distance_m is None else f"{distance_m:g} m "
    far_ja = "" if distance_m is None else f"{distance_m:g} m"
    at = f"{far_en}{_EN_RELATION[relation]} {name}"
    return Spot(at, at, at, f"{ja}{_JA_RELATION[relation]}{far_ja}")


def coordinates(x_m: float, y_m: float) -> Spot:
    text = f"({x_m:.1f}, {y_m:.1f})"
    return Spot(text, f"to {text}", f"at {text}", f"地点{text}")


def thing(class_name: str) -> Spot:
    en = _EN_THING[class_name]
    return Spot(en, f"to {en}", f"at {en}", _JA_THING[class_name])


HERE = Spot("here", "here", "here", "ここ")


def displaced(target: DisplacementTarget) -> Spot:
    return Spot("there", "there", "there", "指定の位置")


def step(task: Step, spot: Spot) -> Words:
    """What one step does: `go to the shelves` / `棚へ行きます`."""
    en_extent, ja_extent = _extent(task.until)
    en, ja = _deed(task, spot, ja_extent)
    if task.limits.max_speed_mps is not None:
        en = f"{en} at {task.limits.max_speed_mps:g} m/s at most"
        ja = f"最高{task.limits.max_speed_mps:g} m/sで{ja}"
    return Words(en=f"{en}{en_extent}", ja=ja)


def _extent(until: Until | None) -> tuple[str, str]:
    """How long or how often: appended in English, put before the verb in Japanese."""
    en, ja = "", ""
    if until is None:
        return en, ja
    if until.laps is not None:
        en, ja = " once" if until.laps == 1 else f" {until.laps} times", f"{until.laps}周"
    if until.duration_s is not None:
        en, ja = f"{en} for {until.duration_s:g} s", f"{ja}{until.duration_s:g}秒間"
    if until.event is not None:
        en, ja = f"{en} {_EN_EVENT[until.event]}", f"{_JA_EVENT[until.event]}{ja}"
    return en, ja


def _deed(task: Step, spot: Spot, extent: str) -> tuple[str, str]:
    if isinstance(task.target, DisplacementTarget):
        return _move(task.target)
    deeds = {
        Task.NAVIGATE: (f"go {spot.en_to}", f"{spot.ja}へ{extent}行きます"),
        Task.FOLLOW: (f"follow {spot.en}", f"{spot.ja}に{extent}ついて行きます"),
        Task.COVER: (f"cover {spot.en}", f"{spot.ja}を{extent}くまなく走ります"),
        Task.INSPECT: (f"inspect {spot.en}", f"{spot.ja}を{extent}点検します"),
        Task.DOCK: (f"dock {spot.en_at}", f"{spot.ja}に{extent}着けます"),
        Task.PATROL: (f"patrol {spot.en}", f"{spot.ja}を{extent}巡回します"),
        Task.WAIT: ("wait", f"{extent}待ちます"),
        Task.STOP: ("stop", "停止します"),
        Task.RESUME: ("go on", "再開します"),
        Task.CANCEL: ("drop the goal", "指示を取り消します"),
    }
    return deeds[task.task]


def _move(target: DisplacementTarget) -> tuple[str, str]:
    en, ja = [], []
    for value, ahead, back, ja_ahead, ja_back in (
        (target.forward_m, "forward", "back", "前へ", "後ろへ"),
        (target.left_m, "to the left", "to the right", "左へ", "右へ"),
    ):
        if abs(value) > 1e-6:
            en.append(f"{abs(value):g} m {ahead if value > 0 else back}")
            ja.append(f"{ja_ahead if value > 0 else ja_back}{abs(value):g} m")
    turn_deg = abs(float(np.degrees(target.turn_rad)))
    side_en, side_ja = ("left", "左へ") if target.turn_rad > 0 else ("right", "右へ")
    if en and turn_deg > 0.5:
        return (
            f"move {' and '.join(en)}, turn {side_en} by {turn_deg:.0f}°",
            f"{'、'.join(ja)}動き、{side_ja}{turn_deg:.0f}度回ります",
        )
    if turn_deg > 0.5:
        return f"turn {side_en} by {turn_deg:.0f}°", f"{side_ja}{turn_deg:.0f}度回ります"
    return (f"move {' and '.join(en)}", f"{'、'.join(ja)}動きます") if en else ("stay here", "ここにいます")


def understood(steps: list[Words]) -> Words:
    en = ", then ".join(part.en for part in steps)
    return Words(en=f"I will {en}.", ja="。次に、".join(part.ja for part in steps) + "。")


def confirm(plan: Words) -> Words:
    """Ask back what was `understood`."""
    return Words(
        en=f"Did I get this right? {plan.en} Please say yes or no.",
        ja=f"{plan.ja}これでよいですか。「はい」か「いいえ」で答えてください。",
    )


def finished(task: Step, spot: Spot, previous: tuple[Step, Spot] | None) -> Words:
    """The last step is done."""
    if task.task is Task.WAIT and task.until is None:
        if previous is not None and previous[0].task in (Task.NAVIGATE, Task.DOCK):
            return Words(
                en=f"I am {previous[1].en_at} and wait here.", ja=f"{previous[1].ja}に着きました。ここで待ちます。"
            )
        return Words(en="I wait here.", ja="ここで待ちます。")
    if isinstance(task.target, DisplacementTarget):
        return Words(en="Done.", ja="終わりました。")
    return {
        Task.NAVIGATE: Words(en=f"I have arrived {spot.en_at}.", ja=f"{spot.ja}に着きました。"),
        Task.DOCK: Words(en=f"I have docked {spot.en_at}.", ja=f"{spot.ja}に着けました。"),
        Task.INSPECT: Words(en=f"I have inspected {spot.en}.", ja=f"{spot.ja}の点検が終わりました。"),
        Task.COVER: Words(en=f"I have covered {spot.en}.", ja=f"{spot.ja}を走り終わりました。"),
        Task.PATROL: Words(en=f"I have patrolled {spot.en}.", ja=f"{spot.ja}の巡回が終わりました。"),
        Task.FOLLOW: Words(en=f"I have stopped following {spot.en}.", ja=f"{spot.ja}について行くのを終えました。"),
        Task.WAIT: Words(en="I have finished waiting.", ja="待ち終わりました。"),
    }.get(task.task, Words(en="I have stopped.", ja="停止しました。"))


def listing(names: list[str], last: str, mark: str) -> str:
    """`a, b or c` / `a、b、c`."""
    if len(names) < 2 or not last:
        return mark.join(names)
    return f"{mark.join(names[:-1])} {last} {names[-1]}"


STOPPED = Words(en="I have stopped.", ja="停止しました。")
STOPPED_GOAL = Words(en="I have stopped. Say resume to go on.", ja="停止しました。続けるには「再開」と言ってください。")
RESUMED = Words(en="I go on.", ja="再開します。")
CANCELLED = Words(en="I have dropped the goal.", ja="指示を取り消しました。")
NOTHING_TO_CANCEL = Words(en="There is no goal to drop.", ja="取り消す指示はありません。")
NOTHING_TO_RESUME = Words(en="There is no stopped goal to go on with.", ja="再開できる指示はありません。")
MODEL_LOADING = Words(
    en="The language model is still loading. I will answer when it is ready.",
    ja="言語モデルを準備しています。準備ができたらお答えします。",
)
MODEL_ABSENT = Words(
    en="I have no language model here. Send a goal pose, or a fixed command.",
    ja="言語モデルがありません。目標位置か登録済みの指示を送ってください。",
)
MODEL_SILENT = Words(
    en="The language model did not answer in time. Please say it again.",
    ja="言語モデルから時間内に答えがありませんでした。もう一度言ってください。",
)
EMPTY = Words(en="I heard nothing I can read.", ja="指示を読み取れませんでした。")
TOO_LONG = Words(
    en="That is too long. Please say it in one short sentence.", ja="指示が長すぎます。短い一文で言ってください。"
)
NO_POSE = Words(en="I do not know where I am yet.", ja="自分の位置がまだ分かりません。")
WAITING_FOR_POSE = Words(
    en="I do not know where I am yet. I will start when I do.", ja="自分の位置を確認しています。分かりしだい始めます。"
)
POSE_LOST = Words(
    en="I have lost my position and stand still.", ja="自分の位置が分からなくなったので、止まっています。"
)
POSE_BACK = Words(en="I know my position again and go on.", ja="自分の位置が分かったので、続けます。")
DROPPED_QUESTION = Words(en="All right, I leave it.", ja="分かりました。取りやめます。")
OVERTAKEN = Words(
    en="I have dropped an earlier instruction for the newer word.", ja="新しい指示を優先し、前の指示は取りやめました。"
)
EMERGENCY = Words(
    en="Emergency stop. When it is reset, say resume to go on.",
    ja="緊急停止しました。解除のあと、続けるには「再開」と言ってください。",
)
BLOCKED = Words(en="Something is in my way. I am waiting.", ja="道がふさがっています。空くのを待っています。")
NO_WAY_NOW = Words(en="I find no way just now. I am waiting.", ja="今は通れる道がありません。待っています。")
SKIPPED = Words(
    en="One point of the round is blocked. I go on to the next.", ja="途中の一か所がふさがっているので、次へ進みます。"
)
DOCK_AGAIN = Words(
    en="I was not straight before the dock. I try again.", ja="ドックに対して曲がっていたので、やり直します。"
)
DOCK_GIVEN_UP = Words(
    en="I cannot get straight onto the dock. Please look what is in the way.",
    ja="ドックにまっすぐ入れません。周りを確認してください。",
)
TARGET_LOST = Words(en="I have lost sight of what I was following.", ja="追いかけていた相手を見失いました。")
WAITING_FOR_WORD = Words(
    en="I am waiting. Say resume to go on.", ja="待っています。続けるには「再開」と言ってください。"
)


def restored(plan: Words) -> Words:
    return Words(en=f"I take up my goal again. {plan.en}", ja=f"中断した指示を続けます。{plan.ja}")


def model_failed(why: str) -> Words:
    shown = " ".join(why.split())[:160]
    return Words(
        en=f"The language model does not work ({shown}). Send a goal pose instead.",
        ja=f"言語モデルが動いていません（{shown}）。目標位置で指示してください。",
    )
