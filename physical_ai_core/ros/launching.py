"""The node table as `launch_ros` actions; only launch files import this."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext
from physical_ai_core import graph
from physical_ai_core.middleware import middleware_environment
from physical_ai_core.robot import load_robot, robot_file
from physical_ai_core.share import PACKAGE, share_path

RESPAWN_DELAY_S = 0.2


def common_arguments(use_sim_time: bool) -> list[DeclareLaunchArgument | SetEnvironmentVariable]:
    """Launch arguments that every composition takes, and what the middleware of its processes is told."""
    return [
        *(SetEnvironmentVariable(name, value) for name, value in middleware_environment(os.environ).items()),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the robot."),
        DeclareLaunchArgument("use_sim_time", default_value=str(use_sim_time).lower(), description="Use /clock."),
        DeclareLaunchArgument(
            "params_file", default_value=str(share_path("config/robot.yaml")), description="ROS parameter file."
        ),
        DeclareLaunchArgument("site", default_value="yard", description="Site name or YAML file."),
        DeclareLaunchArgument("robot", default_value="scout", description="Robot name or YAML file."),
        DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error."),
    ]


def node_actions(nodes: Iterable[graph.Node], extra: dict[str, dict[str, Any]] | None = None) -> list[OpaqueFunction]:
    """One action a row of the table; `extra` holds parameters by node that win over the file."""

    def make(context: LaunchContext, node: graph.Node) -> list[Any]:
        def value(name: str) -> str:
            return str(LaunchConfiguration(name).perform(context))

        action = LifecycleNode if node.managed else Node
        return [
            action(
                package=PACKAGE,
                executable=node.executable,
                name=node.name,
                namespace=value("namespace"),
                output="screen",
                emulate_tty=True,
                respawn=node.restart,
                respawn_delay=RESPAWN_DELAY_S,
                parameters=[
                    value("params_file"),
                    {
                        "use_sim_time": value("use_sim_time").lower() == "true",
                        "site": ParameterValue(value("site"), value_type=str),
                        "robot": ParameterValue(value("robot"), value_type=str),
                        **(extra or {}).get(node.name, {}),
                    },
                ],
                arguments=["--ros-args", "--log-level", value("log_level")],
            )
        ]

    return [OpaqueFunction(function=make, args=[node]) for node in nodes]


def _installed(package: str, executable: str) -> bool:
    try:
        return (Path(get_package_prefix(package)) / "lib" / package / executable).is_file()
    except (PackageNotFoundError, LookupError):
        return False


def optional_node(package: str, executable: str, wanted: str, **options: Any) -> OpaqueFunction:
    """A node of another package: started when the launch argument `wanted` is true and the package is installed."""

    def make(context: LaunchContext) -> list[Any]:
        if str(LaunchConfiguration(wanted).perform(context)).lower() != "true":
            return []
        if not _installed(package, executable):
            return [LogInfo(msg=f"{package} is not installed: left out")]
        return [Node(package=package, executable=executable, namespace=LaunchConfiguration("namespace"), **options)]

    return OpaqueFunction(function=make)


def robot_state_publisher(wanted: str) -> OpaqueFunction:
    """`robot_description` and the fixed transforms from the URDF that the robot file names."""

    def make(context: LaunchContext) -> list[Any]:
        name = str(LaunchConfiguration("robot").perform(context))
        urdf = load_robot(name).urdf
        if urdf is None:
            return [LogInfo(msg=f"robot '{name}' names no URDF: no robot_state_publisher")]
        text = (robot_file(name).parent / urdf).read_text(encoding="utf-8")
        sim = str(LaunchConfiguration("use_sim_time").perform(context)).lower() == "true"
        parameters = [{"robot_description": ParameterValue(text, value_type=str), "use_sim_time": sim}]
        action = optional_node("robot_state_publisher", "robot_state_publisher", wanted, parameters=parameters)
        return list(action.execute(context) or [])

    return OpaqueFunction(function=make)
