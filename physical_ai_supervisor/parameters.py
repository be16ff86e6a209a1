"""Parameters of the supervisor node."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class SupervisorParameters:
    nodes: tuple[str, ...] = parameter((), "", "Managed nodes to look after; empty: all of the graph table.")
    late_s: float = parameter(1.0, "s", "A heartbeat older than this is a warning.", minimum=0.3, maximum=60.0)
    silent_s: float = parameter(3.0, "s", "A heartbeat older than this is an error.", minimum=0.5, maximum=600.0)
    reply_s: float = parameter(
        0.6, "s", "How long an answer is waited for while the node shows that it lives.", minimum=0.2, maximum=60.0
    )
    configure_s: float = parameter(
        60.0, "s", "How long configure or activate may take (models are loaded there).", minimum=1.0, maximum=3600.0
    )
    models_folder: str = parameter(
        "", "", "Where installed models lie; empty: $PHYSICAL_AI_MODELS, else ~/.local/share/physical_ai/models."
    )
    model_limits: str = parameter(
        "people",
        "",
        "Bounds beyond which a new model is rolled back: a name under config/release, or a YAML file.",
    )
    retry_s: float = parameter(
        5.0, "s", "Pause after a refused or failed transition before it is tried again.", minimum=0.1, maximum=600.0
    )
