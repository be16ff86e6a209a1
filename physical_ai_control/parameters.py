"""Parameters of the controller."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class ControllerParameters:
    """What is tuned on a robot. Its own limits and footprint come from the robot file and are never exceeded."""

    robot: str = parameter("scout", "", "Robot file: a name under config/robots, or a path.")
    solver: str = parameter(
        "riccati", "", "QP solver of the real-time iteration; riccati is the suite's own.",
        choices=("riccati", "hpipm", "osqp", "daqp", "proxqp", "ipopt"),
    )  # fmt: skip
    steps: int = parameter(25, "", "Steps of the horizon.", minimum=10, maximum=60)
    dt_s: float = parameter(0.1, "s", "Length of a step.", minimum=0.05, maximum=0.3)
    solve_every: int = parameter(
        2, "", "Ticks from one solution to the next; in between its trajectory is followed.", minimum=1, maximum=5
    )
    iterations: int = parameter(1, "", "Solver iterations a tick.", minimum=1, maximum=20)
    cold_iterations: int = parameter(4, "", "Solver iterations without a warm start.", minimum=1, maximum=50)
    cruise_speed_mps: float = parameter(1.2, "m/s", "Speed on a free, straight route.", minimum=0.05, maximum=5.0)
    acceleration_mps2: float = parameter(0.9, "m/s^2", "Forward acceleration planned with.", minimum=0.1, maximum=5.0)
    deceleration_mps2: float = parameter(1.5, "m/s^2", "Deceleration planned with.", minimum=0.1, maximum=5.0)
    arrival_deceleration_mps2: float = parameter(
        0.6, "m/s^2", "Deceleration into the goal and into bends.", minimum=0.05, maximum=5.0
    )
    yaw_rate_rps: float = parameter(1.4, "rad/s", "Highest yaw rate planned.", minimum=0.1, maximum=5.0)
    yaw_acceleration_rps2: float = parameter(
        2.5, "rad/s^2", "Yaw acceleration planned with.", minimum=0.1, maximum=20.0
    )
    lateral_acceleration_mps2: float = parameter(
        0.7, "m/s^2", "Sideways acceleration that sets the speed in bends.", minimum=0.05, maximum=5.0
    )
    actuator_lag_s: float = parameter(
        0.15, "s", "Time constant with which the base follows its command.", minimum=0.0, maximum=1.0
    )
    own_motion_model: str = parameter(
        "package", "",
        "Weights that tell where the robot is now from a state that is some milliseconds old: 'package', 'installed'"
        " (the active slot of model updates), a folder, a file; empty: a first-order lag.",
    )  # fmt: skip
    models_folder: str = parameter(
        "", "", "Where installed models lie; empty: $PHYSICAL_AI_MODELS, else ~/.local/share/physical_ai/models."
    )
    people_margin_m: float = parameter(0.35, "m", "Distance kept from people beyond contact.", minimum=0.0, maximum=2.0)
    sigmas: float = parameter(
        1.0, "", "Standard deviations of a predicted position that are kept clear besides.", minimum=0.0, maximum=4.0
    )
    spread_cap_m: float = parameter(
        0.45, "m", "The most that uncertainty may add to the distance kept.", minimum=0.0, maximum=3.0
    )
    static_margin_m: float = parameter(
        0.06, "m", "Distance kept from standing things beyond contact.", minimum=0.0, maximum=1.0
    )
    rest_s: float = parameter(
        0.75, "s", "The robot stands at least this long before a person could touch it.", minimum=0.0, maximum=3.0
    )
    goal_tolerance_m: float = parameter(
        0.15, "m", "Distance to the goal that counts as there.", minimum=0.02, maximum=2.0
    )
    goal_yaw_tolerance_rad: float = parameter(
        0.1, "rad", "Heading error that counts as aligned.", minimum=0.02, maximum=3.2
    )
    turn_in_place_rad: float = parameter(
        1.0, "rad", "Heading error to the route above which the robot turns first.", minimum=0.3, maximum=3.2
    )
    blocked_after_s: float = parameter(
        3.0, "s", "Standing this long without a reason of its own is reported as blocked.", minimum=0.5, maximum=60.0
    )
    back_off_after_s: float = parameter(
        0.0, "s", "Standing so long, it turns and shunts its way back onto the route; 0: never. Backwards it sees"
        " nothing: only where nobody can come up behind it, or with a scan all round.",
        minimum=0.0, maximum=60.0,
    )  # fmt: skip
    stale_s: float = parameter(
        0.3, "s", "Age of odometry or prediction beyond which the robot brakes.", minimum=0.05, maximum=2.0
    )
    slow_stale_s: float = parameter(1.0, "s", "The same for occupancy and map_to_odom.", minimum=0.1, maximum=10.0)
    surprise_slow: float = parameter(
        1.5, "", "Surprise above which speed is reduced in proportion, near people.", minimum=0.5, maximum=100.0
    )
    occupied: int = parameter(50, "", "Occupancy from which a cell is an obstacle.", minimum=1, maximum=100)
    servo_rate_hz: float = parameter(
        0.0, "Hz", "Rate of the tracking loop between two solutions; 0: off, commands go out at each tick.",
        minimum=0.0, maximum=1000.0,
    )  # fmt: skip
    servo_say_hz: float = parameter(
        100.0, "Hz", "At most so many commands a second of the servo are published; 0: one each cycle.",
        minimum=0.0, maximum=1000.0,
    )  # fmt: skip
    servo_thread: bool = parameter(
        False, "", "Run the servo in a thread of the controller: cheaper, and late whenever Python is busy."
    )
    servo_priority: int = parameter(
        0, "", "SCHED_FIFO priority of the servo; 0: ordinary scheduling.", minimum=0, maximum=98
    )
    servo_cpu: int = parameter(-1, "", "Core that the servo keeps to; -1: any.", minimum=-1, maximum=1023)
    servo_lock_memory: bool = parameter(False, "", "Lock the servo's memory, so that it is never paged out.")
    servo_mailbox: str = parameter(
        "", "", "Begin of the name of the shared memory in which an outside controller finds trajectories: the ROS"
        " domain and the namespace follow, with points between; empty: one of its own, only where the servo runs.",
    )  # fmt: skip
    tick_hz: float = parameter(
        50.0, "Hz", "Rate of the ticks; each gives a command, every `solve_every`th a new solution.",
        minimum=20.0, maximum=200.0,
    )  # fmt: skip
    priority: int = parameter(
        0, "", "SCHED_FIFO priority of the controller's node; 0: ordinary scheduling. Lower than the servo's.",
        minimum=0, maximum=98,
    )  # fmt: skip
    servo_silence_s: float = parameter(
        0.2, "s", "Wall time without a word of the controller after which the servo brakes; the safety gate's own"
        " patience with a silent controller is 0.25 s, and a servo that speaks on would use it up.",
        minimum=0.02, maximum=0.2,
    )  # fmt: skip
    model: str = parameter(
        "", "", "Model of motion: a file under physical_ai_control/mpc/models; empty: the robot file's."
    )
    body_tolerance_m: float = parameter(
        0.04, "m", "The circles that stand for the footprint may be this much wider; less takes more of them, up to 6.",
        minimum=0.002, maximum=1.0,
    )  # fmt: skip
    terminal_set: bool = parameter(
        False, "", "Where braking from the end of the horizon leads must be clear, as far as the horizon knows; every"
        " horizon ends at rest besides.",
    )  # fmt: skip
    policy: str = parameter(
        "", "", "Weights of the policy that proposes the solver's second start (`physical-ai train policy`): a file;"
        " empty: off.",
    )  # fmt: skip
