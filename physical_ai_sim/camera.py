"""Off-screen camera of the simulated robot; off unless asked, because software rendering is slow."""

from __future__ import annotations

import os
from typing import Any

import mujoco
import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_sim import physics as p


class Camera:
    """Renders the `front` camera. Raises PhysicalAIError where no OpenGL can be had."""

    def __init__(self, model: Any) -> None:
        os.environ.setdefault("MUJOCO_GL", "egl")
        width, height = p.CAMERA_SIZE
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # the binding raises whatever the driver does
            raise PhysicalAIError(
                f"The camera cannot render ({error}).",
                "Install an EGL driver (Debian: libegl1), or switch the parameter `camera` off.",
            ) from error
        focal = 0.5 * height / np.tan(0.5 * p.CAMERA_FIELD_RAD * 0.75)
        self._k = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])

    def measure(self, data: Any, stamp_s: float) -> tuple[m.Image, m.CameraInfo]:
        self._renderer.update_scene(data, camera="front")
        pixels = self._renderer.render()
        height, width = pixels.shape[:2]
        info = m.CameraInfo(stamp_s, "camera", width, height, self._k, np.zeros(5))
        return m.Image(stamp_s, "camera", pixels), info
