"""Parameters of the wheel node."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_control.servo.pid import PidGains
from physical_ai_control.servo.wheels import WheelMapping, mapping
from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class WheelParameters:
    """Drive, gains and limits. The gains as they stand pass speeds on, to drivers with a controller of their own."""

    drive: str = parameter("differential", "", "Kind of drive.", choices=("differential", "skid_steer", "mecanum"))
    joints: tuple[str, ...] = parameter(
        ("left_wheel", "right_wheel"),
        "",
        "Wheel joints: left, right; or front left, front right, rear left, rear right.",
    )
    radius_m: float = parameter(0.1, "m", "Wheel radius.", minimum=0.005, maximum=2.0)
    track_m: float = parameter(0.4, "m", "Distance of left and right wheels.", minimum=0.02, maximum=10.0)
    wheelbase_m: float = parameter(0.4, "m", "Distance of front and rear wheels (mecanum).", minimum=0.02, maximum=10.0)
    widening: float = parameter(1.5, "", "Skid steer: by so much the track acts wider.", minimum=1.0, maximum=4.0)
    rate_hz: float = parameter(200.0, "Hz", "Rate of the loop.", minimum=10.0, maximum=1000.0)
    form: str = parameter(
        "array", "", "Float64MultiArray for forward controllers of ros2_control, or JointState.",
        choices=("array", "joint_state"),
    )  # fmt: skip
    output: str = parameter("velocity", "", "What the joints take.", choices=("velocity", "effort"))
    timeout_s: float = parameter(
        0.25,
        "s",
        "Age of command or measurement beyond which the wheels are brought to rest.",
        minimum=0.02,
        maximum=2.0,
    )
    clock_skew_s: float = parameter(
        0.05,
        "s",
        "How far the clocks of the gate's machine and this one may differ; a command is refused when its stamp is older"
        " than timeout_s by more than that, or ahead by more than that.",
        minimum=0.0,
        maximum=1.0,
    )
    top_rps: float = parameter(30.0, "rad/s", "Fastest wheel; all are slowed alike.", minimum=0.1, maximum=1000.0)
    braking_rps2: float = parameter(25.0, "rad/s^2", "Slowing of a wheel after a timeout.", minimum=0.1, maximum=1e4)
    proportional: float = parameter(0.0, "", "PID gain of the error.", minimum=0.0, maximum=1e4)
    integral: float = parameter(0.0, "1/s", "PID gain of its integral.", minimum=0.0, maximum=1e4)
    derivative: float = parameter(0.0, "s", "PID gain of the measured speed's change.", minimum=0.0, maximum=1e3)
    feed_forward: float = parameter(1.0, "", "Share of the wanted speed.", minimum=0.0, maximum=1e3)
    static: float = parameter(0.0, "", "Output against dry friction.", minimum=0.0, maximum=1e3)
    filter_s: float = parameter(0.02, "s", "Low pass of the derivative.", minimum=1e-4, maximum=1.0)
    tracking_s: float = parameter(0.1, "s", "Anti-windup: time of giving back.", minimum=1e-3, maximum=10.0)
    most: float = parameter(50.0, "rad/s or N·m", "Largest output.", minimum=0.01, maximum=1e4)
    most_rate: float = parameter(500.0, "1/s of it", "Largest change of the output.", minimum=0.1, maximum=1e6)
    priority: int = parameter(0, "", "SCHED_FIFO priority; 0: ordinary scheduling.", minimum=0, maximum=98)

    def gains(self) -> PidGains:
        return PidGains(
            self.proportional, self.integral, self.derivative, self.feed_forward, self.static, self.filter_s,
            self.tracking_s, self.most, self.most_rate,
        )  # fmt: skip

    def mapping(self) -> WheelMapping:
        """Raises ParameterError where joints and drive do not fit."""
        return mapping(self.drive, self.joints, self.radius_m, self.track_m, self.wheelbase_m, self.widening)
