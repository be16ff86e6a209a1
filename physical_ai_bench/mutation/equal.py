"""Faults of the gate's files that no test can notice, each with the reason: they are not tried, and not counted."""

from __future__ import annotations

from typing import Final

from physical_ai_bench.mutation.campaign import Equal

ANGLES: Final = "both are angles within a turn, or not finite; then neither sum nor difference is"
LENGTHS: Final = "what is paired has one length by the way it is made: a stricter look at it changes nothing"
SAME: Final = "they differ only where both speeds are the same number, and then both sides are that number"
LEAST: Final = "the least of both binds, and where it is 1 nothing is said: what does not bind may be any number >= 1"
NO_GAP: Final = "a share of no difference, and the other one is 1 at most: the least of both is the same"
AT_BOUND: Final = "what is exactly at its bound is set to that bound"
RESTING: Final = "a nanosecond later it stands as well: the pose of rest is only written once more"

EQUAL: Final[dict[str, tuple[Equal, ...]]] = {
    "bounds": (
        Equal(
            "forward = command.v_mps >= 0.0 if memory.v_mps == 0.0 else memory.v_mps > 0.0", "Gt -> GtE",
            "there it is not 0",
        ),
        Equal(
            "turns, level = STRAIGHT, abs(robot.roll_rad) + abs(robot.pitch_rad) <= FLAT_RAD", "LtE -> Lt",
            "a lean within the IMU's doubt costs nothing, whichever way it is looked at",
        ),
        Equal(
            "return _plain(robot.v_mps) < -SHOWN_MPS or "
            "min((one.v_mps for one in memory.sent), default=0.0) < -SHOWN_MPS",
            "0.0 -> 1.0", "neither is below a number below 0",
        ),
        Equal("forward = command.v_mps >= 0.0", "GtE -> Gt", "who asks for no speed is below every top speed"),
        *(
            Equal(line, change, reason)
            for line in (
                "by_speed = top / abs(command.v_mps) if abs(command.v_mps) > top else 1.0",
                "by_turn = limits.max_yaw_rate_rps / abs(command.w_rps) "
                "if abs(command.w_rps) > limits.max_yaw_rate_rps else 1.0",
            )
            for change, reason in (("Gt -> GtE", AT_BOUND), ("1.0 -> 2.0", LEAST))
        ),
        Equal("share_v = min(1.0, step / abs(dv)) if dv else 1.0", "1.0 -> 2.0 (2)", NO_GAP),
        Equal(
            "share_w = min(1.0, limits.max_yaw_acceleration_rps2 * dt / abs(dw)) if dw else 1.0", "1.0 -> 2.0 (2)",
            NO_GAP,
        ),
        *(
            Equal(
                "if slowing and v * memory.v_mps < 0.0:  "
                "# through rest: what comes after is speeding up, and has its own limit", *changed,
            )
            for changed in (
                ("Mult -> Div", "who slows down moved: a quotient has the sign of the product"),
                ("Lt -> LtE", "0 is set to 0"),
            )
        ),
        Equal("tips = found.left_mps2 if side > 0.0 else found.right_mps2", "Gt -> GtE", "there it is not 0"),
        Equal("if fast * abs(w) <= most:", "LtE -> Lt", AT_BOUND),
        Equal("if abs(v * w) > most:", "Gt -> GtE", AT_BOUND),
        Equal("if fast * abs(w) > most:", "Gt -> GtE", AT_BOUND),
        Equal("known = math.isfinite(robot.roll_rad + robot.pitch_rad)", "Add -> Sub", ANGLES),
    ),
    "circumstances": (
        Equal('kilograms = float(status.values.get("kg", ""))', "'' -> 'X'", "neither text is a number"),
    ),
    "clauses/clause": (
        Equal(
            'object.__setattr__(self, "factor", 1.0 if self.factor > 1.0 else 0.0)  # no number at all is zero',
            "Gt -> GtE", "1 itself is within the bounds and does not come here",
        ),
        Equal("if not 0.0 <= self.factor <= 1.0:", "LtE -> Lt", "0 would be set to 0"),
    ),
    "clauses/slope": (
        Equal(
            "math.acos(math.cos(roll_rad) * math.cos(nose_down_rad)) if math.isfinite(roll_rad + nose_down_rad) "
            "else math.nan", "Add -> Sub", ANGLES,
        ),
    ),
    "dead_reckoning": (
        Equal(
            "return PlanarPose(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))", "True -> False",
            LENGTHS,
        ),
    ),
    "footprint": (
        Equal(
            "self.normals, self.offsets, self.tangents, self.starts, self.ends, start, strict=True", "True -> False",
            LENGTHS,
        ),
    ),
    "ranges": (
        Equal(
            "x, y, z = (row[0] * px + row[1] * py + row[2] * pz + np.float32(o) "
            "for row, o in zip(turn, offset, strict=True))", "True -> False", LENGTHS,
        ),
    ),
    "sensors": (
        Equal('self._ages_s = dict(zip(("scan", "points"), ages_s, strict=True))', "True -> False", LENGTHS),
    ),
    "space": (
        Equal(
            "starts = [start for start, _ in (*self.spans, *other.spans)] or [0]", "0 -> 1",
            "without hours every minute is alike",
        ),
        *(
            Equal('return Shut("", None, spans_[0]).meets(Shut("", None, spans_[1]))', change, "nobody reads the name")
            for change in ("'' -> 'X'", "'' -> 'X' (2)")
        ),
    ),
    "stability": (Equal("if not math.isfinite(roll_rad + pitch_rad):", "Add -> Sub", ANGLES),),
    "under_way": (
        Equal("ahead = (v if abs(v) > abs(before_v) else 0.5 * (v + before_v)) * step_s", "Gt -> GtE", SAME),
        Equal("turn = (w if abs(w) > abs(before_w) else 0.5 * (w + before_w)) * step_s", "Gt -> GtE", SAME),
        *(
            Equal("if at_s >= ends_s - 1e-9 and before_v == 0.0 and before_w == 0.0:", change, RESTING)
            for change in ("GtE -> Gt", "Sub -> Add")
        ),
    ),
}  # fmt: skip
