"""Message definitions as text, to be embedded in a recording."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from physical_ai_core.errors import InputError


@lru_cache(maxsize=1)
def typestore() -> Any:
    """The `rosbags` type store of the sourced ROS distribution, else of the newest one known."""
    name = f"ROS2_{os.environ.get('ROS_DISTRO', 'kilted').upper()}"
    return get_typestore(Stores.__members__.get(name, Stores.LATEST))


@cache
def definition(ros_type: str) -> str:
    """The `.msg` text of `package/msg/Name` with everything it needs, as MCAP's ros2msg. Raises InputError."""
    store = typestore()
    try:
        if ros_type not in store.fielddefs:
            _register_installed(store, ros_type)
        return str(store.generate_msgdef(ros_type, ros_version=2)[0])
    except (TypesysError, OSError, KeyError, ValueError, ImportError) as error:
        raise InputError(
            f"The definition of the ROS message {ros_type} was not found ({error}).",
            "Install its package, or take the topic out of `extra_topics`.",
        ) from error


def _register_installed(store: Any, ros_type: str) -> None:
    """Read a message of another package, and what it is made of, from its installed `.msg` files."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    package, _, name = ros_type.split("/")
    try:
        folder = Path(get_package_share_directory(package))
    except PackageNotFoundError as error:
        raise KeyError(f"package '{package}' is not installed") from error
    types = get_types_from_msg((folder / "msg" / f"{name}.msg").read_text(encoding="utf-8"), ros_type)
    for _, fields in types.values():
        for _, kind in fields:
            for part in _message_names(kind):
                if part not in store.fielddefs and part not in types:
                    _register_installed(store, part)
    store.register(types)


def _message_names(kind: Any) -> list[str]:
    """Names of messages inside a field description of `rosbags` (nested tuples)."""
    if isinstance(kind, str):
        return [kind] if "/msg/" in kind else []
    if isinstance(kind, (tuple, list)):
        return [name for part in kind for name in _message_names(part)]
    return []
