"""Parameters of the planner node."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class PlannerParameters:
    """Units in the descriptors; frames: the route lies in `map`."""

    site: str = parameter("yard", "", "Site: a name under config/sites, or the path of a YAML file.")
    robot: str = parameter("scout", "", "Robot: a name under config/robots, or the path of a YAML file.")

    # words
    language_enabled: bool = parameter(True, "", "Start the local language model in a worker process.")
    model: str = parameter("", "", "Language model: a name the worker knows; empty: its default.")
    model_directory: str = parameter("", "", "Folder of a transformers model, used instead of `model`.")
    language_threads: int = parameter(2, "", "Threads of the language model.", minimum=1, maximum=64)
    commands_file: str = parameter(
        "", "", "YAML file of fixed commands (sentence -> goal state), used where the language model is off."
    )
    confidence_threshold: float = parameter(
        0.6, "", "A goal understood with less confidence is asked back before it is carried out.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    close_readings: float = parameter(
        0.5, "", "A second reading of a sentence at least this probable, as a share of the first, is asked about.",
        minimum=0.01, maximum=1.0,
    )  # fmt: skip
    readings: int = parameter(
        4, "", "Readings of a sentence that the language model looks for and the planner checks; 1: the first alone.",
        minimum=1, maximum=8,
    )  # fmt: skip
    readings_s: float = parameter(
        0.5, "s", "Time for further readings of a sentence, once the first is there.", minimum=0.0, maximum=60.0
    )
    sight_m: float = parameter(
        8.0, "m", "How far ahead the robot sees; a goal is slowed down so that it can stop within this.",
        minimum=0.5, maximum=200.0,
    )  # fmt: skip
    confirm_within_s: float = parameter(
        60.0, "s", "How long a question waits for its yes.", minimum=1.0, maximum=3600.0
    )
    language_timeout_s: float = parameter(
        30.0, "s", "An instruction without an answer of the model after this time is refused.",
        minimum=1.0, maximum=600.0,
    )  # fmt: skip
    max_instruction_chars: int = parameter(400, "", "A longer instruction is refused.", minimum=10, maximum=10000)

    # experts
    experts_enabled: bool = parameter(True, "", "Experts judge each goal: they may tighten it, ask, or refuse.")
    experts_folder: str = parameter("", "", "Folder of experts; empty: those that come with the package.")
    experts_log: str = parameter("", "", "File that every judgement of the experts is added to, as JSON; empty: none.")

    # the present goal
    state_dir: str = parameter("", "", "Folder that keeps the present goal over a restart; empty: it is not kept.")
    restore_within_s: float = parameter(
        300.0, "s", "A kept goal older than this (by the graph's clock) is dropped.", minimum=0.0, maximum=86400.0
    )

    # route
    resolution_m: float = parameter(0.1, "m", "Cell of the route's grid.", minimum=0.05, maximum=1.0)
    clearance_m: float = parameter(
        0.1, "m", "Room kept to structures and zones beyond the footprint's radius.", minimum=0.0, maximum=5.0
    )
    comfort_m: float = parameter(
        0.8, "m", "Within this distance beyond the clearance the route avoids obstacles where it is cheap.",
        minimum=0.0, maximum=10.0,
    )  # fmt: skip
    spacing_m: float = parameter(0.2, "m", "Distance of the poses of `plan`.", minimum=0.05, maximum=2.0)
    plan_rate_hz: float = parameter(3.0, "Hz", "How often `plan` and `speed_limit` are said.", minimum=0.5, maximum=10)
    research_period_s: float = parameter(
        1.0, "s", "Least time between two searches for the same goal.", minimum=0.1, maximum=60.0
    )
    off_path_m: float = parameter(
        1.0, "m", "Farther than this from its path the robot gets a new one.", minimum=0.2, maximum=20.0
    )
    blocked_patience_s: float = parameter(
        20.0, "s", "After so long before a blocked way the operator is told (and a patrol or cover point is skipped).",
        minimum=1.0, maximum=3600.0,
    )  # fmt: skip

    # what the sensors add
    occupied_after_s: float = parameter(
        1.0, "s", "A cell seen occupied for this long stands in the way of the route; what passes by does not.",
        minimum=0.0, maximum=30.0,
    )  # fmt: skip
    forget_after_s: float = parameter(
        60.0, "s", "A cell seen occupied and out of sight since is forgotten after this time.",
        minimum=1.0, maximum=86400.0,
    )  # fmt: skip
    unseen_price: float = parameter(
        0.0, "", "Added to the price of a metre (1 in the open) over ground that no sensor has looked at; for sites"
        " without a map, where what is not seen may be shut.", minimum=0.0, maximum=10.0,
    )  # fmt: skip
    moving_speed_mps: float = parameter(
        0.2, "m/s", "A tracked object faster than this leaves no mark on the route's grid.", minimum=0.0, maximum=5.0
    )
    pose_timeout_s: float = parameter(
        0.5, "s", "Own pose older than this: the robot is held.", minimum=0.05, maximum=10.0
    )
    map_timeout_s: float = parameter(
        3.0, "s", "Localisation in `map` older than this: the robot is held.", minimum=0.1, maximum=60.0
    )
    max_map_sigma_m: float = parameter(
        2.0, "m", "Localisation worse than this (one standard deviation): the robot is held.",
        minimum=0.01, maximum=100.0,
    )  # fmt: skip
    pose_wait_s: float = parameter(
        10.0, "s", "How long a goal waits for the first pose before it is refused.", minimum=0.0, maximum=600.0
    )

    # tasks
    arrived_yaw_rad: float = parameter(
        0.25, "rad", "Heading error at which a pose with a heading is reached.", minimum=0.01, maximum=3.2
    )
    pass_radius_m: float = parameter(
        0.8, "m", "A via point of a patrol is passed within this distance.", minimum=0.1, maximum=10.0
    )
    inspect_s: float = parameter(
        5.0, "s", "How long an inspection looks, where no time is said.", minimum=0.0, maximum=3600.0
    )
    standoff_m: float = parameter(
        1.0, "m", "Distance to a thing for 'behind', 'left' and 'right' of it, where none is said.",
        minimum=0.3, maximum=20.0,
    )  # fmt: skip
    follow_distance_m: float = parameter(2.0, "m", "Distance kept behind a followed object.", minimum=0.5, maximum=20.0)
    follow_lost_s: float = parameter(
        10.0, "s", "A followed object waited for this long ends the task (looked for: four times as long).",
        minimum=0.5, maximum=600.0,
    )  # fmt: skip
    follow_reacquire_m: float = parameter(
        2.0, "m", "A lost object is taken up again in one of its class this near to where it should be.",
        minimum=0.1, maximum=20.0,
    )  # fmt: skip
    lane_width_m: float = parameter(
        0.6, "m", "Distance of the lanes of a covered zone (working width less overlap).", minimum=0.1, maximum=20.0
    )
    lane_overlap_m: float = parameter(
        0.05, "m", "How much two lanes overlap: the implement is this much wider than a lane.", minimum=0.0, maximum=5.0
    )
    headlands: int = parameter(
        1, "", "Passes along the edges of a covered zone and around what stands in it; 0: lanes alone.",
        minimum=0, maximum=10,
    )  # fmt: skip
    cover_edge_m: float = parameter(
        0.05, "m", "Room between the implement and the edge of the zone, for errors of the controller.",
        minimum=0.0, maximum=2.0,
    )  # fmt: skip
    turn_radius_m: float = parameter(
        0.0, "m", "Least radius the robot turns with between lanes; 0: it turns on the spot.", minimum=0.0, maximum=20.0
    )
    near_m: float = parameter(3.0, "m", "A person nearer than this is 'near'.", minimum=0.5, maximum=20.0)

    # speed
    dock_speed_mps: float = parameter(
        0.3, "m/s", "Speed of the last part of a dock approach.", minimum=0.05, maximum=2.0
    )
    dock_approach_m: float = parameter(
        1.5, "m", "Length of that last part: straight, from a pose before the dock, shorter where there is less room.",
        minimum=0.1, maximum=20.0,
    )  # fmt: skip
    dock_align_m: float = parameter(
        0.12, "m", "Sideways error before the dock and at it that is good enough.", minimum=0.01, maximum=1.0
    )
    dock_align_rad: float = parameter(
        0.15, "rad", "Heading error before the dock and at it that is good enough.", minimum=0.01, maximum=1.0
    )
    dock_tries: int = parameter(3, "", "Approaches to a dock before it is given up.", minimum=1, maximum=20)
    slowdown_mps2: float = parameter(
        0.8, "m/s^2", "Deceleration counted on before a slower zone.", minimum=0.1, maximum=5.0
    )
    resume_after_emergency_stop: bool = parameter(
        False, "", "Go on by itself once an emergency stop is reset; false: a person must say so."
    )
