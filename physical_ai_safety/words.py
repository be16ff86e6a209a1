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
    "overrun": Words(
        en="The base does not stop ({v_mps:.2f} m/s): power off was asked for. It holds until safety/reset.",
        ja="車体が停止しません ({v_mps:.2f} m/s):動力遮断を要求。safety/reset まで解除されません。",
    ),
    "bumper": Words(
        en="Bumper {clause}: stopped until safety/reset.", ja="バンパー接触 ({clause})。safety/reset まで停止します。"
    ),
    "start": Words(
        en="Standing after the start: a person has to release it with safety/reset.",
        ja="起動後の待機中。人が safety/reset で解除するまで動きません。",
    ),
    "intruder": Words(en="Stopped: {clause} goes around the gate.", ja="停止:{clause} が安全ゲートを迂回しています。"),
    "lifted": Words(en="Stopped: lifted off the ground.", ja="停止:車体が持ち上げられています。"),
    "dead_man": Words(
        en="Stopped: {clause} has taken over and let go.", ja="停止:操縦中の {clause} からの指令が途絶。"
    ),
    "waiting": Words(en="Waiting for {clause}.", ja="{clause} を待っています。"),
    "crew": Words(
        en="Stopped: {clause} has ended; going on when it is back.", ja="停止:{clause} が終了。復帰後に再開します。"
    ),
    "stale_input": Words(
        en="Stopped: {clause} is silent ({age_s:.2f} s).", ja="停止:{clause} が途絶 ({age_s:.2f} 秒)。"
    ),
    "unsound_input": Words(
        en="Stopped: what the sensors say cannot be ({clause}).", ja="停止:センサーの値が矛盾しています ({clause})。"
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
    "stability": Words(
        en="To stay upright ({clause}): {v_mps:.2f} m/s, {w_rps:.2f} rad/s.",
        ja="転倒防止 ({clause}):{v_mps:.2f} m/s、{w_rps:.2f} rad/s。",
    ),
    "obstacle": Words(
        en="Obstacle {free_m:.2f} m ahead on the way: {v_mps:.2f} m/s.",
        ja="進路上 {free_m:.2f} m に障害物:{v_mps:.2f} m/s。",
    ),
    "person": Words(
        en="Someone comes at {speed_mps:.1f} m/s, {distance_m:.1f} m away: {v_mps:.2f} m/s.",
        ja="{distance_m:.1f} m 先から {speed_mps:.1f} m/s で接近:{v_mps:.2f} m/s。",
    ),
    "zone": Words(en="Zone '{clause}': {v_mps:.2f} m/s.", ja="区域「{clause}」:{v_mps:.2f} m/s。"),
    "keep_out": Words(en="Keep out of '{clause}': {v_mps:.2f} m/s.", ja="立入禁止「{clause}」:{v_mps:.2f} m/s。"),
    "geofence": Words(en="Fence '{clause}': {v_mps:.2f} m/s.", ja="境界「{clause}」:{v_mps:.2f} m/s。"),
    "speed": Words(
        en="Slower by rule '{clause}': {v_mps:.2f} m/s.",
        ja="規則「{clause}」により減速:{v_mps:.2f} m/s。",
    ),
    "forbid": Words(en="Not allowed here by rule '{clause}'.", ja="規則「{clause}」によりここでは禁止です。"),
    "approval": Words(
        en="Waiting for the approval '{clause}' of {persons:.0f} people.",
        ja="承認「{clause}」を待っています ({persons:.0f} 人)。",
    ),
    "slope": Words(
        en="Too steep for rule '{clause}': {slope_rad:.2f} rad.",
        ja="規則「{clause}」の勾配を超過:{slope_rad:.2f} rad。",
    ),
    "hold": Words(en="Clear again; going on in {left_s:.1f} s.", ja="安全確認中。{left_s:.1f} 秒後に再開。"),
    "fault": Words(en="Stopped: fault inside the gate ({clause}).", ja="停止:ゲート内部の異常 ({clause})。"),
}


# Rule -> the input whose stamp begins the time from cause to output. Not named: the command itself; "": nothing heard.
CAUSED_BY: Final[dict[str, str]] = {
    "obstacle": "scan", "person": "scan", "zone": "state/odometry", "keep_out": "state/odometry",
    "geofence": "state/odometry", "slope": "imu/data", "pose_lost": "state/map_to_odom",
    "tilt": "imu/data", "overrun": "wheel/odometry", "emergency_stop": "emergency_stop", "bumper": "bumper",
    "lifted": "lifted", "crew": "heartbeat", "dead_man": "cmd_vel_teleop", "stale_command": "cmd_vel_nav",
    "unsound_input": "wheel/odometry", "waiting": "", "start": "", "intruder": "", "hold": "", "fault": "",
}  # fmt: skip

DRIVER: Final[dict[str, Words]] = {
    "took": Words(
        en="You have taken over. Autonomy waits until you hand back.",
        ja="操縦を引き継ぎました。返すまで自律走行は待機します。",
    ),
    "gave": Words(en="Handed back to autonomy.", ja="自律走行に戻しました。"),
    "held": Words(en="Refused: somebody else has taken over.", ja="拒否:別の人が操縦中です。"),
    "moves": Words(
        en="Refused: the robot moves, or it is not known. Wait until it stands.", ja="拒否:停止が確認できません。"
    ),
    "nobody": Words(en="Refused: say who you are.", ja="拒否:名前を指定してください。"),
    "form": Words(en="Refused: not of the form in docs/interfaces.md.", ja="拒否:形式が正しくありません。"),
}

RESET: Final[dict[str, Words]] = {
    "": Words(en="Released. The robot may move.", ja="解除しました。動ける状態です。"),
    "free": Words(en="Nothing is latched.", ja="停止は保持されていません。"),
    "emergency_stop": Words(
        en="Refused: emergency_stop is still true. Release it first.", ja="拒否:非常停止が押されたままです。"
    ),
    "bumper": Words(en="Refused: the bumper is still pressed. Free it first.", ja="拒否:バンパーが押されたままです。"),
    "unknown": Words(
        en="Refused: wheel/odometry is silent, so it is not known that the robot stands.",
        ja="拒否:wheel/odometry が途絶しており、停止を確認できません。",
    ),
    "moves": Words(
        en="Refused: the robot moves. Wait until it stands.", ja="拒否:動いています。停止後にやり直してください。"
    ),
}


def both(words: Words) -> str:
    """One line for a service's answer, which has room for one."""
    return f"{words.en} / {words.ja}"


def quiet(driver: str) -> Words:
    """Nothing is asked for, by autonomy or by the person who has taken over."""
    if not driver:
        return IDLE
    return Words(en=f"{driver} has taken over; waiting for a command.", ja=f"{driver} が操縦中。指令を待っています。")


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
