"""`physical-ai models` as a person types it: JSON on standard output, exit codes, one paragraph for what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit import RUNNER, SHIPPED, accepts, say, weights

from physical_ai_cli.main import app


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("PHYSICAL_AI_MODELS", str(tmp_path / "robot"))
    content = weights(tmp_path, 0.001)
    (tmp_path / "good.safetensors").write_bytes(content)
    (tmp_path / "good.json").write_bytes(accepts(content))
    (tmp_path / "bad.json").write_bytes(accepts(content, accepted=False))
    return {name: tmp_path / name for name in ("stick", "keys", "good.safetensors", "good.json", "bad.json")}


def test_the_whole_way_on_the_command_line(paths: dict[str, Path]) -> None:
    stick, keys = paths["stick"], paths["keys"]
    code, said = say("init", stick, "--keys", keys)
    assert code == 0
    root = said["repository"][0]["root"]
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    publish = ("publish", stick, paths["good.safetensors"], "--keys", keys, "--decision")
    assert say(*publish, paths["bad.json"])[0] == 2
    assert say(*publish, paths["good.json"], "--force")[0] == 2  # there is no such option
    code, said = say(*publish, paths["good.json"], "--robot", "scout")
    assert code == 0 and said["published"][0]["version"] == 1
    code, said = say("verify", stick, "--root", root)
    assert code == 0 and len(said["offers"]) == 1
    assert say("install", stick, "--robot", "heron")[0] == 2
    code, said = say("install", stick)
    assert code == 0 and said["installed"][0]["version"] == 1
    code, text = say("promote")
    assert code == 1 and "not run as a shadow" in text
    assert say("status")[1]["models"][0]["active"] == "package"
    assert say("promote", "--without-shadow")[0] == 0
    assert say("status")[1]["models"][0]["active"] == "a"
    assert say("rollback", "--reason", "a test")[0] == 0
    after = say("status")[1]["models"][0]
    assert after["active"] == "package" and after["reason"] == "a test" and after["refused"]
    assert say("install", stick)[0] == 2  # rolled back on this robot
    assert say("rollback")[0] == 2  # nothing more to roll back
    assert say("renew", stick, "--keys", keys)[0] == 0
    assert say("verify", stick)[0] == 0


@pytest.mark.parametrize(
    "command", ["init", "judge", "publish", "renew", "verify", "install", "promote", "rollback", "status"]
)
def test_each_command_explains_itself(command: str) -> None:
    result = RUNNER.invoke(app, ["models", command, "--help"])
    assert result.exit_code == 0 and len(result.stdout) > 200
    assert "--force" not in result.stdout


def test_bad_files_are_told(paths: dict[str, Path], tmp_path: Path) -> None:
    stick, keys, none = paths["stick"], paths["keys"], tmp_path / "none"
    assert say("init", stick, "--keys", keys)[0] == 0
    assert say("init", stick, "--keys", keys)[0] == 2
    assert say("publish", stick, none, "--keys", keys, "--decision", paths["good.json"])[0] == 2
    assert say("publish", stick, SHIPPED, "--keys", keys, "--decision", none)[0] == 2
    assert say("publish", none, paths["good.safetensors"], "--keys", keys, "--decision", paths["good.json"])[0] == 2
    assert say("install", stick, "--name", "../people")[0] == 2
    assert say("verify", none)[0] == 2
    assert say("verify", stick, "--root", none)[0] == 2
    assert say("judge", none, "--out", tmp_path / "out")[0] == 1
    (keys / "targets_1.pem").write_text("no key")
    code, text = say("publish", stick, paths["good.safetensors"], "--keys", keys, "--decision", paths["good.json"])
    assert code == 2 and "targets_1.pem" in text


def test_a_real_process_exits_as_told(tmp_path: Path) -> None:
    environment = {**os.environ, "PHYSICAL_AI_MODELS": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-m", "physical_ai_cli", "models", "rollback"], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 2 and "nothing to roll back" in " ".join(result.stderr.split())
