"""Parameters of the telemetry node."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class TelemetryParameters:
    """What is recorded, where, and how much of the disk it may take."""

    record: bool = parameter(True, "", "Write bags. False: only the KPIs are kept.")
    output_folder: str = parameter("~/.ros/physical_ai/bags", "", "Folder that holds the bags; '~' is expanded.")
    bag: str = parameter(
        "", "", "Name of the bag folder, continued when it exists. Empty: named after the time of start."
    )
    topics: tuple[str, ...] = parameter(
        (), "", "Topics to record, as in the graph table. Empty: all it marks recorded."
    )
    exclude_topics: tuple[str, ...] = parameter((), "", "Topics of the graph table that are not recorded.")
    extra_topics: tuple[str, ...] = parameter((), "", "Further topics as 'name:package/msg/Type', for example TF.")
    compression: str = parameter("zstd", "", "Compression of the chunks.", choices=("zstd", "lz4", "none"))
    split_mb: float = parameter(256.0, "MB", "A file of this size is closed and the next begun.", minimum=1.0)
    quota_mb: float = parameter(
        10240.0, "MB", "All bags of the folder together; the oldest files go first.", minimum=2.0
    )
    min_free_mb: float = parameter(
        256.0, "MB", "Recording pauses while the disk has less free space than this.", minimum=0.0
    )
    flush_s: float = parameter(
        0.5, "s", "What is heard reaches the file within this time (steady clock).", minimum=0.05, maximum=1.0
    )
    sync_s: float = parameter(
        5.0, "s", "The file is forced to the disk this often, against loss of power; 0: never.", minimum=0.0
    )
    queue_mb: float = parameter(64.0, "MB", "Memory for messages that wait for a slow disk.", minimum=1.0)
    incidents: bool = parameter(
        True, "", "Keep what lies around each incident as a file of its own, also when not recording."
    )
    incident_kinds: tuple[str, ...] = parameter(
        (), "", "What counts as one: gate, fault, takeover, refusal, surprise. Empty: all of them."
    )
    incident_before_s: float = parameter(
        30.0, "s", "So much from before an incident is kept.", minimum=1.0, maximum=600.0
    )
    incident_after_s: float = parameter(10.0, "s", "So much from after it.", minimum=1.0, maximum=600.0)
    incident_longest_s: float = parameter(
        120.0,
        "s",
        "One file holds at most this, however many incidents follow each other.",
        minimum=2.0,
        maximum=3600.0,
    )
    incident_ring_mb: float = parameter(
        128.0, "MB", "Memory for what came before; less than `incident_before_s` fits where more comes in.", minimum=1.0
    )
    incident_quota_mb: float = parameter(
        2048.0,
        "MB",
        "All incidents together; the oldest go first. The quota of the bags does not touch them.",
        minimum=2.0,
    )
    surprise_s: float = parameter(1.0, "s", "A surprise above 1 for so long is an incident.", minimum=0.0, maximum=60.0)
    metrics_port: int = parameter(
        0, "", "Port of the figures as Prometheus text; 0: off. Needs the extra `metrics`.", minimum=0, maximum=65535
    )
    metrics_host: str = parameter(
        "127.0.0.1", "", "Address on which they are offered; by default to this machine only."
    )
    stop_speed_mps: float = parameter(0.05, "m/s", "Slower than this the robot stands, for the KPIs.", minimum=0.0)
    site: str = parameter("yard", "", "Site, written into the bag.")
    robot: str = parameter("scout", "", "Robot, written into the bag.")
