"""How perception is, said by sensor: silent, refused and why, mounted nowhere; and whether the state can be used."""

from __future__ import annotations

from math import isfinite
from typing import Final

from physical_ai_core.core import ERROR, OK, WARN, Health
from physical_ai_perception.camera.camera import Camera
from physical_ai_perception.fusion.localisation import Localisation
from physical_ai_perception.fusion.output import planar_sigma_m
from physical_ai_perception.fusion.sensors import SensorSet
from physical_ai_perception.mounts import Mounts
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.stamps import StampGuard

RECENT_S: Final = 2.0  # refusals older than this are history: counted, no longer a complaint
ONCE_SILENT_S: Final = 2.0
FUSED: Final = ("imu/data", "wheel/odometry", "gps/fix")  # expected only where the sensor set has them
REJECTED_S: Final = 1.0


def judge(
    p: PerceptionParameters, sensors: SensorSet, guard: StampGuard, mounts: Mounts, localisation: Localisation,
    publishing: bool, camera: Camera,
) -> Health:  # fmt: skip
    """The worst complaint first; `values` has age (s), taken and refused of every sensor."""
    complaints: list[tuple[int, str]] = []
    motion = [sensor.topic for sensor in sensors.sensors if sensor.moves]
    if localisation.local is None:
        complaints.append((WARN, f"waiting for {' or '.join(motion)}"))
    elif not publishing and isfinite(guard.clock_s):
        complaints.append((ERROR, f"own state is lost: nothing is heard of {', '.join(motion)}"))
    complaints += _silent(p, sensors, guard)
    for name, source in sorted(guard.sources.items()):
        if source.refused and guard.clock_s - source.last_refused_s <= RECENT_S:
            complaints.append((WARN, f"{name}: {source.last_reason} ({source.refused_total} refused)"))
    complaints += [(WARN, text) for _, text in sorted(mounts.unknown.items())]
    complaints += _localisation(guard, localisation)
    complaints += camera.complaints(guard.clock_s)
    complaints.sort(key=lambda complaint: -complaint[0])
    level = complaints[0][0] if complaints else OK
    message = "; ".join(text for _, text in complaints) or "ok"
    return Health(level, message, {**_values(guard, localisation), **camera.values()})


def expected(p: PerceptionParameters, sensors: SensorSet) -> dict[str, float]:
    """Topics whose silence is a fault, and after how long."""
    given = sensors.by_topic
    usual = {name: p.silent_after_s for name in p.expected_sensors if name in given or name not in FUSED}
    return usual | {name: sensor.timeout_s for name, sensor in given.items() if sensor.timeout_s is not None}


def _silent(p: PerceptionParameters, sensors: SensorSet, guard: StampGuard) -> list[tuple[int, str]]:
    complaints = []
    faults = expected(p, sensors)
    for name, timeout_s in faults.items():
        age_s = guard.age_s(name)
        if age_s == float("inf"):
            complaints.append((WARN, f"{name} has not been heard"))
        elif age_s > timeout_s:
            complaints.append((WARN, f"{name} is silent since {age_s:.1f} s"))
    for sensor in sensors.sensors:  # others are missed once they have been heard
        age_s = guard.age_s(sensor.topic)
        if sensor.topic not in faults and ONCE_SILENT_S < age_s < float("inf"):
            complaints.append((WARN, f"{sensor.topic} is silent since {age_s:.1f} s"))
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
            values[f"position sigma in {name} m"] = f"{planar_sigma_m(motion.state):.3f}"
            gates = sorted(motion.filter.gates.items())
            rejected = {source: gate.rejected for source, gate in gates if gate.rejected}
            late = {source: gate.late for source, gate in gates if gate.late}
            missed = {source: gate.too_late for source, gate in gates if gate.too_late}
            for what, counts in (("taken late", late), ("too late", missed)):
                if counts:
                    values[f"{what} in {name}"] = ", ".join(f"{key} {count}" for key, count in counts.items())
            for topic, scale in zip(localisation.scale_names, motion.state.scales.tolist(), strict=False):
                values[f"{topic} scale in {name}"] = f"{1.0 + scale:.4f}"
            values[f"rejected in {name}"] = ", ".join(f"{key} {count}" for key, count in rejected.items()) or "none"
    return values
