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
SPINS: Final = "a turn on the spot bends without end: no field is for it, and none is like it"
UNREAD: Final = "nothing reads it while there are no rows"
LOOSE: Final = "it leaves out what the motion never meets: to leave out less of that saves less, and finds the same"
SIGN: Final = "a sign divides as it multiplies"
FIRST: Final = "numpy reads the first letter"
MORE: Final = "a larger grid holds the same cells"
PICKS: Final = "which rows are true picks the same as their numbers"
ONE: Final = "of one alone the copy is the same"
TURN: Final = "half a turn to either side is the same direction"
MEASURED: Final = "measured, and worked out in floating numbers: nothing hangs on the one value between the two"
NO_MODE: Final = "no mode of a rules file can have that name"

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
    "clauses/compiling": (
        Equal(
            'def compile_clauses(rules: Iterable[form.AnyRule], mode: str = "") -> tuple[Clause, ...]:', "'' -> 'X'",
            NO_MODE,
        ),
    ),
    "clauses/slope": (
        Equal("if not leans <= tilt_rad:", "LtE -> Lt", "there the one is the other, and explains all of it"),
        Equal(
            "math.acos(math.cos(roll_rad) * math.cos(nose_down_rad)) if math.isfinite(roll_rad + nose_down_rad) "
            "else math.nan", "Add -> Sub", ANGLES,
        ),
    ),
    "clauses/speed": (
        Equal(
            "top = self.max_speed_mps if asked.v_mps >= 0.0 else min(self.max_reverse_mps, self.max_speed_mps)",
            "GtE -> Gt", "who asks for no speed is below every top speed",
        ),
        Equal(
            "if turning > self.max_yaw_rate_rps and self._here(situation):", "Gt -> GtE",
            "there the share of the turn is 1, as without it",
        ),
        *(
            Equal(line, "1.0 -> 2.0", "from 1 up a share is all of the motion")
            for line in (
                "by_turn = 1.0", "return 1.0", "return 1.0 if found is None else found.factor",
            )
        ),
    ),
    "clauses/when": (Equal('def condition(when: When, mode: str = "") -> Condition:', "'' -> 'X'", NO_MODE),),
    "core": (
        Equal(
            "clear_m = max((rule.clear_m for rule in self.implements.rules.values()), default=0.0)", "0.0 -> 1.0",
            "a rules file that names no implement has one",
        ),
        Equal(
            "self._answered_s = -math.inf  # when a message was last answered at once", "USub dropped",
            "neither is less than a moment ago",
        ),
        Equal(
            "fresh = runs and not due and 0.0 <= self._now() - self._answered_s < RECENT_S", "LtE -> Lt",
            "a clock that runs has gone on since the answer",
        ),
    ),
    "dead_reckoning": (
        Equal(
            "return PlanarPose(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))", "True -> False",
            LENGTHS,
        ),
    ),
    "dead_ends": (
        Equal(
            "middle = (frame.centroid.x, frame.centroid.y) + offsets[:, None, None] * across", "Add -> Sub",
            "the lanes lie alike on both sides of the middle",
        ),
        Equal(
            "begins, ends = (shapely.distance(shapely.get_point(pieces, end), room) > radius_m for end in (0, 1))",
            "Gt -> GtE", MEASURED,
        ),
    ),
    "footprint": (
        Equal(
            "self.normals, self.offsets, self.tangents, self.starts, self.ends, start, strict=True", "True -> False",
            LENGTHS,
        ),
        Equal('order = np.argsort(r, kind="stable")', "'stable' -> 'stableX'", FIRST),
        Equal("if free_s <= 0.0:", "LtE -> Lt", "the factor for no way at all is 0, and is worked out as 0"),
        Equal("if abs(w_rps) < STRAIGHT * abs(v_mps):", "Lt -> LtE", AT_BOUND),
        Equal("along = root * -turn", "Mult -> Div", SIGN),
        Equal("ring = ((rho2 >= nearest2) & (rho2 <= farthest2)).nonzero()[0]", "BitAnd -> BitOr", LOOSE),
        Equal("nearest2, farthest2 = math.inf, 0.0", "0.0 -> 1.0", LOOSE),
        Equal("nearest2 = min(nearest2, h * h + beside * beside)", "Add -> Sub", LOOSE),
    ),
    "gate": (
        Equal(
            "if due_s is None or stamp_s <= due_s or rules.file.stopping.overrun_s == 0.0 or robot.missing:",
            "LtE -> Lt", "at that moment itself `overruns` says no",
        ),
        Equal(
            'step = level(memory.latched, notes != [] and state not in ("limited", "clear"), state == "limited")',
            "'clear' -> 'clearX'", "what is clear has no notes",
        ),
    ),
    "hearing": (
        Equal(
            "if self.now() < stamp_s < self.now() + CLOCK_STEP_S or (self.now_s is None and math.isfinite(stamp_s)):",
            "Lt -> LtE", "the clock is set to what it shows",
        ),
    ),
    "looks": (
        *(
            Equal(f"turn = ({bearing} - self.middle_rad + math.pi) % (2.0 * math.pi) - math.pi", "Add -> Sub", TURN)
            for bearing in ("math.atan2(dy, dx)", "bearing_rad")
        ),
        Equal("if away * abs(edge - turn) > reach_m:", "Gt -> GtE", MEASURED),
        Equal(
            "return np.asarray((np.abs(turn) > self.half_rad - EDGE_RAD) & (self.half_rad < FULL_HALF_RAD))",
            "Gt -> GtE", MEASURED,
        ),
        Equal("behind = self.nearest_m[_direction(bearing)] < np.hypot(dx, dy) - RESEEN_M", "Lt -> LtE", MEASURED),
        Equal("beyond = self.nearest_m[_direction(bearing)] > np.hypot(dx, dy) + RESEEN_M", "Gt -> GtE", MEASURED),
    ),
    "jerk": (Equal("if jerk_mps3 < math.inf:", "Lt -> LtE", "what is no number is never the least of three"),),
    "ranges": (
        Equal(
            "x, y, z = (row[0] * px + row[1] * py + row[2] * pz + np.float32(o) "
            "for row, o in zip(turn, offset, strict=True))", "True -> False", LENGTHS,
        ),
        *(Equal("self._cloud: Array = np.empty((0, 2))", change, UNREAD) for change in ("2 -> 3", "0 -> 1")),
        *(
            Equal(f"self.{name} = -math.inf", "USub dropped", UNREAD)
            for name in ("_cloud_stamp_s", "_scan_stamp_s", "_walking_stamp_s")
        ),
        Equal("self._walking: Array = np.empty((0, 5))", "5 -> 6", UNREAD),
        Equal("self._walking, self._unfollowed = np.empty((0, 5)), None", "5 -> 6", UNREAD),
        Equal("usable = hit | (ranges > scan.range_max_m)", "Gt -> GtE", "at its very range a ray has hit"),
        Equal("r = np.where(hit, ranges, 0.0).astype(float)", "0.0 -> 1.0", "what did not hit is read nowhere"),
        Equal("ends = (np.abs(np.diff(r)) > STEP_M) | (np.diff(rays) > 1)", "Gt -> GtE", MEASURED),
        Equal("return np.flatnonzero(kept)", "flatnonzero -> atleast_1d", PICKS),
        Equal(
            "turn = (bearing - scan.angle_min_rad) * math.copysign(1.0, scan.angle_increment_rad) + 0.5 * step_rad",
            "Mult -> Div", SIGN,
        ),
        *(
            Equal(
                "any(abs((way - middle + math.pi) % (2.0 * math.pi) - math.pi) <= half for middle, half in sectors)",
                *changed,
            )
            for changed in (
                ("Add -> Sub", TURN),
                ("Sub -> Add", "the directions lie alike on both sides: in the mirror the same are covered"),
            )
        ),
        *(
            Equal(line, "Lt -> LtE", "no turn by floating numbers sets a sensor exactly on its side")
            for line in (
                "upside_down = mount.rotation[2, 2] < 0.0  # then the sweep runs the other way",
                "if mount.rotation[2, 2] < 0.0:",
            )
        ),
        Equal("if not len(known) or not silent.any():", "Or -> And", "without either nothing is found below as well"),
        Equal(
            "parts = [part for field in fields for part in field.points()] or [np.empty((0, 2))]", "2 -> 3",
            "a column that nobody reads",
        ),
        Equal("points = np.concatenate(parts) if len(parts) > 1 else parts[0]", "Gt -> GtE", ONE),
        Equal("if len(people) > 1:", "Gt -> GtE", ONE),
        Equal(
            "walkers = Walkers(*(np.concatenate(row) for row in zip(*people, strict=True)))", "True -> False", LENGTHS,
        ),
        Equal(
            "across, turn, offset = int(reach_m / CLOUD_CELL_M) + 1, mount.rotation.astype(np.float32), mount.xyz_m",
            "1 -> 2", MORE,
        ),
        *(Equal("side = 2 * across + 1", change, MORE) for change in ("1 -> 2", "2 -> 3")),
        Equal(
            "keep = np.flatnonzero((z > LOWEST_M) & (z < HIGHEST_M) & (x * x + y * y < reach_m * reach_m))",
            "flatnonzero -> atleast_1d", PICKS,
        ),
    ),
    "incline": (
        Equal(
            "odd = abs(size - GRAVITY_MPS2) > ODD * GRAVITY_MPS2", "Gt -> GtE",
            "by this gravity no floating number lies on that edge",
        ),
        Equal("pull = dt / PULL_S", "Div -> Mult", "it is one second: a share of it and as much as it are the same"),
    ),
    "sensors": (
        Equal(
            "GLANCE: Final = 37  # every so many returns are compared before all of them are", "37 -> 38",
            "which ones are looked at first only takes another time",
        ),
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
    "telling": (
        Equal(
            'rule = verdict.interventions[-1].rule if verdict.interventions else ""', "'' -> 'X'",
            "no rule has that name",
        ),
        Equal(
            'topic = words.CAUSED_BY.get(rule, COMMAND_OF.get(verdict.source, ""))', "'' -> 'X'",
            "no input has that name",
        ),
    ),
    "reflex": (
        Equal(
            "counts = (r >= scan.range_min_m) & (self._hull.heights(x, y).max(axis=0) > INSIDE_M)  "
            "# nearer: the decision's", "Gt -> GtE", MEASURED,
        ),
        Equal("close = (ranges < rays.reach_m).nonzero()[0]", "Lt -> LtE", MEASURED),
        Equal("if left_m <= 0.0:", "LtE -> Lt", MEASURED),
        Equal("field = Field(v > 0.0, w / v if v else math.inf, nothing, nothing)", "Gt -> GtE", SPINS),
        Equal(
            "return field.ahead == (v > 0.0) and abs(w - field.curvature * v) <= LIKE * abs(v)", "Gt -> GtE", SPINS
        ),
        Equal(
            "return np.asarray(np.where(across > 0.0, left[:, None] / across, math.inf).min(axis=0))", "Gt -> GtE",
            "what is divided by nothing has no end either",
        ),
    ),
    "remembered": (
        Equal("kept &= _turn(other, known) > other.half_rad", "Gt -> GtE", MEASURED),
        Equal("kept &= turn > view.half_rad - _edge_rad(view, known, step_rad)", "Gt -> GtE", MEASURED),
        Equal("edge = np.flatnonzero(kept & (turn <= view.half_rad))", "LtE -> Lt", MEASURED),
        Equal("edge = np.flatnonzero(kept & (turn <= view.half_rad))", "flatnonzero -> atleast_1d", PICKS),
        Equal("return np.asarray(np.abs((bearing + math.pi) % (2.0 * math.pi) - math.pi))", "Add -> Sub", TURN),
        Equal("outward = _turn(view, points) >= _turn(view, known)[:, None] - SAME_RAD", "GtE -> Gt", MEASURED),
        Equal("return np.asarray(d2 < within_m * within_m)", "Lt -> LtE", MEASURED),
    ),
    "under_way": (
        *(
            Equal(
                "told = (*self.sent, (0.0, *self.motion), (0.0, self.base.v_mps, self.base.w_rps))", change,
                "how much was told is asked, and not when",
            )
            for change in ("0.0 -> 1.0", "0.0 -> 1.0 (2)")
        ),
        Equal("ahead = (v if abs(v) > abs(before_v) else 0.5 * (v + before_v)) * step_s", "Gt -> GtE", SAME),
        Equal("turn = (w if abs(w) > abs(before_w) else 0.5 * (w + before_w)) * step_s", "Gt -> GtE", SAME),
        Equal(
            "if not len(near.inside_x) and not (len(near.r) and near.r[0] < led.reach_m):",
            "Lt -> LtE", "so far away nothing is met, and all of it can be followed",
        ),
        Equal("if spare_m >= -INSIDE_M:", "GtE -> Gt", MEASURED),
        *(
            Equal(
                "met = np.flatnonzero((x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]))", change,
                "the box is wider by the side margin than what must be kept: at its edge nothing is met",
            )
            for change in ("Gt -> GtE", "Gt -> GtE (2)", "Lt -> LtE", "Lt -> LtE (2)")
        ),
        Equal(
            "least = np.minimum(KEPT * hull.margin_m, np.where(away > 0.0, KEPT * away, away))", "Gt -> GtE",
            "a share of nothing is nothing",
        ),
        Equal(
            "MOST_POSES = 1000  # no way takes so many; what decides over motion has no loop without an end",
            "1000 -> 1001", "no way takes so many",
        ),
        Equal("if at_s >= ends_s - 1e-9:", "GtE -> Gt", MEASURED),
        Equal("elif at_s >= begins_s - 1e-9:", "GtE -> Gt", MEASURED),
        Equal(
            "while index + 1 < len(sent) and sent[index + 1].stamp_s + base.late_s <= at_s + 1e-9:", "LtE -> Lt",
            MEASURED,
        ),
        Equal("abs(v) - abs(before_v) > base.push_mps2 * step_s + STILL", "Gt -> GtE", MEASURED),
        Equal("or abs(w) - abs(before_w) > base.push_rps2 * step_s + STILL", "Gt -> GtE", MEASURED),
    ),
    "walkers": (
        Equal("self._stamp_s = -math.inf", "USub dropped", "after either the first sweep begins anew"),
        Equal(
            "while len(self._past) > 1 and stamp_s - self._past[1].stamp_s >= RESEEN_AGES_S[0]:", "1 -> 2",
            "the second of two is the newest, and not a second old",
        ),
        Equal("rows, columns = np.nonzero(distance < GATE_M)", "Lt -> LtE", MEASURED),
        Equal(
            'for pair in np.argsort(distance[rows, columns], kind="stable"):', "'stable' -> 'stableX'",
            FIRST,
        ),
        Equal("if judged and track.vx * track.vx + track.vy * track.vy > 0.01:", "Gt -> GtE", MEASURED),
        Equal(
            "past = next((p for p in reversed(self._past) if self._stamp_s - p.stamp_s >= age_s - 1e-3), "
            "self._past[0])",
            "GtE -> Gt", "a thousandth stands there for stamps that are rounded",
        ),
        Equal("return np.array(rows).reshape(-1, 5)", "1 -> 2", "numpy reads any negative number so"),
        Equal(
            "near = np.hypot(walkers.x, walkers.y) < hull.radius_m + walkers.radius + pace * longest_s", "Lt -> LtE",
            "who is so far away cannot touch it",
        ),
        Equal(
            "clearance, times = _clearance(hull, walkers, v_mps, w_rps, braking, np.ones(1), rest_s, spread_mps)",
            "1 -> 2", "the same motion twice",
        ),
        Equal(
            "safe = np.flatnonzero(slower.reshape(len(tried), -1).min(axis=1) >= 0.0)", "1 -> 2",
            "numpy reads any negative number so",
        ),
    ),
    "zones": (
        Equal("WORLD_M = 1.0e5", "100000.0 -> 100001.0", "no robot gets that far from the origin of its site"),
        Equal("if distance_m < self._reach_m:", "Lt -> LtE", "so far away no body is found in it"),
        Equal("if self._distances_m[k] >= self._reach_m:", "GtE -> Gt", "a look is to spare there: none is found"),
        Equal(
            "return self._distances_m[self._zones.number[name]] < self._reach_m", "Lt -> LtE",
            "whoever hears yes asks on, and so far away no body is found in it",
        ),
        Equal(
            "if self._led is None or self._distances_m[k] >= self._reach_m:", "GtE -> Gt",
            "a look is to spare there: none is found",
        ),
        Equal("return 1.0", "1.0 -> 2.0", LEAST),
        Equal(
            "free = float(shapely.distance(shape, self._on_the_way()).min()) >= here_m - NO_NEARER_M", "GtE -> Gt",
            MEASURED,
        ),
        Equal("return there > _outward(shape, out, pose.x_m, pose.y_m) + 1e-6", "Gt -> GtE", MEASURED),
        Equal(
            "first = None if speed <= limit_mps else self._first(k)", "LtE -> Lt",
            "the root of its square is the limit itself, which is allowed",
        ),
    ),
}  # fmt: skip
