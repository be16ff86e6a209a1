"""The camera's room: from messages to poses, docking tags and classes; and what it says where something is missing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tag_pictures import TRUST, K, picture, standing

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import DependencyError, SiteError
from physical_ai_core.site import Site, load_site
from physical_ai_perception.camera import calibration
from physical_ai_perception.camera.bearings import bearings
from physical_ai_perception.camera.camera import Camera
from physical_ai_perception.camera.detector import Boxes
from physical_ai_perception.camera.eyes import DirectEye, Eye, EyeTask, Look, Sight, sight_as_json, sight_of_json
from physical_ai_perception.camera.place import TagPlace, face_turn
from physical_ai_perception.camera.worker import WorkerEye
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.mounts import Placement
from physical_ai_perception.parameters import PerceptionParameters

WALL = TagPlace(np.array([4.0, 1.0, 0.6]), face_turn(np.pi), 0.3)
SITE = Site.model_validate(
    {
        "name": "hall",
        "start": "here",
        "places": {"here": {"names": {"en": ["here"]}, "pose": {"x_m": 0.0, "y_m": 0.0}}},
        "tags": {17: {"pose": {"x_m": 4.0, "y_m": 1.0, "yaw_rad": 3.14159265}, "height_m": 0.6, "size_m": 0.3}},
    }
)
PLACEMENT = Placement(np.array([0.22, 0.0, 0.25]), np.eye(3), rotations.IDENTITY, 0.0)
P = PerceptionParameters(tag_size_m=0.3, tag_fix_every_s=0.0)
HERE = np.zeros(3)


def info(stamp_s: float = 1.0, **changes: object) -> m.CameraInfo:
    return replace(m.CameraInfo(stamp_s, "camera", 640, 480, K, np.zeros(5)), **changes)  # type: ignore[arg-type]


def image(stamp_s: float, grey: np.ndarray, frame: str = "camera") -> m.Image:
    return m.Image(stamp_s, frame, np.broadcast_to(grey[..., None], (*grey.shape, 3)))


@pytest.fixture(scope="module")
def wall() -> np.ndarray:
    """Picture of tag 17 and of tag 18 beside it, from (2.0, 0.8)."""
    beside = TagPlace(np.array([4.0, 0.4, 0.6]), WALL.turn, 0.3)
    return picture(standing((2.0, 0.8, 0.0)), {17: WALL, 18: beside})


def test_a_tag_of_the_site_gives_the_pose_in_map_and_another_one_is_to_dock_at(wall: np.ndarray) -> None:
    camera = Camera(P, SITE)
    camera.calibrate(info())
    camera.picture(image(1.0, wall), PLACEMENT, None)
    (fix,) = camera.collect()
    assert (fix.stamp_s, fix.source) == (1.0, "tag 17")
    assert np.abs(fix.pose - [2.0, 0.8, 0.0]).max() < 0.03
    assert np.linalg.eigvalsh(fix.covariance).min() > 0.0
    (dock,) = camera.docking(1.1)
    assert dock.id == 18
    assert np.hypot(*(dock.pose[:2] - [2.0, -0.4])) < 0.03
    assert camera.docking(10.0) == ()
    assert camera.collect() == []
    assert camera.complaints(1.0) == []
    assert camera.values()["tag 17"].startswith("1 taken")


def test_an_optical_frame_is_told_by_its_name_or_by_parameter(wall: np.ndarray) -> None:
    optical = replace(PLACEMENT, turn=calibration.BODY_FROM_OPTICAL)
    for frame, parameters in (("front_optical_frame", P), ("eye", replace(P, camera_frame="optical"))):
        camera = Camera(parameters, SITE)
        camera.calibrate(info(frame_id=frame))
        camera.picture(image(1.0, wall, frame), optical, None)
        assert len(camera.collect()) == 1


def test_pictures_and_fixes_are_thinned_to_their_rates(wall: np.ndarray) -> None:
    camera = Camera(replace(P, tag_rate_hz=5.0, tag_fix_every_s=1.0), SITE)
    camera.calibrate(info())
    fixes = []
    for stamp_s in np.arange(0.0, 1.2, 0.1):
        camera.picture(image(float(stamp_s), wall), PLACEMENT, None)
        fixes += camera.collect()
    assert [fix.stamp_s for fix in fixes] == pytest.approx([0.0, 1.0])
    assert camera.values()["tag 17"] == "6 taken"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (info(k=np.zeros((3, 3))), "focal length"),
        (info(k=np.full((3, 3), np.nan)), "finite"),
        (info(d=np.zeros(3)), "number of"),
        (info(d=np.full(5, np.inf)), "finite"),
        (info(d=np.full(5, 1e9)), "implausible"),
        (info(width=0), "width"),
        (info(k=K * 100.0), "principal point"),
        (info(distortion_model="equidistant"), "equidistant"),
    ],
)
def test_a_calibration_that_is_none_is_refused_by_name(wrong: m.CameraInfo, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        Camera(P, SITE).calibrate(wrong)


def test_a_picture_without_calibration_or_of_another_size_is_refused_by_name(wall: np.ndarray) -> None:
    camera = Camera(P, SITE)
    with pytest.raises(Unusable, match="no camera/camera_info of frame 'camera'"):
        camera.picture(image(1.0, wall), PLACEMENT, None)
    camera.calibrate(info())
    with pytest.raises(Unusable, match="320 x 240"):
        camera.picture(image(1.0, wall[::2, ::2]), PLACEMENT, None)
    with pytest.raises(Unusable, match="not \\(H, W, 3\\)"):
        camera.picture(m.Image(1.0, "camera", np.zeros((480, 640), dtype=np.uint8)), PLACEMENT, None)


def test_a_tag_that_hangs_elsewhere_than_the_site_says_is_named(wall: np.ndarray) -> None:
    place = SITE.tags[17]
    wrong = SITE.model_copy(update={"tags": {17: place.model_copy(update={"size_m": 0.3, "height_m": 1.6})}})
    camera = Camera(P, wrong)
    camera.calibrate(info())
    camera.picture(image(1.0, wall), PLACEMENT, None)
    assert camera.collect() == []
    ((_, text),) = camera.complaints(1.5)
    assert "tag 17" in text and "place and size" in text


def test_without_opencv_health_says_what_to_install(wall: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DependencyError):
        calibration.opencv()
    camera = Camera(P, SITE)
    camera.calibrate(info())
    for stamp_s in (1.0, 2.0):
        camera.picture(image(stamp_s, wall), PLACEMENT, None)
        assert camera.collect() == []
    ((_, text),) = camera.complaints(2.0)
    assert "opencv-python-headless" in text and "physical_ai[camera]" in text


def test_without_a_model_health_says_so_and_tags_still_work(wall: np.ndarray, tmp_path: Path) -> None:
    assert "camera_model is empty" in Camera(P, SITE).values()["camera objects"]
    camera = Camera(replace(P, camera_model=str(tmp_path / "none")), SITE)
    camera.calibrate(info())
    camera.picture(image(1.0, wall), PLACEMENT, HERE)
    assert len(camera.collect()) == 1
    ((_, text),) = camera.complaints(1.0)
    assert "no detection model" in text and "camera_model" in text


def test_switched_off_it_takes_nothing(wall: np.ndarray) -> None:
    camera = Camera(replace(P, camera=False), SITE)
    camera.calibrate(info(k=np.zeros((3, 3))))
    camera.picture(image(1.0, wall), PLACEMENT, None)
    assert camera.collect() == []
    assert camera.values() == {"camera": "off"}


class Painter:
    """A detector that calls every bright blob a person."""

    def find(self, pixels: np.ndarray) -> Boxes:
        rows, columns = np.nonzero(pixels[..., 0] > 200)
        edges = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], dtype=float)
        return Boxes(edges, np.array([0.9]), ("person",))


def person_at(x: float, y: float) -> np.ndarray:
    """A picture (480, 640) of something 1.7 m high and 0.5 m wide at (x, y) of the base."""
    eye = calibration.Calibration(640, 480, K, np.zeros(5))
    mount = calibration.camera_mount(PLACEMENT, "camera", "body")
    corners = np.array([[x, y + side, z] for side in (-0.25, 0.25) for z in (0.0, 1.7)])
    low, high = (f(eye.project(mount.to_optical(corners))[0], axis=0) for f in (np.min, np.max))
    grey = np.full((480, 640), 50, dtype=np.uint8)
    grey[max(0, int(low[1])) : int(high[1]), int(low[0]) : int(high[0])] = 255
    return grey


def test_a_person_in_the_picture_gives_the_track_at_that_place_its_class() -> None:
    def eye_of(task: EyeTask) -> Eye:
        return DirectEye(task, Painter() if task.model else None)

    camera = Camera(replace(P, camera_model="painter", camera_model_rate_hz=5.0), SITE, eye_of)
    camera.calibrate(info())
    rows = layouts.empty(layouts.OBJECT, 2)
    rows["id"], rows["x"], rows["y"], rows["radius"], rows["class_id"] = (3, 4), (5.0, 5.0), (1.0, -0.5), 0.2, 1
    base = np.array([10.0, 2.0, 0.5])
    c, s = np.cos(0.5), np.sin(0.5)
    rows["x"], rows["y"] = base[0] + c * rows["x"] - s * rows["y"], base[1] + s * rows["x"] + c * rows["y"]
    for turn in range(4):
        stamp_s = 1.0 + 0.3 * turn
        labelled = camera.label(m.Objects(stamp_s, "odom", rows))
        camera.picture(image(stamp_s + 0.02, person_at(5.0, 1.0)), PLACEMENT, base)
        camera.collect()
    assert labelled.rows["class_id"].tolist() == [layouts.OBJECT_CLASSES.index("person"), 1]
    assert camera.values()["camera objects"] == "4 boxes laid on tracks"


def test_the_bearing_and_the_distance_of_a_box_are_those_of_what_it_shows() -> None:
    eye = calibration.Calibration(640, 480, K, np.zeros(5))
    mount = calibration.camera_mount(PLACEMENT, "camera", "body")
    seen = bearings(Painter().find(np.dstack([person_at(5.0, 1.0)] * 3)), eye, mount)
    assert seen.middle_rad[0] == pytest.approx(np.arctan2(1.0, 5.0 - 0.22), abs=0.005)
    assert seen.half_rad[0] == pytest.approx(0.25 / 4.9, rel=0.1)
    assert seen.range_m[0] == pytest.approx(4.9, rel=0.05)


def test_a_sight_survives_the_pipe(wall: np.ndarray) -> None:
    camera = Camera(P, SITE)
    seen: list[Sight] = []
    eye = DirectEye(EyeTask(tags=camera._tags._task.tags))  # type: ignore[attr-defined]
    eye.look(Look(1.0, wall, calibration.calibration_of(info()), calibration.camera_mount(PLACEMENT, "camera", "body")))
    seen = eye.sights()
    there = sight_of_json(json.loads(json.dumps(sight_as_json(seen[0]))))
    assert [tag.id for tag in there.tags] == [17, 18]
    assert there.tags[0].fix is not None and seen[0].tags[0].fix is not None
    assert np.array_equal(there.tags[0].fix.covariance, seen[0].tags[0].fix.covariance)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 40), st.integers(0, 40), st.sampled_from([1, 3, 4]), st.sampled_from([np.uint8, np.float32]),
    st.integers(0, 2**32 - 1), st.floats(-1e6, 1e6) | st.just(float("nan")),
)  # fmt: skip
def test_garbage_is_refused_or_shows_nothing(
    height: int, width: int, depth: int, kind: type, seed: int, stamp_s: float
) -> None:
    camera = Camera(P, SITE)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, depth)).astype(kind)
    try:
        camera.calibrate(
            info(width=width, height=height, k=np.array([[50.0, 0, width / 2], [0, 50, height / 2], [0, 0, 1]]))
        )
        camera.picture(m.Image(stamp_s, "camera", pixels), PLACEMENT, None)
    except Unusable:
        return
    assert camera.collect() == []


def test_a_site_refuses_a_tag_that_cannot_be_one(tmp_path: Path) -> None:
    content = SITE.model_dump(mode="json")
    for wrong in ({"size_m": 0.0}, {"height_m": 1e9}, {"colour": "red"}):
        content["tags"] = {"17": {**SITE.tags[17].model_dump(mode="json"), **wrong}}
        path = tmp_path / "site.yaml"
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(SiteError, match="tags"):
            load_site(str(path))


# --- the worker, as a real process ---


@pytest.fixture
def worker() -> Iterator[Callable[[EyeTask], WorkerEye]]:
    made: list[WorkerEye] = []

    def make(task: EyeTask) -> WorkerEye:
        made.append(WorkerEye(task))
        return made[-1]

    yield make
    for eye in made:
        eye.close()


def sights(eye: WorkerEye, picture_: Look, patience_s: float = 90.0) -> list[Sight]:
    """Hand the picture over until it is seen."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and not eye.problem:
        eye.look(picture_)
        if found := eye.sights():
            return found
        time.sleep(0.01)
    return []


