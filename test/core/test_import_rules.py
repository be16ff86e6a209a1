"""The arrows of the architecture only point down: who may import whom, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPOSITION_ROOTS = {"physical_ai_bench", "physical_ai_learning", "physical_ai_cli"}
OFFLINE = {"physical_ai_sim", *COMPOSITION_ROOTS}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


FILES = sorted(path for room in ROOT.glob("physical_ai_*") for path in room.rglob("*.py"))


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Modules a file imports, anywhere in it or at import time only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def tops(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def is_composition_root(path: Path) -> bool:
    return room(path) in COMPOSITION_ROOTS or path.name == "node.py"


@pytest.mark.parametrize(
    "path", [p for p in FILES if not is_composition_root(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_core_imports_only_its_own_room_and_the_core(path: Path) -> None:
    others = {top for top in tops(imports(path)) if top.startswith("physical_ai_")}
    assert others <= {room(path), "physical_ai_core"}


def test_rclpy_stays_in_node_files_and_the_ros_room() -> None:
    allowed = {p for p in FILES if p.name == "node.py" or "physical_ai_core/ros" in p.as_posix()}
    guilty = [p for p in FILES if p not in allowed and tops(imports(p)) & {"rclpy", "launch", "launch_ros", "tf2_ros"}]
    assert guilty == []


def test_what_runs_on_a_robot_imports_nothing_offline() -> None:
    guilty = [p for p in FILES if room(p) not in OFFLINE and tops(imports(p)) & OFFLINE]
    assert guilty == []


def test_torch_and_transformers_stay_in_language_and_training() -> None:
    def allowed(path: Path) -> bool:
        where = path.as_posix()
        detector = "physical_ai_perception/camera/detector.py" in where  # runs in a worker of its own
        offline = room(path) == "physical_ai_learning" or "physical_ai_bench/benchmarks/" in where
        return "physical_ai_planner/language" in where or offline or detector

    heavy = {"torch", "transformers", "peft"}
    assert [p for p in FILES if tops(imports(p)) & heavy and not allowed(p)] == []
    on_the_way = [p for p in FILES if room(p) == "physical_ai_perception" and tops(imports(p, True)) & {*heavy, "cv2"}]
    assert on_the_way == []


def test_decoding_works_without_rclpy() -> None:
    """Replay reads bags where no ROS is installed."""
    for name in ("__init__.py", "decode.py"):
        path = ROOT / "physical_ai_core" / "ros" / name
        assert "rclpy" not in tops(imports(path))
