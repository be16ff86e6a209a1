"""The stack on a robot: perception, world model, planner, controller, safety gate, telemetry and supervisor.

Example: ros2 launch physical_ai robot.launch.py namespace:=robot1 site:=/etc/robot/site.yaml
Then:    ros2 service call /robot1/safety/reset std_srvs/srv/Trigger   (a person releases the robot after each start)
"""

from launch.actions import DeclareLaunchArgument

from launch import LaunchDescription
from physical_ai_core import graph
from physical_ai_core.ros.launching import common_arguments, node_actions, robot_state_publisher


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            *common_arguments(use_sim_time=False),
            DeclareLaunchArgument(
                "robot_state_publisher", default_value="true", description="Publish robot_description and static TF."
            ),
            *node_actions(node for node in graph.NODES if node.robot),
            robot_state_publisher("robot_state_publisher"),
        ]
    )