def look_at(grey: np.ndarray, stamp_s: float = 5.0) -> Look:
    return Look(
        stamp_s, grey, calibration.calibration_of(info()), calibration.camera_mount(PLACEMENT, "camera", "body")
    )


def test_the_worker_sees_what_the_eye_in_this_process_sees_and_outlives_its_child(
    wall: np.ndarray, worker: Callable[[EyeTask], WorkerEye]
) -> None:
    task = EyeTask(tags=Camera(P, SITE)._tags._task.tags)  # type: ignore[attr-defined]
    direct, eye = DirectEye(task), worker(task)
    direct.look(look_at(wall))
    (expected,) = direct.sights()
    begun = time.monotonic()
    eye.look(look_at(wall))
    assert time.monotonic() - begun < 5.0  # it starts a process and waits for nothing
    (found, *_) = sights(eye, look_at(wall))
    assert found.tags[0].fix is not None and expected.tags[0].fix is not None
    assert np.array_equal(found.tags[0].fix.pose, expected.tags[0].fix.pose)
    assert eye._child is not None
    os.kill(eye._child.pid, 9)
    eye._child.wait(10.0)
    assert sights(eye, look_at(wall))
    assert eye.restarts == 1


def test_a_model_that_is_not_there_is_named_by_the_worker(
    tmp_path: Path, worker: Callable[[EyeTask], WorkerEye]
) -> None:
    eye = worker(EyeTask(model=str(tmp_path)))
    assert sights(eye, look_at(np.zeros((480, 640, 3), dtype=np.uint8))) == []
    assert "no config.json" in eye.problem
    assert eye.busy


