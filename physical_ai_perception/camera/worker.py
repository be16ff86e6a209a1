"""An eye in a process of its own, so that the state never waits for a picture and a crash takes nothing down.

Pictures go over in shared memory, one at a time; requests and answers are JSON lines on pipes. Nothing here blocks the
owner: a picture that comes while the child is at work is dropped. The child ends when its input ends, which the kernel
brings about however the owner dies.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from physical_ai_core.errors import PhysicalAIError
from physical_ai_perception.camera.calibration import Calibration, CameraMount
from physical_ai_perception.camera.eyes import EyeTask, Look, Seer, Sight, sight_as_json, sight_of_json

_CHILD: Final = "import sys; from physical_ai_perception.camera.worker import main; sys.exit(main(int(sys.argv[1])))"
MAX_RESTARTS: Final = 3
PATIENCE_S: Final = 20.0  # for one picture; longer, and the child is ended
LOADING_PATIENCE_S: Final = 300.0  # torch and a model from a cold disk
MOST_BYTES: Final = 1 << 27
NICENESS: Final = 5  # the state goes before the pictures
MAX_LINE: Final = 1 << 20


class WorkerEye:
    """Owner's side: an `Eye`. The child is started by the first picture.

    >>> eye = WorkerEye(EyeTask(tags=tag_task(parameters, site)))
    >>> eye.look(picture)                     # returns at once
    >>> for sight in eye.sights(): ...        # later
    >>> eye.close()
    """

    def __init__(self, task: EyeTask, *, python: str = sys.executable) -> None:
        self.problem = ""
        self.dropped = 0
        self.restarts = 0
        self._task, self._python = task, python
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: deque[bytes] = deque(maxlen=16)
        self._memory = os.fdopen(os.memfd_create("camera"), "r+b", buffering=0)  # gone with its last holder
        self._map: mmap.mmap | None = None
        self._ready = False
        self._since_s: float | None = None  # when the picture now at work was handed over
        self._started_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether a picture handed over now would be dropped."""
        return bool(self.problem) or self._since_s is not None

    def look(self, picture: Look) -> None:
        self._poll_child()
        if self.busy:
            self.dropped += 1
            return
        if self._child is None:
            self._start()
        if not self._ready:  # still loading: the picture would be old by then
            self.dropped += 1
            return
        pixels = picture.pixels
        size = pixels.nbytes
        if not 0 < size <= MOST_BYTES:
            self.dropped += 1
            return
        if self._map is None or len(self._map) < size:
            if self._map is not None:
                self._map.close()
            self._memory.truncate(size)
            self._map = mmap.mmap(self._memory.fileno(), size)
        np.copyto(np.frombuffer(self._map, dtype=np.uint8, count=size).reshape(pixels.shape), pixels)
        c, mount = picture.calibration, picture.mount
        request = {
            "stamp_s": picture.stamp_s, "shape": pixels.shape, "size": [c.width, c.height], "k": c.k.ravel().tolist(),
            "d": c.d.tolist(), "turn": mount.turn.ravel().tolist(), "xyz_m": mount.xyz_m.tolist(),
        }  # fmt: skip
        self._since_s = time.monotonic()
        try:
            assert self._child is not None and self._child.stdin is not None
            os.write(self._child.stdin.fileno(), json.dumps(request).encode() + b"\n")  # far smaller than a pipe holds
        except OSError:
            self._since_s = None  # it died; the next call sees that

    def sights(self) -> list[Sight]:
        """What is ready; never waits. Also looks after the child."""
        self._poll_child()
        found = []
        while self._lines:
            try:
                said = json.loads(self._lines.popleft())
            except ValueError:
                continue
            if said.get("say") == "ready":
                self._ready = True
            elif said.get("say") == "failed":
                self.problem = str(said.get("reason"))
            elif said.get("say") == "sight":
                self._since_s = None
                found.append(sight_of_json(said["sight"]))
            elif said.get("say") == "unseen":
                self._since_s = None
        return found

    def close(self) -> None:
        """End the child; returns within two seconds."""
        child, self._child = self._child, None
        self._since_s, self._ready = None, False
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(timeout=1.5)

    def _start(self) -> None:
        self._ready, self._started_s = False, time.monotonic()
        self._lines = lines = deque[bytes](maxlen=16)
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self._child = child = subprocess.Popen(
            [self._python, "-c", _CHILD, str(self._memory.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=[self._memory.fileno()],
            start_new_session=True,
        )
        assert child.stdin is not None and child.stdout is not None
        os.set_blocking(child.stdin.fileno(), False)
        threading.Thread(target=_collect, args=(child.stdout, lines), name="camera-worker", daemon=True).start()
        try:
            os.write(child.stdin.fileno(), json.dumps(self._task.as_json()).encode() + b"\n")
        except OSError as error:
            self.problem = f"The camera worker does not take its task ({error})."

    def _poll_child(self) -> None:
        """Restart a child that died, end one that hangs."""
        child = self._child
        if child is None or self.problem:
            return
        now_s = time.monotonic()
        hangs = self._since_s is not None and now_s - self._since_s > PATIENCE_S
        hangs |= not self._ready and now_s - self._started_s > LOADING_PATIENCE_S
        code = child.poll()
        if code is None and not hangs:
            return
        if code is not None and any(b'"failed"' in line for line in self._lines):
            return  # its last words say why
        child.kill()
        threading.Thread(target=child.wait, daemon=True).start()  # nobody waits for the end of one that hangs
        self._child, self._since_s, self._ready = None, None, False
        if self.restarts >= MAX_RESTARTS:
            what = "hung" if hangs else f"died (exit code {code})"
            self.problem = f"The camera worker {what} {MAX_RESTARTS + 1} times. Look at the log of this node."
            return
        self.restarts += 1
        self._start()


def _collect(stream: IO[bytes], lines: deque[bytes]) -> None:
    for line in stream:
        lines.append(line)


def main(memory: int) -> int:
    """The child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    os.nice(NICENESS)

    def say(**message: Any) -> None:
        out.write(json.dumps(message).encode() + b"\n")

    try:
        task = EyeTask.of_json(json.loads(sys.stdin.buffer.readline(MAX_LINE)))
        seer = Seer(task)
    except (PhysicalAIError, MemoryError, ValueError) as error:
        say(say="failed", reason=str(error) or type(error).__name__)
        return 1
    say(say="ready")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        shape = tuple(request["shape"])
        with mmap.mmap(memory, int(np.prod(shape))) as shared:
            pixels = np.frombuffer(shared, dtype=np.uint8, count=int(np.prod(shape))).reshape(shape).copy()
        calibration = Calibration(
            request["size"][0],
            request["size"][1],
            np.array(request["k"], dtype=float).reshape(3, 3),
            np.array(request["d"], dtype=float),
        )
        mount = CameraMount(np.array(request["turn"], dtype=float).reshape(3, 3), np.array(request["xyz_m"]))
        try:
            sight = seer.see(Look(request["stamp_s"], pixels, calibration, mount))
        except Exception as error:  # one odd picture must not cost a reload of the model
            print(f"camera worker: {type(error).__name__}: {error}", file=sys.stderr)
            say(say="unseen")
            continue
        say(say="sight", sight=sight_as_json(sight))
    return 0
