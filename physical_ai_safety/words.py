"""What each rule says to a person, in English and Japanese, filled with the numbers of the intervention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from physical_ai_core.goal import Words
from physical_ai_core.reports import Intervention

CLEAR: Final = Words(en="The command passes unchanged.", ja="指令をそのまま通しています。")
IDLE: Final = Words(en="Waiting for a command.", ja="指令を待っています。")

TEXT: Final[dict[str, Words]] = {
    "emergency_stop": Words(
        en="Emergency stop. It holds until safety/reset.", ja="非常停止中。safety/reset まで解除されません。"
    ),
    "waiting": Words(en="Waiting for {clause}.", ja="{clause} を待っています。"),
    "crew": Words(
        en="Stopped: {clause} has ended; going on when it is back.", ja="停止:{clause} が終了。復帰後に再開します。"
    ),
    "stale_input": Words(
        en="Stopped: {clause} is silent ({age_s:.2f} s).", ja="停止:{clause} が途絶 ({age_s:.2f} 秒)。"
    ),
    "stale_command": Words(en="Stopped: the command went silent.", ja="停止:速度指令が途絶。"),
    "refused_command": Words(en="Stopped: a command was refused ({clause}).", ja="停止:不正な指令を拒否 ({clause})。"),
    "pose_lost": Words(
        en="Stopped: the place in the map is lost ({clause}).", ja="停止:地図上の自己位置を喪失 ({clause})。"
    ),
    "tilt": Words(en="Stopped: tilted by {tilt_rad:.2f} rad.", ja="停止:傾斜 {tilt_rad:.2f} rad。"),
    "limit": Words(
        en="Limited to {v_mps:.2f} m/s, {w_rps:.2f} rad/s ({clause}).",
        ja="{v_mps:.2f} m/s、{w_rps:.2f} rad/s に制限 ({clause})。",
    ),
    "acceleration": Words(en="Change of speed limited.", ja="加減速を制限。"),
    "obstacle": Words(
        en="Obstacle {free_m:.2f} m ahead on the way: {v_mps:.2f} m/s.",
        ja="進路上 {free_m:.2f} m に障害物:{v_mps:.2f} m/s。",
    ),
    "person": Words(
        en="Someone comes at {speed_mps:.1f} m/s, {distance_m:.1f} m away: {v_mps:.2f} m/s.",
        ja="{distance_m:.1f} m 先から {speed_mps:.1f} m/s で接近:{v_mps:.2f} m/s。",
    ),
    "zone": Words(en="Zone '{clause}': {v_mps:.2f} m/s.", ja="区域「{clause}」:{v_mps:.2f} m/s。"),
    "hold": Words(en="Clear again; going on in {left_s:.1f} s.", ja="安全確認中。{left_s:.1f} 秒後に再開。"),
    "fault": Words(en="Stopped: fault inside the gate ({clause}).", ja="停止:ゲート内部の異常 ({clause})。"),
}


def say(interventions: Sequence[Intervention], otherwise: Words) -> tuple[str, str]:
    """English and Japanese line of the last, that is the deciding, intervention."""
    if not interventions:
        return otherwise.en, otherwise.ja
    last = interventions[-1]
    words = TEXT[last.rule]
    return (
        words.en.format(clause=last.clause, **last.numbers),
        words.ja.format(clause=last.clause, **last.numbers),
    )