def tiny_model(folder: Path) -> None:
    """A YOLOS model of two layers that calls every detection a person, whatever the layers drawn at load make of it.

    Tokens and embeddings are in the file: left out, they would be memory as it was found, now and then not finite.
    """
    safetensors = pytest.importorskip("safetensors.numpy", reason="extra `language`")
    pytest.importorskip("PIL")
    labels = {"0": "person", "1": "car"}
    config = {
        "architectures": ["YolosForObjectDetection"], "model_type": "yolos", "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 64, "image_size": [96, 128], "patch_size": 16,
        "num_detection_tokens": 4, "id2label": labels, "label2id": {name: int(i) for i, name in labels.items()},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_processor_type": "YolosImageProcessor", "size": {"shortest_edge": 96, "longest_edge": 128}}),
        encoding="utf-8",
    )
    places = 1 + (96 // 16) * (128 // 16) + 4  # class token, patches, detection tokens
    shapes = {
        "vit.embeddings.cls_token": (1, 1, 32), "vit.embeddings.detection_tokens": (1, 4, 32),
        "vit.embeddings.position_embeddings": (1, places, 32),
        "vit.encoder.interpolation.mid_position_embeddings": (1, 1, places, 32),
        "class_labels_classifier.layers.2.weight": (3, 32), "bbox_predictor.layers.2.weight": (4, 32),
        "bbox_predictor.layers.2.bias": (4,),
    }  # fmt: skip
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
    weights["class_labels_classifier.layers.2.bias"] = np.array([9.0, 0.0, 0.0], dtype=np.float32)
    safetensors.save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})


