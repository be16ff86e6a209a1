"""The one table of the graph: every topic and every node. Nodes, launch, rviz, telemetry, tests and docs read it.

Topic names are relative, so that a namespace per robot works; a leading slash marks the few that a fleet shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core import reports
from physical_ai_core.goal import GoalState


class Qos(str, Enum):
    """Profiles of the table. Publishers offer deadline and liveliness; subscribers request none."""

    SENSOR = "sensor"  # best effort, depth 5
    STATE = "state"  # reliable, depth 5
    COMMAND = "command"  # reliable, depth 1
    LATCHED = "latched"  # reliable, transient local, depth 1
    CLOCK = "clock"  # best effort, depth 1


@dataclass(frozen=True)
class Topic:
    """One arrow of the graph. `data` is the payload the cores see; `rate_hz` 0 means on event."""

    name: str
    ros_type: str
    data: type[Any]
    qos: Qos
    rate_hz: float
    says: tuple[str, ...]
    hears: tuple[str, ...]
    about: str
    recorded: bool = True


@dataclass(frozen=True)
class Node:
    """One process. `order` is the order of activation; `rate_hz` of its tick; `restart`: respawned when it dies."""

    name: str
    executable: str
    parameters: str  # "module:class" of its parameter dataclass
    order: int
    rate_hz: float
    about: str
    managed: bool = True  # a lifecycle node that the supervisor activates
    restart: bool = True
    robot: bool = True  # runs on the robot; False: only where there is a simulator
    # Topics that do not wake the node, which saves most of their cost where they come
    # more often than it ticks. Of `samples` it takes the newest at each tick, and before another message where the tick
    # is overdue; of `gathers` all, in the order of their stamps, at each tick and before any other message.
    samples: tuple[str, ...] = ()
    gathers: tuple[str, ...] = ()
    # These neither: one of each is taken after a tick has spoken, so that long work on it delays no tick.
    defers: tuple[str, ...] = ()


STRING = "std_msgs/msg/String"
EVERYONE: Final = ("perception", "world_model", "planner", "controller", "safety_gate", "telemetry")

TOPICS: Final[tuple[Topic, ...]] = (
    Topic("/clock", "rosgraph_msgs/msg/Clock", m.Clock, Qos.CLOCK, 100, ("simulator",), (), "simulated time", False),
    Topic("scan", "sensor_msgs/msg/LaserScan", m.LaserScan, Qos.SENSOR, 20, ("simulator",),
          ("perception", "safety_gate"), "planar LiDAR, frame `lidar`"),
    Topic("points", "sensor_msgs/msg/PointCloud2", m.PointCloud, Qos.SENSOR, 10, (),
          ("perception", "safety_gate"), "3D LiDAR"),
    Topic("imu/data", "sensor_msgs/msg/Imu", m.Imu, Qos.SENSOR, 200, ("simulator",),
          ("perception", "safety_gate"), "REP-145, frame `imu`"),
    Topic("gps/fix", "sensor_msgs/msg/NavSatFix", m.GnssFix, Qos.SENSOR, 5, ("simulator",), ("perception",), "GNSS"),
    Topic("wheel/odometry", "nav_msgs/msg/Odometry", m.Odometry, Qos.SENSOR, 50, ("simulator",),
          ("perception", "safety_gate"), "wheel odometry; the twist is what counts"),
    Topic("joint_states", "sensor_msgs/msg/JointState", m.JointStates, Qos.SENSOR, 50, ("simulator",), (),
          "wheel angles"),
    Topic("camera/image_raw", "sensor_msgs/msg/Image", m.Image, Qos.SENSOR, 10, ("simulator",), ("perception",),
          "camera, off unless asked", False),
    Topic("camera/camera_info", "sensor_msgs/msg/CameraInfo", m.CameraInfo, Qos.SENSOR, 10, ("simulator",),
          ("perception",), "camera intrinsics", False),
    Topic("battery_state", "sensor_msgs/msg/BatteryState", m.Battery, Qos.SENSOR, 1, ("simulator",), ("planner",),
          "charge; `percentage` from 0 to 1, as the message has it"),
    Topic("map", "nav_msgs/msg/OccupancyGrid", m.OccupancyGrid, Qos.LATCHED, 0, (), ("perception",), "prior map"),
    Topic("initialpose", "geometry_msgs/msg/PoseWithCovarianceStamped", m.Pose, Qos.STATE, 0, (), ("perception",),
          "where the robot is, as rviz says it"),
    Topic("state/odometry", "nav_msgs/msg/Odometry", m.Odometry, Qos.STATE, 100, ("perception",),
          ("world_model", "planner", "controller", "safety_gate", "simulator"),
          "own pose in `odom` and twist, smooth"),
    Topic("state/map_to_odom", "geometry_msgs/msg/PoseWithCovarianceStamped", m.Pose, Qos.STATE, 10, ("perception",),
          ("world_model", "planner", "controller", "safety_gate"),
          "pose of `odom` in `map`; the covariance is that of the robot's own pose in `map`"),
    Topic("state/objects", "sensor_msgs/msg/PointCloud2", m.Objects, Qos.STATE, 20, ("perception",),
          ("world_model", "planner", "controller"), "tracked objects, layout OBJECT, in `odom`"),
    Topic("state/occupancy", "nav_msgs/msg/OccupancyGrid", m.OccupancyGrid, Qos.STATE, 10, ("perception",),
          ("planner", "controller"), "rolling grid around the robot, in `odom`"),
    Topic("world_model/prediction", "sensor_msgs/msg/PointCloud2", m.Prediction, Qos.STATE, 20, ("world_model",),
          ("planner", "controller"), "mixture per object and step, layout PREDICTION, in `odom`"),
    Topic("world_model/path", "nav_msgs/msg/Path", m.Path, Qos.STATE, 10, ("world_model",), ("planner",),
          "own predicted path, timed, in `odom`"),
    Topic("world_model/surprise", "std_msgs/msg/Float64", m.Scalar, Qos.STATE, 20, ("world_model",),
          ("planner", "controller"), "how far observation leaves the prediction; above 1 is beyond calibration"),
    Topic("instruction", STRING, m.Text, Qos.STATE, 0, (), ("planner",), "a person's sentence"),
    Topic("goal_pose", "geometry_msgs/msg/PoseStamped", m.Pose, Qos.STATE, 0, (), ("planner",),
          "a goal from rviz or Nav2 users; checked like any other"),
    Topic("goal_state", STRING, GoalState, Qos.LATCHED, 0, ("planner",), ("controller",), "the present goal, JSON"),
    Topic("plan", "nav_msgs/msg/Path", m.Path, Qos.LATCHED, 3, ("planner",), ("controller",),
          "route in `map`; empty: stand"),
    Topic("speed_limit", "std_msgs/msg/Float64", m.Scalar, Qos.LATCHED, 3, ("planner",), ("controller",),
          "m/s, of goal and site"),
    Topic("planner/reply", STRING, reports.PlannerReply, Qos.LATCHED, 0, ("planner",), (), "what was understood, JSON"),
    Topic("cmd_vel_nav", "geometry_msgs/msg/TwistStamped", m.Twist, Qos.COMMAND, 50, ("controller",),
          ("safety_gate",), "the autonomous command, not yet allowed"),
    Topic("controller/trajectory", "nav_msgs/msg/Path", m.Path, Qos.STATE, 10, ("controller",),
          ("world_model", "simulator"), "the horizon, timed, in `odom`"),
    Topic("controller/status", STRING, reports.ControllerStatus, Qos.STATE, 10, ("controller",), ("planner",),
          "mode, solver, age, JSON"),
    Topic("cmd_vel_teleop", "geometry_msgs/msg/TwistStamped", m.Twist, Qos.COMMAND, 0, (), ("safety_gate",),
          "a person drives; wins over autonomy"),
    Topic("tool_nav", "std_msgs/msg/Bool", m.Flag, Qos.COMMAND, 0, ("controller",), ("safety_gate",),
          "implement asked on or off"),
    Topic("implements_nav", STRING, reports.ImplementOrder, Qos.STATE, 0, (), ("safety_gate",),
          "implements asked on or off by name, JSON"),
    Topic("emergency_stop", "std_msgs/msg/Bool", m.Flag, Qos.LATCHED, 0, (), ("safety_gate",), "true latches"),
    Topic("site/state", "diagnostic_msgs/msg/DiagnosticArray", m.Diagnostics, Qos.STATE, 1, (), ("safety_gate",),
          "gates of the site (`open`: true) and the load (`payload`, `kg`), a status each; silence: closed, heavy"),
    Topic("bumper", "std_msgs/msg/Bool", m.Flag, Qos.STATE, 0, (), ("safety_gate",), "true: touched; latches"),
    Topic("deadman", "std_msgs/msg/Bool", m.Flag, Qos.STATE, 0, (), ("safety_gate",),
          "true: the switch for driving by hand is held; to be repeated"),
    Topic("lifted", "std_msgs/msg/Bool", m.Flag, Qos.STATE, 0, (), ("safety_gate",),
          "true: off the ground (wheel drop); stands until false"),
    Topic("safety/request", STRING, reports.ApprovalRequest, Qos.STATE, 0, (), ("safety_gate",),
          "people are asked for approval, JSON"),
    Topic("safety/answer", STRING, reports.PersonsAnswer, Qos.STATE, 0, (), ("safety_gate",),
          "a person's yes or no to a request, JSON"),
    Topic("safety/driver", STRING, reports.Takeover, Qos.STATE, 0, (), ("safety_gate",),
          "a person takes the robot over, or hands it back, JSON"),
    Topic("cmd_vel", "geometry_msgs/msg/TwistStamped", m.Twist, Qos.COMMAND, 50, ("safety_gate",),
          ("simulator", "world_model"), "the only topic that moves the base"),
    Topic("tool", "std_msgs/msg/Bool", m.Flag, Qos.COMMAND, 10, ("safety_gate",), ("simulator",),
          "the only topic that moves the implement"),
    Topic("implements", STRING, reports.ImplementStates, Qos.STATE, 10, ("safety_gate",), (),
          "what each implement may do and why not, JSON; at once on change"),
    Topic("safety/hardware_stop", "std_msgs/msg/Int8", m.Whole, Qos.COMMAND, 10, ("safety_gate",), (),
          "stop category asked of the machine's safety circuit: 0, 1, or -1 for none; at once on change"),
    Topic("safety/people", STRING, reports.PeopleReport, Qos.STATE, 1, ("safety_gate",), (),
          "open requests, approvals, who drives, what was said, JSON; at once on change"),
    Topic("safety/verdict", STRING, reports.Verdict, Qos.STATE, 20, ("safety_gate",), ("planner", "controller"),
          "what the gate did and why, JSON; at once on change"),
    Topic("heartbeat", "diagnostic_msgs/msg/DiagnosticArray", m.Diagnostics, Qos.STATE, 5,
          (*EVERYONE, "simulator"), ("supervisor", "safety_gate"), "alive, lifecycle state, load"),
    Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", m.Diagnostics, Qos.STATE, 1,
          ("supervisor", "telemetry", "controller"), (), "for rqt_robot_monitor and fleets"),
    Topic("ground_truth/odometry", "nav_msgs/msg/Odometry", m.Odometry, Qos.STATE, 50, ("simulator",), (),
          "true pose in `map`; never read by the robot"),
    Topic("ground_truth/people", "sensor_msgs/msg/PointCloud2", m.Objects, Qos.STATE, 20, ("simulator",), (),
          "true people in `map`, layout OBJECT"),
    Topic("ground_truth/events", STRING, m.Text, Qos.STATE, 0, ("simulator",), (), "contacts, JSON"),
)

NODES: Final[tuple[Node, ...]] = (
    Node("simulator", "simulator", "physical_ai_sim.parameters:SimulatorParameters", 0, 500,
         "MuJoCo robot, sensors, people", managed=False, restart=False, robot=False),
    Node("supervisor", "supervisor", "physical_ai_supervisor.parameters:SupervisorParameters", 0, 10,
         "brings the others up in order and back alone; /diagnostics", managed=False),
    Node("telemetry", "telemetry", "physical_ai_telemetry.parameters:TelemetryParameters", 1, 10,
         "records everything; KPIs"),
    Node("safety_gate", "safety_gate", "physical_ai_safety.parameters:GateParameters", 2, 100,
         "the last word over every command", samples=("imu/data", "state/odometry"),
         gathers=("wheel/odometry",)),
    Node("perception", "perception", "physical_ai_perception.parameters:PerceptionParameters", 3, 100,
         "sensors to numeric state", gathers=("imu/data", "wheel/odometry"),
         defers=("scan", "points", "camera/camera_info", "camera/image_raw")),
    Node("world_model", "world_model", "physical_ai_world_model.parameters:WorldModelParameters", 4, 20,
         "the next seconds, with uncertainty",
         samples=("state/odometry", "state/map_to_odom", "cmd_vel", "controller/trajectory", "state/occupancy")),
    Node("controller", "controller", "physical_ai_control.parameters:ControllerParameters", 5, 50,
         "MPC along the plan, around what moves",
         samples=("state/odometry", "state/map_to_odom", "state/objects", "state/occupancy", "world_model/prediction",
                  "world_model/surprise", "safety/verdict")),
    Node("planner", "planner", "physical_ai_planner.parameters:PlannerParameters", 6, 5,
         "a person's words to one checked goal, and the route",
         samples=("battery_state", "state/odometry", "state/map_to_odom", "state/objects", "state/occupancy",
                  "world_model/prediction",
                  "world_model/path", "world_model/surprise", "controller/status")),
)

TOPIC: Final[dict[str, Topic]] = {topic.name: topic for topic in TOPICS}
NODE: Final[dict[str, Node]] = {node.name: node for node in NODES}


def module_of(node: Node) -> str:
    """Python module that runs the node: `python -m MODULE --ros-args …`."""
    return f"{node.parameters.split('.')[0]}.node"


def said_by(node: str) -> tuple[Topic, ...]:
    """Topics that `node` publishes."""
    return tuple(topic for topic in TOPICS if node in topic.says)


def heard_by(node: str) -> tuple[Topic, ...]:
    """Topics that `node` subscribes to."""
    return tuple(topic for topic in TOPICS if node in topic.hears)
