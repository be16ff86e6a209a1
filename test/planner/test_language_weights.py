"""Pinned weights: found, missing, changed, and merged with their adapter. No download, no large file."""

import json
from pathlib import Path

import pytest

import physical_ai_planner
from physical_ai_core.errors import ModelError
from physical_ai_core.share import share_path
from physical_ai_planner.language import weights
from physical_ai_planner.language.weights import MANIFEST, load_description, merge_adapter, sha256_of, verified_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHYSICAL_AI_CACHE", str(tmp_path))
    return tmp_path


def test_the_adapter_of_the_repository_is_the_pinned_one_and_small() -> None:
    description = load_description()
    assert description.adapter is not None
    file = share_path(description.adapter.folder) / "adapter_model.safetensors"
    assert sha256_of(file) == description.adapter.sha256
    heads = Path(physical_ai_planner.__file__).parent.rglob("*.safetensors")
    assert file.stat().st_size + sum(head.stat().st_size for head in heads) <= 20e6  # all that is tuned, together


@pytest.mark.parametrize("name", ["planner_language", "planner_language_smollm2"])
def test_the_descriptions_of_the_package_are_sound(name: str) -> None:
    assert load_description(name).wheels


@pytest.mark.parametrize("content", ["", "[1]", "name: x", ": :", "\x00"])
def test_a_bad_description_is_refused_with_a_mend(tmp_path: Path, content: str) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(content)
    with pytest.raises(ModelError) as caught:
        load_description(str(file))
    assert str(file) in str(caught.value) and caught.value.mend


def test_a_model_that_is_not_prepared_names_the_command(cache: Path) -> None:
    with pytest.raises(ModelError) as caught:
        verified_model(load_description())
    assert weights.PREPARE in caught.value.mend


def test_a_changed_file_is_found_before_it_is_loaded(cache: Path) -> None:
    description = load_description()
    weights._appear(weights.model_dir(description), lambda folder: _write(folder / "model.safetensors", "weights"))
    assert verified_model(description) == weights.model_dir(description)
    _write(weights.model_dir(description) / "model.safetensors", "other weights")
    with pytest.raises(ModelError, match="changed"):
        verified_model(description)


def test_a_set_up_that_breaks_leaves_nothing(cache: Path) -> None:
    def broken(folder: Path) -> None:
        _write(folder / "model.safetensors", "half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights._appear(cache / "models" / "m", broken)
    assert list((cache / "models").iterdir()) == []


def test_merging_adds_the_scaled_product_and_refuses_another_models_adapter(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    base, adapter, out = (tmp_path / name for name in ("base", "adapter", "out"))
    for folder in (base, adapter, out):
        folder.mkdir()
    weight = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    save_file({"model.q_proj.weight": weight}, base / "model.safetensors")
    _write(base / "config.json", "{}")
    _write(adapter / "adapter_config.json", json.dumps({"lora_alpha": 4, "r": 2}))
    key = "base_model.model.model.q_proj.lora_{}.weight"
    a, b = torch.ones(2, 3), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    save_file({key.format("A"): a, key.format("B"): b}, adapter / "adapter_model.safetensors")
    merge_adapter(base, adapter, out)
    merged = load_file(out / "model.safetensors")["model.q_proj.weight"]
    assert torch.equal(merged, (weight.float() + 2.0 * b @ a).to(torch.bfloat16))
    assert (out / "config.json").exists() and not (out / MANIFEST).exists()

    save_file({key.format("A"): torch.ones(2, 5), key.format("B"): b}, adapter / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="another model"):
        merge_adapter(base, adapter, out)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
