"""How perception is, said by sensor: silent, refused and why, mounted nowhere; and whether the state can be used."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Final

from physical_ai_core.core import ERROR, OK, WARN, Health
from physical_ai_perception.fusion.localisation import GNSS, Localisation
from physical_ai_perception.mounts import Mounts
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.stamps import StampGuard

RECENT_S: Final = 2.0  # refusals older than this are history: counted, no longer a complaint
GNSS_SILENT_S: Final = 2.0
REJECTED_S: Final = 1.0


def judge(
    p: PerceptionParameters, guard: StampGuard, mounts: Mounts, localisation: Localisation, publishing: bool
) -> Health:
    """The worst complaint first; `values` has age (s), taken and refused of every sensor."""
    complaints: list[tuple[int, str]] = []
    if localisation.local is None:
        complaints.append((WARN, "waiting for imu/data or wheel/odometry"))
    elif not publishing and isfinite(guard.clock_s):
        complaints.append((ERROR, "own state is lost: neither imu/data nor wheel/odometry is heard"))
    complaints += _silent(p, guard)
    for name, source in sorted(guard.sources.items()):
        if source.refused and guard.clock_s - source.last_refused_s <= RECENT_S:
            complaints.append((WARN, f"{name}: {source.last_reason} ({source.refused_total} refused)"))
    complaints += [(WARN, text) for _, text in sorted(mounts.unknown.items())]
    complaints += _localisation(guard, localisation)
    complaints.sort(key=lambda complaint: -complaint[0])
    level = complaints[0][0] if complaints else OK
    message = "; ".join(text for _, text in complaints) or "ok"
    return Health(level, message, _values(guard, localisation))


def _silent(p: PerceptionParameters, guard: StampGuard) -> list[tuple[int, str]]:
    complaints = []
    for name in p.expected_sensors:
        age_s = guard.age_s(name)
        if age_s == float("inf"):
            complaints.append((WARN, f"{name} has not been heard"))
        elif age_s > p.silent_after_s:
            complaints.append((WARN, f"{name} is silent since {age_s:.1f} s"))
    age_s = guard.age_s(GNSS)
    if GNSS not in p.expected_sensors and isfinite(age_s) and age_s > GNSS_SILENT_S:
        complaints.append((WARN, f"{GNSS} is silent since {age_s:.1f} s"))
    return complaints


def _localisation(guard: StampGuard, localisation: Localisation) -> list[tuple[int, str]]:
    complaints = []
    if not localisation.heading_known:
        complaints.append((WARN, "heading in map is unknown: set initialpose, or drive some metres with GNSS"))
    for name, motion in (("odom", localisation.local), ("map", localisation.global_)):
        if motion is None:
            continue
        now_s = motion.state.stamp_s
        for source, gate in sorted(motion.filter.gates.items()):
            if gate.streak and now_s - gate.streak_since_s > REJECTED_S:
                text = f"{source} contradicts the state in {name} since {now_s - gate.streak_since_s:.1f} s"
                complaints.append((WARN, text))
    return complaints


def _values(guard: StampGuard, localisation: Localisation) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, source in sorted(guard.sources.items()):
        age_s = guard.age_s(name)
        values[f"{name} age_s"] = f"{age_s:.3f}" if isfinite(age_s) else "never"
        values[f"{name} taken"], values[f"{name} refused"] = str(source.taken), str(source.refused_total)
    values["clock set"], values["state resets"] = str(guard.jumps), str(localisation.resets)
    for name, motion in (("odom", localisation.local), ("map", localisation.global_)):
        if motion is not None:
            covariance = motion.state.covariance
            values[f"position sigma in {name} m"] = f"{sqrt(float(covariance[0, 0] + covariance[1, 1])):.3f}"
            rejected = {source: gate.rejected for source, gate in sorted(motion.filter.gates.items()) if gate.rejected}
            values[f"rejected in {name}"] = ", ".join(f"{key} {count}" for key, count in rejected.items()) or "none"
    return values
