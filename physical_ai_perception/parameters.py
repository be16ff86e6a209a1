"""Parameters of perception: what the robot carries, how much each sensor is trusted, and when it counts as lost."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class PerceptionParameters:
    """Sigmas are one standard deviation. A covariance in a message is used where it is larger than zero."""

    site: str = parameter("yard", "", "Site file: gives the datum of GNSS and the start pose.")
    robot: str = parameter("scout", "", "Robot file: gives the sensor mounts.")
    expected_sensors: tuple[str, ...] = parameter(
        ("imu/data", "wheel/odometry", "scan"), "", "Topics whose silence is reported as a fault."
    )
    base_frames: tuple[str, ...] = parameter(
        ("base_link", "base_footprint"), "", "Frame names that all mean the base, as in child_frame_id of wheels."
    )

    # Start
    start_pose: str = parameter(
        "site",
        "",
        "Where the robot stands in `map` at start: the start place of the site, or the origin.",
        choices=("site", "origin"),
    )
    start_position_sigma_m: float = parameter(0.3, "m", "How well the start position is known.", minimum=0.0)
    start_yaw_sigma_rad: float = parameter(
        0.1, "rad", "How well the start heading is known; above 0.5 it is found from the GNSS track.", minimum=0.0
    )
    resume_file: str = parameter(
        "", "", "File that keeps the pose over a restart of this node; empty: none. One file a run, not for reuse."
    )
    resume_within_s: float = parameter(60.0, "s", "A kept pose older than this is not used.", minimum=0.0)

    sensors: str = parameter(
        "", "", "Sensor file: what is fused, each with its noise and gate; empty: IMU, wheels and GNSS as below."
    )

    # IMU
    imu_orientation: str = parameter(
        "level",
        "",
        "What is taken from the IMU's own orientation: nothing, roll and pitch, or heading too (into `odom`).",
        choices=("none", "level", "full"),
    )
    imu_orientation_rate_hz: float = parameter(
        10.0, "Hz", "Orientation updates are thinned to this rate: their errors are not white.", minimum=0.1
    )
    imu_orientation_sigma_rad: float = parameter(
        0.03, "rad", "Orientation sigma where the message has none.", minimum=1e-4
    )
    gyro_noise: float = parameter(2e-3, "rad/s/sqrt(Hz)", "Gyro noise density; a lower bound.", minimum=1e-7)
    gyro_bias_walk: float = parameter(2e-5, "rad/s/sqrt(s)", "Random walk of the gyro bias.", minimum=0.0)
    gyro_bias_sigma_rps: float = parameter(0.02, "rad/s", "Gyro bias at start.", minimum=0.0)
    accel_noise: float = parameter(
        0.05, "m/s^2/sqrt(Hz)", "Accelerometer noise density with vibration; a lower bound.", minimum=1e-6
    )
    accel_bias_walk: float = parameter(5e-4, "m/s^2/sqrt(s)", "Random walk of the accelerometer bias.", minimum=0.0)
    accel_bias_sigma_mps2: float = parameter(0.2, "m/s^2", "Accelerometer bias at start.", minimum=0.0)
    gravity_mps2: float = parameter(9.80665, "m/s^2", "Local gravity.", minimum=9.7, maximum=9.9)
    level_sigma_mps2: float = parameter(
        0.8, "m/s^2", "Trust in 'the accelerometer shows the vertical' while driving.", minimum=0.01
    )

    # Wheels
    wheel_speed_sigma_mps: float = parameter(
        0.03, "m/s", "Forward speed sigma; a lower bound of the message's.", minimum=1e-4
    )
    wheel_side_sigma_mps: float = parameter(
        0.05, "m/s", "How strictly the base does not slip sideways or leave the ground.", minimum=1e-4
    )
    wheel_yaw_rate_sigma_rps: float = parameter(
        0.0, "rad/s", "Yaw rate of the wheels as a check of the gyro; 0 leaves it out (skid steering).", minimum=0.0
    )
    wheel_scale_sigma: float = parameter(
        0.02, "", "How wrong the scale of the wheels' forward speed may be (1 is 100 %); 0: not learnt.", minimum=0.0,
        maximum=0.1,
    )  # fmt: skip
    wheel_scale_walk: float = parameter(1e-4, "1/sqrt(s)", "Random walk of that scale.", minimum=0.0)
    rest_after_s: float = parameter(
        0.3, "s", "Wheels must report zero for so long before the robot counts as resting.", minimum=0.0
    )

    # GNSS
    gnss_position_sigma_m: float = parameter(1.5, "m", "Horizontal sigma where the message has none.", minimum=1e-3)
    gnss_floor_sigma_m: float = parameter(0.03, "m", "Never trust a fix more than this.", minimum=1e-3)
    gnss_altitude: bool = parameter(True, "", "Use the altitude of fixes.")

    # Gates and time
    gate_probability: float = parameter(
        0.999, "", "Innovations outside this probability are rejected.", minimum=0.5, maximum=0.999999
    )
    gate_recovery_s: float = parameter(
        4.0, "s", "A sensor rejected for so long without a break is believed again.", minimum=0.1
    )
    max_delay_s: float = parameter(0.5, "s", "Older measurements are refused.", minimum=0.0, maximum=2.0)
    max_ahead_s: float = parameter(0.5, "s", "Stamps further in the future are refused.", minimum=0.0)
    silent_after_s: float = parameter(0.5, "s", "An expected sensor counts as silent after this.", minimum=0.01)
    lost_after_s: float = parameter(
        0.5, "s", "Without IMU and wheels for so long, the state is no longer published.", minimum=0.05
    )

    odom_slew_mps: float = parameter(
        0.5, "m/s", "Corrections of the pose in `odom` are said no faster than this, beyond what motion explains.",
        minimum=0.01,
    )  # fmt: skip

    # Scan matching
    lidar_pose: str = parameter(
        "off",
        "",
        "What scans tell of the own pose: nothing; odometry (corrects `odom`); slam (maps, closes loops, corrects"
        " `map`); map (follows the robot in the prior map on `map`).",
        choices=("off", "odometry", "slam", "map"),
    )
    lidar_pose_rate_hz: float = parameter(10.0, "Hz", "Scans are matched at most so often.", minimum=0.5)

    # Objects
    cluster_gap_m: float = parameter(
        0.25, "m", "Neighbouring points further apart belong to different things.", minimum=0.02
    )
    object_max_extent_m: float = parameter(1.0, "m", "Larger clusters are structure, not objects.", minimum=0.1)
    object_range_m: float = parameter(20.0, "m", "Objects further away are not tracked.", minimum=1.0)
    object_acceleration_mps2: float = parameter(
        0.5, "m/s^2", "Manoeuvre noise of the constant-velocity model.", minimum=0.01
    )
    object_manoeuvre_mps2: float = parameter(
        2.0, "m/s^2", "Noise of the second model, for what turns, starts or stops.", minimum=0.01
    )
    object_speed_mps: float = parameter(0.3, "m/s", "Slower things do not count as moving.", minimum=0.01)
    max_objects: int = parameter(64, "", "Upper bound of tracks kept.", minimum=1, maximum=512)

    # Occupancy
    occupancy_size_m: float = parameter(24.0, "m", "Edge of the rolling grid.", minimum=2.0, maximum=100.0)
    occupancy_resolution_m: float = parameter(0.1, "m", "Edge of a cell.", minimum=0.02, maximum=1.0)
    occupancy_rate_hz: float = parameter(10.0, "Hz", "Highest rate of the grid.", minimum=0.1)
    occupancy_memory_s: float = parameter(
        30.0, "s", "Cells out of sight fade to unknown with this time constant.", minimum=0.1
    )
    occupancy_inflation_m: float = parameter(
        0.0, "m", "What is occupied is widened by so much in `state/occupancy`; 0: as seen.", minimum=0.0, maximum=2.0
    )
    points_min_z_m: float = parameter(
        0.12, "m", "Points of 3D clouds lower than this above the ground are ground.", minimum=0.02
    )
    points_max_z_m: float = parameter(1.5, "m", "Points higher than this above the ground can be passed under.")
    points_slope_rad: float = parameter(
        0.21, "rad", "The ground may rise and fall so steeply; what is steeper stands on it.", minimum=0.0, maximum=0.8
    )

    # Camera
    camera: bool = parameter(True, "", "Look at camera/image_raw where it comes.")
    camera_frame: str = parameter(
        "by_name",
        "",
        "What the image's frame is: `optical` (z ahead, REP-103), `body` (x ahead), or told by 'optical' in its name.",
        choices=("by_name", "optical", "body"),
    )
    tag_family: str = parameter(
        "36h11",
        "",
        "Family of the tags (AprilTag, ArUco).",
        choices=(
            "36h11", "36h10", "25h9", "16h5", "aruco_4x4", "aruco_5x5", "aruco_6x6", "aruco_7x7", "aruco_original",
            "aruco_mip_36h12",
        ),
    )  # fmt: skip
    tag_size_m: float = parameter(
        0.16, "m", "Edge of the black square of tags that the site does not know; 0: they are left out.", minimum=0.0
    )
    tag_rate_hz: float = parameter(5.0, "Hz", "Pictures are searched for tags at most so often.", minimum=0.1)
    tag_fix_every_s: float = parameter(
        1.0, "s", "A tag gives a pose to the state at most so often: errors of its place are not white.", minimum=0.0
    )
    tag_pixel_sigma: float = parameter(0.3, "px", "How well a corner is found.", minimum=0.01)
    tag_tilt_sigma_rad: float = parameter(0.02, "rad", "How level the robot stands.", minimum=1e-4)
    tag_height_sigma_m: float = parameter(0.03, "m", "How flat the ground is between robot and tag.", minimum=1e-4)
    tag_yaw_sigma_rad: float = parameter(
        0.3, "rad", "A tag that tells the heading less well than this is left out as ambiguous.", minimum=0.01
    )
    camera_mount_sigma_rad: float = parameter(0.01, "rad", "How well the camera's direction is known.", minimum=0.0)
    camera_scale_sigma: float = parameter(
        0.01, "", "How well lengths are known: focal length and printed size, relative.", minimum=0.0
    )
    camera_model: str = parameter(
        "", "", "Folder of a transformers object-detection model; empty: objects are classified by LiDAR alone."
    )
    camera_model_score: float = parameter(0.5, "", "Boxes with a lower score are left out.", minimum=0.05, maximum=1.0)
    camera_model_rate_hz: float = parameter(2.0, "Hz", "The model sees at most so many pictures.", minimum=0.01)
    camera_model_threads: int = parameter(1, "", "Threads of the model's process.", minimum=1, maximum=64)
