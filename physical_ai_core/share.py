"""Where the package's shared files lie: an ament install, a wheel, or a source tree."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from physical_ai_core.errors import InputError

PACKAGE = "physical_ai"


@lru_cache(maxsize=1)
def share_root() -> Path:
    """Folder that holds `config/`, `launch/`, `urdf/` and `rviz/`."""
    source_tree = Path(__file__).resolve().parents[1]
    candidates = [source_tree]
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
    except ImportError:
        pass
    else:
        with suppress(PackageNotFoundError, LookupError, OSError):  # OSError: no AMENT_PREFIX_PATH
            candidates.append(Path(get_package_share_directory(PACKAGE)))
    candidates.append(Path(sys.prefix) / "share" / PACKAGE)
    for candidate in candidates:
        if (candidate / "config" / "sites").is_dir():
            return candidate
    raise InputError(
        f"The shared files of '{PACKAGE}' were not found (looked in {[str(c) for c in candidates]}).",
        "Install the package with colcon or pip, or run from its source tree.",
    )


def share_path(relative: str) -> Path:
    """Absolute path of a shared file or folder, for example `config/sites`."""
    return share_root() / relative