def test_a_model_of_transformers_is_loaded_by_the_worker_and_never_by_this_process(
    tmp_path: Path, worker: Callable[[EyeTask], WorkerEye]
) -> None:
    tiny_model(tmp_path)
    had_torch = "torch" in sys.modules
    eye = worker(EyeTask(model=str(tmp_path), score=0.5))
    (seen, *_) = sights(eye, look_at(np.full((480, 640, 3), 90, dtype=np.uint8)), 240.0) or [None]
    assert seen is not None, eye.problem
    assert seen.objects is not None and len(seen.objects.score) == 4
    assert set(seen.objects.class_id.tolist()) == {layouts.OBJECT_CLASSES.index("person")}
    assert (np.abs(seen.objects.middle_rad) < 0.6).all()
    assert ("torch" in sys.modules) == had_torch


@pytest.mark.slow
def test_the_worker_gives_what_the_model_gives_when_asked_directly(
    tmp_path: Path, worker: Callable[[EyeTask], WorkerEye]
) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.YolosConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=[96, 128],
        num_detection_tokens=20, id2label={0: "person", 1: "truck", 2: "chair"},
    )  # fmt: skip
    torch.manual_seed(2)
    model = transformers.YolosForObjectDetection(config)
    with torch.no_grad():
        for part in model.parameters():
            part.mul_(3.0)  # far enough from zero that boxes and classes differ
        model.class_labels_classifier.layers[2].bias[:2] += 4.0
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"image_processor_type": "YolosImageProcessor", "size": {"shortest_edge": 96, "longest_edge": 128}}),
        encoding="utf-8",
    )
    pixels = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    direct = DirectEye(EyeTask(model=str(tmp_path), score=0.3))
    direct.look(look_at(pixels))
    (expected,) = direct.sights()
    (found, *_) = sights(worker(EyeTask(model=str(tmp_path), score=0.3)), look_at(pixels), 240.0)
    assert expected.objects is not None and found.objects is not None and len(expected.objects.score)
    assert np.allclose(found.objects.middle_rad, expected.objects.middle_rad, atol=1e-6)
    assert np.allclose(found.objects.score, expected.objects.score, atol=1e-6)
    assert found.objects.class_id.tolist() == expected.objects.class_id.tolist()


def test_trust_of_the_tests_is_that_of_the_parameters() -> None:
    task = Camera(PerceptionParameters(), None)._tags._task.tags  # type: ignore[attr-defined]
    assert task.trust.pixel == TRUST.pixel and task.trust.tilt_rad == TRUST.tilt_rad
