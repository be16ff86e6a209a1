"""Pixels to boxes with classes: the protocol, and the detector on a `transformers` model that lies on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import OBJECT_CLASSES

MOST_BOXES: Final = 100
# Names that detectors trained on COCO, Open Images or Objects365 use; what is not named here is no opinion.
PEOPLE: Final = frozenset({"person", "people", "man", "woman", "child", "boy", "girl", "pedestrian", "worker", "rider"})
VEHICLES: Final = frozenset(
    {
        "vehicle", "car", "truck", "bus", "van", "motorcycle", "motorbike", "bicycle", "bike", "train", "tractor",
        "forklift", "excavator", "bulldozer", "wheel loader", "dumper", "heavy truck",
        "pickup truck", "machinery vehicle",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Boxes:
    """`edges_px` (N, 4): left, top, right, bottom; `score` (N,) in [0, 1]; `label`: the model's own names."""

    edges_px: Array
    score: Array
    label: tuple[str, ...]


class Detector(Protocol):
    """Finds things in a picture (H, W, 3) uint8, RGB."""

    def find(self, pixels: NDArray[np.uint8]) -> Boxes: ...


def class_of(label: str) -> int:
    """Index into OBJECT_CLASSES; 0 (unknown) for labels that say neither person nor vehicle."""
    name = label.strip().lower()
    if name in PEOPLE:
        return OBJECT_CLASSES.index("person")
    return OBJECT_CLASSES.index("vehicle") if name in VEHICLES else 0


class TransformersDetector:
    """An object-detection model of `transformers` (DETR, YOLOS, RT-DETR …) with its processor, from a local folder.

    Never downloads. Raises ModelError when the folder holds no such model, DependencyError without torch.
    """

    def __init__(self, folder: str, score: float, threads: int = 1) -> None:
        if not (Path(folder) / "config.json").is_file():
            raise ModelError(
                f"There is no detection model in '{folder}' (no config.json).",
                "Put a transformers object-detection model with its processor there, or leave camera_model empty.",
            )
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
        try:
            import torch
            from transformers import AutoImageProcessor, AutoModelForObjectDetection
        except ImportError as error:
            raise DependencyError("transformers", "camera-objects") from error
        torch.set_num_threads(max(1, threads))
        self._torch: Any = torch
        self._score = score
        try:
            self._processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            self._model = AutoModelForObjectDetection.from_pretrained(folder, local_files_only=True).eval()
        except Exception as error:  # the library raises whatever its readers do
            raise ModelError(
                f"The detection model in '{folder}' cannot be loaded ({type(error).__name__}: {error}).",
                "Save it again with save_pretrained, model and image processor into one folder.",
            ) from error

    def find(self, pixels: NDArray[np.uint8]) -> Boxes:
        """Boxes with at least the wanted score, best first."""
        height, width = pixels.shape[:2]
        with self._torch.inference_mode():
            inputs = self._processor(images=np.ascontiguousarray(pixels), return_tensors="pt")
            outputs = self._model(**inputs)
            found = self._processor.post_process_object_detection(
                outputs, threshold=self._score, target_sizes=[(height, width)]
            )[0]
        score, edges = found["scores"].double().numpy(), found["boxes"].double().numpy().reshape(-1, 4)
        names = self._model.config.id2label
        label = [str(names.get(int(number), number)) for number in found["labels"]]
        keep = [i for i in np.argsort(-score)[:MOST_BOXES].tolist() if np.isfinite(edges[i]).all()]
        edges = np.clip(edges[keep], 0.0, [width - 1, height - 1, width - 1, height - 1]).reshape(-1, 4)
        return Boxes(edges, score[keep], tuple(label[i] for i in keep))
