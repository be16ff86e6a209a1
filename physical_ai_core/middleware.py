"""What the middleware of every process of the graph is told before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from physical_ai_core.share import share_path

PROFILES: Final = "config/middleware/fastdds.xml"
VARIABLES: Final = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")  # the second: of OLD alone
OLD: Final = ("humble", "iron")


def middleware_environment(present: Mapping[str, str]) -> dict[str, str]:
    """Variables to set beside those of `present`: none where somebody has named profiles of their own."""
    if any(present.get(name) for name in VARIABLES):
        return {}
    return {VARIABLES[present.get("ROS_DISTRO") in OLD]: str(share_path(PROFILES))}
