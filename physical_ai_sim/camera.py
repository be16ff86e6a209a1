"""Off-screen camera of the simulated robot; off unless asked, because software rendering is slow."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import mujoco
import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_sim import physics as p


class CameraError(PhysicalAIError):
    """No OpenGL can be had here."""

    exit_code = 2


class Camera:
    """Renders the `front` camera. Raises CameraError where no OpenGL can be had."""

    def __init__(self, model: Any) -> None:
        width, height = p.CAMERA_SIZE
        # mujoco fixes its OpenGL at import, and to a windowed one. A robot has no screen: EGL unless told otherwise.
        windowed = bool(os.environ.get("MUJOCO_GL") or os.environ.get("DISPLAY"))
        try:
            self._gl = import_module("mujoco.gl_context" if windowed else "mujoco.egl").GLContext(width, height)
            self._gl.make_current()
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        except Exception as error:  # the binding raises whatever the driver does
            raise CameraError(
                f"The camera cannot render ({error}).",
                "Install an EGL driver (Debian: libegl1), or switch the parameter `camera` off.",
            ) from error
        self._model, self._option = model, mujoco.MjvOption()
        self._scene = mujoco.MjvScene(model, maxgeom=2000)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._view = mujoco.MjvCamera()
        self._view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._view.fixedcamid = model.camera("front").id
        focal = 0.5 * height / np.tan(0.5 * p.CAMERA_FIELD_RAD)
        self._k = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])

    def measure(self, data: Any, stamp_s: float) -> tuple[m.Image, m.CameraInfo]:
        """Picture and intrinsics; needs positions that are up to date (`mj_kinematics`)."""
        self._gl.make_current()
        mujoco.mj_camlight(self._model, data)
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, self._view, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        mujoco.mjr_render(self._rect, self._scene, self._context)
        pixels = np.empty((self._rect.height, self._rect.width, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(pixels, None, self._rect, self._context)
        info = m.CameraInfo(stamp_s, "camera", self._rect.width, self._rect.height, self._k, np.zeros(5))
        return m.Image(stamp_s, "camera", np.flipud(pixels)), info
