"""Tags seen by the camera: how well they tell where the robot stands, and when they are not believed."""

from __future__ import annotations

import numpy as np
import pytest
from tag_pictures import EYE, LENS, MOUNT, TRUST, Stand, exact_corners, picture, standing

from physical_ai_core.geometry import compose, wrap
from physical_ai_perception.camera.calibration import BODY_FROM_OPTICAL, CameraMount
from physical_ai_perception.camera.place import TagPlace, face_turn, planar_fix
from physical_ai_perception.camera.reading import TagReader, TagTask, beside_robot
from physical_ai_perception.camera.tags import FAMILIES, TagFinder
from physical_ai_perception.fusion.samples import Unusable

WALL = TagPlace(np.array([4.0, 1.0, 0.6]), face_turn(np.pi), 0.3)


def away(fix, stand: Stand):
    error = fix.pose - stand.pose
    error[2] = wrap(error[2])
    return error


def random_stand(rng: np.random.Generator, nearest: float, farthest: float, widest: float) -> Stand:
    """A robot around the tag on the wall that has it in view, nearly level."""
    while True:
        d, a = rng.uniform(nearest, farthest), rng.uniform(-widest, widest)
        x, y = 4.0 - d * np.cos(a), 1.0 + d * np.sin(a)
        yaw = np.arctan2(1.0 - y, 4.0 - x) + rng.uniform(-0.25, 0.25)
        stand = Stand(np.array([x, y, yaw]), rng.normal(0.0, 0.02, 2), rng.normal(0.0, 0.03))
        corners = exact_corners(stand, WALL)
        if (corners > 8.0).all() and (corners < [632.0, 472.0]).all():
            return stand


@pytest.mark.parametrize(
    ("pose", "most_m", "most_rad"),
    [((2.0, 1.0, 0.0), 0.02, 0.02), ((2.3, 2.2, -0.62), 0.02, 0.012), ((1.0, -1.0, 0.55), 0.07, 0.03)],
)
def test_a_blurred_noisy_picture_of_a_tag_on_the_wall_tells_the_pose(pose, most_m: float, most_rad: float) -> None:
    stand, rng = standing(pose), np.random.default_rng(5)
    tags = TagFinder("36h11").find(picture(stand, {17: WALL}, rng, blur_px=0.8, noise=4.0))
    assert [tag.id for tag in tags] == [17]
    fix = planar_fix(tags[0].corners, WALL, EYE, MOUNT, TRUST)
    error = away(fix, stand)
    assert np.hypot(*error[:2]) < most_m
    assert abs(error[2]) < most_rad


@pytest.mark.parametrize("family", ["25h9", "aruco_5x5", "aruco_original"])
def test_every_family_is_found_by_its_number(family: str) -> None:
    image = picture(standing((2.0, 1.0, 0.0)), {3: WALL}, family=FAMILIES[family])
    assert [tag.id for tag in TagFinder(family).find(image)] == [3]
    assert TagFinder("36h11").find(image) == []


def test_a_lens_that_bends_lines_changes_nothing() -> None:
    stand = standing((2.6, 1.6, -0.1))
    tags = TagFinder("36h11").find(picture(stand, {17: WALL}, calibration=LENS))
    error = away(planar_fix(tags[0].corners, WALL, LENS, MOUNT, TRUST), stand)
    assert np.hypot(*error[:2]) < 0.02


def test_a_tag_under_the_ceiling_tells_the_pose() -> None:
    """A camera pitched up by 60 degrees sees a tag above it; its heading comes from the picture's turn."""
    c, s = 0.5, 0.75**0.5
    up = CameraMount(np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]]) @ BODY_FROM_OPTICAL, MOUNT.xyz_m)
    place = TagPlace(np.array([2.0, 0.0, 2.6]), face_turn(0.4, -0.5 * np.pi, 0.3), 0.3)
    stand = standing((0.6, 0.1, 0.05))
    corners = EYE.project(stand.optical(place.corners(), up))[0]
    assert (corners > 0.0).all()
    fix = planar_fix(corners, place, EYE, up, TRUST)
    assert np.abs(away(fix, stand)).max() < 1e-3


@pytest.mark.parametrize(("nearest", "farthest", "widest"), [(1.0, 3.0, 0.9), (3.0, 8.0, 0.9), (2.0, 6.0, 0.1)])
def test_the_covariance_says_how_wrong_the_pose_is(nearest: float, farthest: float, widest: float) -> None:
    """Normalised errors over random poses: near, far, and squarely in front, where the heading is ill determined."""
    rng, squares = np.random.default_rng(11), []
    for _ in range(40):
        stand = random_stand(rng, nearest, farthest, widest)
        corners = exact_corners(stand, WALL) + rng.normal(0.0, TRUST.pixel, (4, 2))
        try:
            fix = planar_fix(corners, WALL, EYE, MOUNT, TRUST)
        except Unusable:
            continue
        error = away(fix, stand)
        squares.append(error @ np.linalg.solve(fix.covariance, error))
    assert len(squares) > 32
    assert 1.6 < np.mean(squares) < 4.2  # three degrees of freedom
    assert np.mean(np.array(squares) > 11.34) < 0.08  # one in a hundred is expected


