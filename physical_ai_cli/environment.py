"""The process environment that ROS needs, where it comes from a sourced workspace or from the PyPI wheels.

The wheels need their library folders on LD_LIBRARY_PATH, which a process reads only at its start; their own
bootstrap re-executes Python at the first import of rclpy, with whatever was open then. Here it is done once, first.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from physical_ai_core.middleware import middleware_environment

_WHEELS_READY = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"


def uses_wheels() -> bool:
    """True where rclpy is the PyPI build and no ROS is sourced."""
    return "ROS_DISTRO" not in os.environ and find_spec("ros_wheels_bootstrapper") is not None


def ros_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """`base` (default: this process's) with what ROS processes need; values already set are kept."""
    env = dict(os.environ if base is None else base)
    if uses_wheels():
        site_packages = Path(sysconfig.get_paths()["purelib"])
        folders = [str(Path(sys.prefix) / "lib"), *sorted(str(p) for p in site_packages.glob("ros_*.libs"))]
        present = [p for p in env.get("LD_LIBRARY_PATH", "").split(os.pathsep) if p and p not in folders]
        env["LD_LIBRARY_PATH"] = os.pathsep.join(folders + present)
        env[_WHEELS_READY] = "1"
        env.setdefault("AMENT_PREFIX_PATH", sys.prefix)
        env.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    env.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    env.update(middleware_environment(env))
    # One BLAS thread a node: the matrices are small, and idle spinning threads would take the other nodes' cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env.setdefault(name, "1")
    return env


def enter_ros_environment() -> None:
    """Start this very program again with the environment that the wheels need, unless it has it already."""
    if uses_wheels() and _WHEELS_READY not in os.environ:
        sys.stdout.flush()
        os.execve(sys.executable, sys.orig_argv, ros_environment())
