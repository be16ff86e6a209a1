"""Command `security`: the SROS2 policy of the graph table, and a keystore of it where the tools are there."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()
SECURITY_MARK = b"DDS:Auth:PKI-DH"  # a Fast DDS that was built with security has the name of this plug-in in it


def security(
    out: Annotated[Path, typer.Option(help="Folder of the policy, and of the keystore.")] = Path("out/security"),
    namespace: Annotated[str, typer.Option(help="Namespace of the robot.")] = "",
    domain: Annotated[int, typer.Option(help="ROS_DOMAIN_ID that the permissions hold in.", min=0, max=232)] = 0,
    simulated: Annotated[bool, typer.Option(help="For the simulator instead of a machine's own drivers.")] = False,
) -> None:
    """Write who may say and hear what: least privilege for every node, only the gate moves the robot."""
    from physical_ai_core.ros.enclaves import grants, permissions, policy

    allowed = grants(namespace, simulated)
    folder = out / "permissions"
    folder.mkdir(parents=True, exist_ok=True)
    (out / "policy.xml").write_text(policy(allowed), encoding="utf-8")
    for path, grant in allowed.items():
        (folder / f"{grant.node}.xml").write_text(permissions(path, grant, domain), encoding="utf-8")
    console.print(f"{len(allowed)} enclaves: {out / 'policy.xml'}, {folder}", markup=False)
    missing = lacking()
    if missing:
        console.print(f"No keystore: {missing}", markup=False)
        console.print(f"Where they are: {' '.join(_artifacts(out))}", markup=False, soft_wrap=True)
        return
    subprocess.run(_artifacts(out), check=True)
    console.print(
        f"Start nodes with ROS_SECURITY_ENABLE=true ROS_SECURITY_STRATEGY=Enforce ROS_SECURITY_KEYSTORE={out}/keystore"
        " and --ros-args --enclave /NODE.", markup=False, soft_wrap=True,
    )  # fmt: skip


def lacking() -> str:
    """Why no keystore can be made here; "" where it can."""
    if shutil.which("ros2") is None or find_spec("sros2") is None:
        return "sros2 is not installed (on a robot: apt install ros-$ROS_DISTRO-sros2). The policy is written."
    return ""


def dds_has_security(prefixes: list[Path]) -> bool:
    """A Fast DDS library under these folders was built with its security plug-ins."""
    libraries = [path for prefix in prefixes for path in (prefix / "lib").glob("libfast*.so*")]
    return any(SECURITY_MARK in path.read_bytes() for path in libraries if path.is_file())


def _artifacts(out: Path) -> list[str]:
    return ["ros2", "security", "generate_artifacts", "-k", str(out / "keystore"), "-p", str(out / "policy.xml")]