def test_the_covariance_holds_for_corners_found_in_pictures() -> None:
    rng, finder, squares = np.random.default_rng(3), TagFinder("36h11"), []
    for _ in range(8):
        stand = random_stand(rng, 1.2, 4.0, 0.8)
        tags = finder.find(picture(stand, {17: WALL}, rng, rng.uniform(0.3, 1.1), 3.0))
        if tags:
            fix = planar_fix(tags[0].corners, WALL, EYE, MOUNT, TRUST)
            error = away(fix, stand)
            squares.append(error @ np.linalg.solve(fix.covariance, error))
    assert len(squares) > 5
    assert 0.8 < np.mean(squares) < 5.5


def test_what_is_not_known_of_place_and_mount_widens_the_covariance() -> None:
    stand = standing((2.0, 1.0, 0.0))
    corners = exact_corners(stand, WALL)
    sure = planar_fix(corners, WALL, EYE, MOUNT, TRUST).covariance
    vague = TagPlace(WALL.xyz_m, WALL.turn, WALL.size_m, position_sigma_m=0.1, yaw_sigma_rad=0.05)
    wide = planar_fix(corners, vague, EYE, MOUNT, TRUST).covariance
    assert np.linalg.eigvalsh(wide - sure).min() > -1e-9
    assert wide[0, 0] - sure[0, 0] == pytest.approx(0.01, rel=0.05)
    assert wide[1, 1] - sure[1, 1] == pytest.approx(0.01 + (0.05 * 2.0) ** 2, rel=0.05)


def test_a_tag_of_another_size_or_hung_elsewhere_is_refused() -> None:
    corners = exact_corners(standing((2.0, 1.5, 0.0)), WALL)
    lying = TagPlace(WALL.xyz_m, face_turn(np.pi, 0.8), WALL.size_m)
    with pytest.raises(Unusable, match="do not fit"):
        planar_fix(corners, lying, EYE, MOUNT, TRUST)
    high = TagPlace(WALL.xyz_m + np.array([0.0, 0.0, 1.0]), WALL.turn, WALL.size_m)
    with pytest.raises(Unusable, match="do not fit"):
        planar_fix(corners, high, EYE, MOUNT, TRUST)


def test_a_tag_too_far_away_to_tell_the_heading_is_refused() -> None:
    small = TagPlace(WALL.xyz_m, WALL.turn, 0.03)
    with pytest.raises(Unusable, match="ambiguous"):
        planar_fix(exact_corners(standing((1.0, 3.0, -0.4)), small), small, EYE, MOUNT, TRUST)


@pytest.mark.parametrize("corners", [np.full((4, 2), np.nan), np.zeros((4, 2)), np.full((4, 2), 1e9), np.zeros((3, 2))])
def test_corners_that_are_none_are_refused(corners) -> None:
    with pytest.raises(Unusable):
        planar_fix(corners, WALL, EYE, MOUNT, TRUST)


def test_nothing_is_found_where_there_is_nothing() -> None:
    finder, rng = TagFinder("36h11"), np.random.default_rng(0)
    assert finder.find(np.zeros((480, 640), dtype=np.uint8)) == []
    assert finder.find(rng.integers(0, 256, (480, 640), dtype=np.uint8)) == []
    assert finder.find(np.zeros((1, 1), dtype=np.uint8)) == []


def test_a_number_seen_twice_is_left_out() -> None:
    other = TagPlace(np.array([4.0, 0.3, 0.6]), WALL.turn, 0.3)
    image = picture(standing((2.0, 0.7, 0.0)), {17: WALL}) // 2 + picture(standing((2.0, 0.7, 0.0)), {17: other}) // 2
    both = picture(standing((2.0, 0.7, 0.0)), {17: WALL, 18: other})
    assert [tag.id for tag in TagFinder("36h11").find(both)] == [17, 18]
    twins = np.hstack([both[:, 320:], both[:, 320:]])
    assert TagFinder("36h11").find(twins) == []
    assert TagFinder("36h11").find(image) == []


def test_a_tag_printed_upside_down_is_understood_on_a_wall() -> None:
    """As the AprilTag project's own pictures are, to OpenCV."""
    stand = standing((2.0, 1.3, -0.1))
    turned = TagPlace(WALL.xyz_m, face_turn(np.pi, 0.0, np.pi), WALL.size_m)
    reader = TagReader(TagTask("36h11", {5: WALL}, 0.0, TRUST))
    (seen,) = reader.read(picture(stand, {5: turned}), EYE, MOUNT)
    assert seen.fix is not None
    assert np.hypot(*away(seen.fix, stand)[:2]) < 0.02


def test_a_tag_that_no_site_knows_is_reported_beside_the_robot() -> None:
    stand = standing((2.0, 1.3, -0.1))
    reader = TagReader(TagTask("36h11", {}, WALL.size_m, TRUST))
    (seen,) = reader.read(picture(stand, {5: WALL}), EYE, MOUNT)
    assert not seen.placed and seen.fix is not None
    pose, covariance = beside_robot(seen.fix)
    there = compose(stand.pose, pose)  # the tag's foot in the map, looking along -x
    assert np.hypot(*(there[:2] - WALL.xyz_m[:2])) < 0.02
    assert abs(wrap(there[2] - np.pi)) < 0.05
    assert np.linalg.eigvalsh(covariance).min() > 0.0
