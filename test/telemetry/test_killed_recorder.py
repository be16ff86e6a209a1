"""SIGKILL at random moments of a real recorder process: every bag opens, and at most the last second is lost.

Eight moments by default, a hundred with `--long`.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader

from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.recover import is_finished, recover

HERE = Path(__file__).parent
MOMENTS = 8
MOMENTS_LONG = 100
MOST_LOST_S = 1.0
STEP_S = 0.03  # the recorder's process speaks this often where it is let run
# Speaks as fast as the demo's graph does, small files so that moments fall into splits too, one incident a second. What
# was handed to the recorder is said on stdout first, as the robot's clock.
RECORDS = """
import sys, time
sys.path.insert(0, {here!r})
import numpy as np
from made_run import recorded, serialized
from physical_ai_core import messages as m
from physical_ai_telemetry.incidents import Cause
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import Recorder
scan = serialized("scan", m.LaserScan(1.0, "lidar", 0.0, 0.01, 0.1, 20.0,
                  np.random.default_rng(0).random(720, dtype=np.float32)))
flag = serialized("tool", m.Flag(True))
recorder = Recorder(TelemetryParameters(output_folder={root!r}, bag="run", split_mb=1.0, quota_mb=1000.0))
recorder.start()
print("ready", flush=True)
begun, count = time.monotonic(), 0
while True:
    now_s = time.monotonic() - begun
    while count < now_s * 400:
        stamp_ns = round(count / 400 * 1e9)
        recorder.write(recorded("scan"), stamp_ns, scan)
        recorder.write(recorded("tool"), stamp_ns, flag)
        count += 1
        if count % 400 == 200:
            recorder.note(Cause(count / 400, "gate", "obstacle"))
    print(f"{{now_s:.3f}}", flush=True)
    time.sleep(0.01)
"""


def killed_after(seconds: float, root: Path) -> tuple[float, float]:
    """Run a recorder and kill it. Returns until when (s) it had been given messages, and for how long of the last two
    seconds it was not let run: a busy machine takes its processor away, which is no loss of the recorder's.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", RECORDS.format(here=str(HERE), root=str(root))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read().split("\n")
    process.wait()
    assert process.returncode == -signal.SIGKILL
    times = [0.0, *(float(line) for line in said[:-1])]
    gaps = [later - sooner for sooner, later in pairwise(times) if later > times[-1] - 2.0]
    return times[-1], sum(gap - STEP_S for gap in gaps if gap > STEP_S)


def moments(long: bool) -> list[float]:
    rng = random.Random(7)
    return [rng.uniform(0.0, 1.6) for _ in range(MOMENTS_LONG if long else MOMENTS)]


def test_whenever_a_recorder_is_killed_its_bag_opens_and_at_most_the_last_second_is_lost(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    worst_s = 0.0
    for number, moment_s in enumerate(moments(request.config.getoption("--long"))):
        root = tmp_path / str(number)
        given_s, starved_s = killed_after(moment_s, root)
        bag = root / "run"
        if not bag.is_dir() or not splits(bag):
            assert given_s - starved_s <= MOST_LOST_S, f"nothing at all was written of {given_s:.2f} s"
            continue
        with open_bag(bag) as recording:  # recovers by itself
            ours = recording.message_count
        if not splits(bag):
            assert given_s - starved_s <= MOST_LOST_S and ours == 0
            continue
        with AnyReader([bag]) as reader:
            stamps = [stamp for connection, stamp, _ in reader.messages() if connection.topic == "/scan"]
            flags = sum(connection.topic == "/tool" for connection, _, _ in reader.messages())
            assert reader.message_count == ours == len(stamps) + flags
        period = round(1e9 / 400)
        assert [round(stamp / period) for stamp in stamps] == list(range(len(stamps))), "a hole in the middle"
        worst_s = max(worst_s, given_s - starved_s - len(stamps) / 400)
        for incident in (root / "incidents").glob("2*"):
            if not splits(incident):
                continue
            recover(incident)
            if splits(incident):
                with AnyReader([incident]) as reader:
                    assert sum(1 for _ in reader.messages()) == reader.message_count
    print(f"at most {worst_s:.2f} s lost")
    assert worst_s <= MOST_LOST_S


def test_recovery_says_how_much_was_lost(tmp_path: Path) -> None:
    killed_after(1.2, tmp_path)
    bag = tmp_path / "run"
    unfinished = [path.name for path in splits(bag) if not is_finished(path)]
    done = recover(bag)
    assert len(unfinished) == 1 and [*done.recovered, *done.removed] == unfinished
    assert done.lost_bytes < 2e6
