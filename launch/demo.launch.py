"""The stack with the simulator, and rviz where it is wanted.

Example: ros2 launch physical_ai demo.launch.py rviz:=true seed:=3
Then:    ros2 service call /safety/reset std_srvs/srv/Trigger   (a person releases the robot after each start)
         ros2 topic pub --once /instruction std_msgs/msg/String "{data: go to dock B}"
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription
from physical_ai_core import graph
from physical_ai_core.ros.launching import common_arguments, node_actions, optional_node, robot_state_publisher
from physical_ai_core.share import share_path


def generate_launch_description() -> LaunchDescription:
    def simulator(context: LaunchContext) -> list[OpaqueFunction]:
        chosen = {
            "seed": int(LaunchConfiguration("seed").perform(context)),
            "people": str(LaunchConfiguration("people").perform(context)),
            "lidar_full_circle": True,  # as in the yard scenario: people run up from behind, too
            "real_time_factor": float(LaunchConfiguration("real_time_factor").perform(context)),
        }
        return node_actions([graph.NODE["simulator"]], {"simulator": chosen})

    return LaunchDescription(
        [
            *common_arguments(use_sim_time=True),
            DeclareLaunchArgument("seed", default_value="0", description="Seed of people and noise."),
            DeclareLaunchArgument("people", default_value="yard", description="People scene, or none."),
            DeclareLaunchArgument("real_time_factor", default_value="1.0", description="Highest pace."),
            DeclareLaunchArgument("rviz", default_value="false", description="Start rviz2 with the suite's view."),
            DeclareLaunchArgument(
                "robot_state_publisher", default_value="true", description="Publish robot_description and static TF."
            ),
            OpaqueFunction(function=simulator),
            *node_actions(node for node in graph.NODES if node.robot),
            robot_state_publisher("robot_state_publisher"),
            optional_node(
                "rviz2", "rviz2", "rviz",
                arguments=["-d", str(share_path("rviz/physical_ai.rviz"))], parameters=[{"use_sim_time": True}],
            ),
        ]
    )  # fmt: skip
