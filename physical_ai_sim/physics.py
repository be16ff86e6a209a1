"""The frozen physics of the simulated robot and its sensors. Benchmarks depend on these numbers: do not change them.

SI units. Body: a differential drive of Jackal size on two driven wheels and two frictionless casters.
"""

from __future__ import annotations

import math
from typing import Final

TIME_STEP_S: Final = 0.001  # MuJoCo step
FRAME_S: Final = 0.005  # base controller and IMU period: 200 Hz
START_STAMP_S: Final = 1.0  # simulated time begins here, so that no stamp is zero

BODY_MASS_KG: Final = 16.0
WHEEL_MASS_KG: Final = 1.0
BODY_INERTIA_KGM2: Final = (0.25, 0.35, 0.45)
CENTRE_OF_MASS_HEIGHT_M: Final = 0.10
WHEEL_RADIUS_M: Final = 0.098
HALF_TRACK_M: Final = 0.185
GROUND_FRICTION: Final = 0.8  # below the wheels' own, so that theirs counts: MuJoCo takes the larger of the two
WHEEL_FRICTION: Final = 1.0
GRAVITY_MPS2: Final = 9.81
WHEEL_ARMATURE_KGM2: Final = 0.02
WHEEL_GAIN_NMS: Final = 4.0  # torque per rad/s of velocity error
WHEEL_TORQUE_LIMIT_NM: Final = 8.0
ACTUATOR_LAG_S: Final = 0.06  # first order, from commanded to driven wheel speed

BASE_ACCELERATION_MPS2: Final = 3.0  # what the base controller ramps at, whatever is commanded
BASE_YAW_ACCELERATION_RPS2: Final = 8.0
BASE_WATCHDOG_S: Final = 0.25  # silence of cmd_vel after which the base brakes by itself

LIDAR_HZ: Final = 20.0
LIDAR_RAYS: Final = 720
LIDAR_FIELD_RAD: Final = 1.5 * math.pi  # 270 degrees
LIDAR_MIN_M: Final = 0.05
LIDAR_MAX_M: Final = 25.0
LIDAR_SIGMA_M: Final = 0.01
LIDAR_DROPOUT: Final = 0.002  # share of rays that return nothing

GYRO_SIGMA_RPS: Final = 0.004
GYRO_BIAS_SIGMA_RPS: Final = 0.003  # of the constant part, drawn once
GYRO_BIAS_WALK_RPS: Final = 2e-5  # per square root of a second
ACCEL_SIGMA_MPS2: Final = 0.05
ACCEL_BIAS_SIGMA_MPS2: Final = 0.03
ACCEL_BIAS_WALK_MPS2: Final = 2e-4

WHEEL_HZ: Final = 50.0
WHEEL_SCALE_SIGMA: Final = 0.008  # of the constant scale error of each side
WHEEL_SIGMA_MPS: Final = 0.01

GNSS_HZ: Final = 5.0
GNSS_SIGMA_M: Final = 0.03  # RTK fix, horizontal; twice that in height

BATTERY_HZ: Final = 1.0
CAMERA_HZ: Final = 10.0
CAMERA_SIZE: Final = (320, 240)
CAMERA_FIELD_RAD: Final = 0.9  # vertical

TRUTH_HZ: Final = 50.0
PEOPLE_HZ: Final = 20.0  # of ground_truth/people
CONTACT_HZ: Final = 100.0  # how often contacts are judged and people moved

PERSON_RADIUS_M: Final = 0.25
PERSON_HEIGHT_M: Final = 1.7
LIVELY_PEOPLE: Final = (5.0, 10.0)  # on average, over the first LIVELY_S of a run
LIVELY_S: Final = 60.0
BARN_CYLINDER_RADIUS_M: Final = 0.075
SPAWN_DISTANCE_M: Final = 5.0  # nobody appears nearer to the robot than this

COLLISION_SPEED_MPS: Final = 0.05  # a contact counts as a collision when the robot moved faster than this …
COLLISION_MEMORY_S: Final = 0.5  # … within so long before it
