"""A disk that is really full: the recorder pauses, says so, counts what it could not write, and goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader

from physical_ai_telemetry.bag import open_bag

HERE = Path(__file__).parent
# A file system of 4 MB that only this process sees, or a limit of 1.5 MB on the size of every file.
TMPFS = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"']
RUN = """
import json, os, resource, shutil, signal, sys, time
sys.path.insert(0, {here!r})
from made_run import recorded, serialized, wait_until
import numpy as np
from physical_ai_core import messages as m
from physical_ai_telemetry import bag_writer
from physical_ai_telemetry.incidents import Cause
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import Recorder

root, limited = sys.argv[1], sys.argv[2] == "limited"
bag_writer.RETRY_S = 0.3
filler = os.path.join(root, "filler")
if limited:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
else:
    open(filler, "wb").write(bytes(2_000_000))
scan = serialized("scan", m.LaserScan(1.0, "lidar", 0.0, 0.01, 0.1, 20.0,
                  np.random.default_rng(0).random(2000, dtype=np.float32)))
recorder = Recorder(TelemetryParameters(output_folder=root, bag="run", compression="none", min_free_mb=0.0,
                                        incidents=False))
recorder.start()
count, seen, message = 0, [], ""

def say(until):
    global count, message
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        recorder.write(recorded("scan"), count * 1_000_000, scan)
        count += 1
        status = recorder.status()
        if not seen or seen[-1] != status.state:
            seen.append(status.state)
        message = status.error or message
        if until(status):
            return
        time.sleep(0.002)

say(lambda status: status.state == "failed")
say(lambda status: status.dropped > 20)
if not limited:
    os.remove(filler)
say(lambda status: status.state == "recording")
dropped_then = recorder.status().dropped
for _ in range(50):
    say(lambda status: True)
recorder.stop()
status = recorder.status()
if not limited:
    shutil.copytree(os.path.join(root, "run"), sys.argv[3])
print(json.dumps(dict(seen=seen, message=message, count=count, messages=status.messages, dropped=status.dropped)))
"""


def run(root: Path, limited: bool) -> tuple[dict[str, object], Path]:
    root.mkdir()
    copy = root.parent / "copy"
    command = [sys.executable, "-c", RUN.format(here=str(HERE)), str(root), "limited" if limited else "full", str(copy)]
    if not limited:
        command = [*TMPFS, str(root), *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if not limited and ("mount" in done.stderr or "unshare" in done.stderr):
        pytest.skip("no right to mount a file system of its own")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), root / "run" if limited else copy


@pytest.mark.parametrize("limited", [False, True], ids=["file system full", "file size limited"])
def test_a_full_disk_is_said_counted_and_outlived(tmp_path: Path, limited: bool) -> None:
    told, bag = run(tmp_path / "disk", limited)
    assert told["seen"][:3] == ["recording", "failed", "recording"], told
    assert ("too large" if limited else "No space left") in str(told["message"]) and "Free space" in str(
        told["message"]
    )
    assert told["messages"] + told["dropped"] == told["count"]  # type: ignore[operator]
    assert told["dropped"] >= 20  # type: ignore[operator]
    with open_bag(bag) as recording:
        assert recording.message_count >= told["messages"]  # type: ignore[operator]
    with AnyReader([bag]) as reader:
        stamps = [stamp for _, stamp, _ in reader.messages()]
    assert len(set(stamps)) == len(stamps) and max(stamps) > 1_000_000 * 0.9 * told["count"]  # type: ignore[operator]
