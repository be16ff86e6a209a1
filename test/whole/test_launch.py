"""The launch files hold exactly the node table. Runs where `launch_ros` is installed (any ROS machine)."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from physical_ai_core import graph

pytest.importorskip("launch_ros", reason="launch_ros is not on PyPI: this test runs on a machine with ROS")

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchContext, LaunchDescription, LaunchService

FOLDER = Path(__file__).resolve().parents[2] / "launch"


def description(name: str) -> LaunchDescription:
    spec = spec_from_file_location(name.replace(".", "_"), FOLDER / name)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: LaunchDescription = module.generate_launch_description()
    return found


def actions(name: str, **arguments: str) -> list[Any]:
    """Every action of a launch file, functions unfolded, as `ros2 launch` would."""
    context = LaunchContext(argv=[])
    LaunchService(argv=[])
    context.launch_configurations.update(arguments)
    found: list[Any] = []

    def unfold(entities: list[Any]) -> None:
        for entity in entities:
            if isinstance(entity, DeclareLaunchArgument):
                entity.execute(context)
            elif isinstance(entity, OpaqueFunction):
                unfold(entity.execute(context) or [])
            else:
                found.append(entity)

    unfold(description(name).entities)
    return found


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("robot.launch.py", {n.executable for n in graph.NODES if n.robot}),
        ("demo.launch.py", {n.executable for n in graph.NODES}),
    ],
)
def test_a_launch_file_starts_the_rows_of_the_table(file: str, expected: set[str]) -> None:
    nodes = [a for a in actions(file, robot_state_publisher="false") if isinstance(a, Node)]
    assert {str(n.node_executable) for n in nodes} == expected
    managed = {str(n.node_executable) for n in nodes if isinstance(n, LifecycleNode)}
    assert managed == {n.executable for n in graph.NODES if n.managed and n.executable in expected}


@pytest.mark.parametrize("file", ["robot.launch.py", "demo.launch.py"])
def test_the_usual_arguments_are_there(file: str) -> None:
    names = {a.name for a in description(file).entities if isinstance(a, DeclareLaunchArgument)}
    assert {"namespace", "use_sim_time", "params_file", "site", "robot", "log_level"} <= names


def test_what_is_not_installed_is_left_out_and_said() -> None:
    said = [a for a in actions("demo.launch.py", rviz="true") if type(a).__name__ == "LogInfo"]
    installed = [a for a in actions("demo.launch.py", rviz="true") if str(getattr(a, "node_executable", "")) == "rviz2"]
    assert said or installed
