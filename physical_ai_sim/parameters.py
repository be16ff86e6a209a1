"""Parameters of the simulator node."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter
from physical_ai_sim import physics as p


@dataclass(frozen=True)
class SimulatorParameters:
    """What varies from run to run; the robot's physics is frozen in `physics.py`."""

    site: str = parameter("yard", "", "Site name or YAML file.")
    robot: str = parameter("scout", "", "Robot name or YAML file: footprint and sensor mounts.")
    seed: int = parameter(0, "", "Seed of people, noise and biases.", minimum=0, maximum=2**31 - 1)
    real_time_factor: float = parameter(
        1.0, "", "Highest pace; 0: as fast as the graph follows.", minimum=0.0, maximum=100.0
    )
    people: str = parameter(
        "yard", "", "People scene: none, yard (recording by seed), zara01, zara02, hotel or students."
    )
    barn_world: str = parameter("", "", "BARN world, a path or world_NNN.csv of the package, for the structures.")
    people_at_once: int = parameter(0, "", "Most people at a time; 0: as recorded.", minimum=0, maximum=100)
    people_start_s: float = parameter(
        -1.0,
        "s",
        "Where in the recording the run begins; negative: a lively moment by seed.",
        minimum=-1.0,
        maximum=1e4,
    )
    start: str = parameter("", "", "Place where the robot starts; empty: the site's start.")
    noise: float = parameter(
        1.0, "", "Scale of every sensor's noise, bias and drop-outs; 0: perfect.", minimum=0.0, maximum=10.0
    )
    lidar_full_circle: bool = parameter(
        False, "", "The LiDAR looks all around, not 270 degrees: who walks up from behind is seen."
    )
    ground_friction: float = parameter(
        p.WHEEL_FRICTION, "", "Friction between wheels and ground: 1 is dry and the benchmarks' own, 0.1 is ice.",
        minimum=0.02, maximum=2.0,
    )  # fmt: skip
    ground_patches: str = parameter(
        "",
        "",
        "Round patches of other friction, in map: 'x y radius friction; x y radius friction; …', first one wins.",
    )
    ground_slope_rad: float = parameter(
        0.0, "rad", "Slope of the whole ground; map then lies in the ground.", minimum=0.0, maximum=0.5
    )
    ground_slope_direction_rad: float = parameter(
        0.0, "rad", "Which way is uphill, from the x axis of map.", minimum=-3.15, maximum=3.15
    )
    battery_wh: float = parameter(350.0, "Wh", "Capacity of the battery.", minimum=1.0, maximum=1e5)
    battery_charge: float = parameter(0.8, "", "Charge at the start, 0 to 1.", minimum=0.0, maximum=1.0)
    camera: bool = parameter(False, "", "Render camera/image_raw (needs an EGL driver; slow in software).")
    lockstep_lag_s: float = parameter(
        0.06, "s", "How far simulated time may run ahead of the stack.", minimum=0.005, maximum=1.0
    )
    lockstep_wait_s: float = parameter(
        0.25, "s", "Longest wall time that one step waits for the stack.", minimum=0.0, maximum=5.0
    )
