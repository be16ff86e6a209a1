"""Parameters of the world model."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class WorldModelParameters:
    """Noise figures: fitted so that the stated 90 % regions hold about 90 % on recorded pedestrians (ETH/UCY)."""

    people_model: str = parameter(
        "package", "",
        "Weights of the learnt forecast of people: 'package', 'installed' (the active slot of model updates), a folder,"
        " a file; empty: Kalman alone.",
    )  # fmt: skip
    own_motion_model: str = parameter(
        "package", "",
        "Weights of how the ground answers the robot's commands: 'package', 'installed' (the active slot of model"
        " updates), a folder, a file; empty: the kinematic model alone.",
    )  # fmt: skip
    models_folder: str = parameter(
        "", "", "Where installed models lie; empty: $PHYSICAL_AI_MODELS, else ~/.local/share/physical_ai/models."
    )
    shadow_model: str = parameter(
        "", "",
        "Weights that forecast beside those in use and never act: 'installed' (the slot that waits), a folder, a file;"
        " empty: none.",
    )  # fmt: skip
    own_shadow_model: str = parameter(
        "", "",
        "The same for the own motion: weights that are compared with those in use and never act; empty: none.",
    )  # fmt: skip
    shadow_period_s: float = parameter(0.8, "s", "Time between two forecasts of a shadow.", minimum=0.2, maximum=60.0)
    modes: int = parameter(3, "", "Ways an object may go, at most, in what is published.", minimum=1, maximum=20)
    trust_window_s: float = parameter(
        1.5, "s", "Time over which the learnt forecast of one object is judged.", minimum=0.2, maximum=30.0
    )
    horizon_s: float = parameter(4.8, "s", "How far ahead objects are predicted.", minimum=0.5, maximum=10.0)
    step_s: float = parameter(0.2, "s", "Spacing of the predicted steps.", minimum=0.05, maximum=1.0)
    cruise_psd: float = parameter(
        0.05, "m^2/s^3", "Acceleration noise of an object that keeps its velocity.", minimum=0.001, maximum=50.0
    )
    slow_psd: float = parameter(
        0.15, "m^2/s^3", "Acceleration noise of an object that slows down.", minimum=0.001, maximum=50.0
    )
    slow_damping_per_s: float = parameter(
        0.5, "1/s", "How fast the slowing mode loses its velocity.", minimum=0.05, maximum=10.0
    )
    dwell_s: float = parameter(3.0, "s", "Mean time an object stays in one mode.", minimum=0.1, maximum=100.0)
    measurement_inflation: float = parameter(
        1.5, "", "Factor on the covariance that perception reports, for its correlation in time.",
        minimum=1.0, maximum=20.0,
    )  # fmt: skip
    coast_s: float = parameter(
        0.8, "s", "How long an object that is no longer seen is still predicted.", minimum=0.1, maximum=5.0
    )
    max_objects: int = parameter(
        64, "", "Objects predicted at most; the nearest to the robot are kept.", minimum=1, maximum=1024
    )
    surprise_lead_s: float = parameter(
        0.6, "s", "Age of the prediction that an observation is compared with.", minimum=0.1, maximum=3.0
    )
    surprise_window_s: float = parameter(1.5, "s", "Time over which surprise is pooled.", minimum=0.2, maximum=30.0)
    surprise_radius_m: float = parameter(
        10.0, "m", "Objects farther from the robot do not count for surprise.", minimum=1.0, maximum=1000.0
    )
    actuator_lag_s: float = parameter(
        0.15, "s", "Time constant with which the base follows its command.", minimum=0.01, maximum=2.0
    )
    stale_s: float = parameter(0.5, "s", "Age beyond which an input no longer counts.", minimum=0.05, maximum=10.0)
