"""The pictures of a face agree with one another, follow it by fractions of a pixel, and show what it does."""

import numpy as np
import pytest
from drawn_faces import DISTANCE, HEIGHT, WIDTH, egg, face_model, still_face
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.errors import ModelError
from pipeline.face_landmarks import INNER_LIPS, LEFT_EYE, NOSE_TIP, RIGHT_EYE
from pipeline.image import resize
from pipeline.values import Box, FacePerformance, Status
from stages.conditioning.face_images import FaceImagesFormat, draw_face_images
from stages.conditioning.head_shell import REACH, HeadShell
from stages.retargeting.face_model import FaceModel
from stages.retargeting.gaze import CORNERS_DEPTH

STYLE = FaceImagesFormat()
WHOLE = Box(0, 0, WIDTH, HEIGHT)
DIFFUSE, PLACE, FEATURES, SHELL = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)
RED, GREEN, BLUE = 6, 7, 8
FAR = 45.0  # cm
PIXEL = DISTANCE / (HEIGHT / 2 / np.tan(np.radians(31.5)))  # cm at the head's distance


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return face_model(egg())


def draw(
    model: FaceModel, face: FacePerformance, window: Box = WHOLE, width: int = WIDTH, height: int = HEIGHT
) -> NDArray[np.uint8]:
    return draw_face_images(face, 0, model, window, width, height, STYLE)


def middle_of(picture: NDArray[np.integer]) -> tuple[float, float]:
    """Where what is drawn has its centre of mass, (x, y)."""
    rows, columns = np.indices(picture.shape)
    return float((columns * picture).sum() / picture.sum()), float((rows * picture).sum() / picture.sum())


def iris(images: NDArray[np.uint8]) -> NDArray[np.integer]:
    """How blue pixels are, beyond white."""
    return images[..., BLUE].astype(int) - np.minimum(images[..., RED], images[..., GREEN])


def only_face(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images[..., :6]


def shut(model: FaceModel, ring: tuple[int, ...], share: float = 1.0) -> NDArray[np.float32]:
    """The expression that lets the upper side of a ring down upon the lower one, by a share."""
    change = np.zeros_like(model.neutral)
    half = len(ring) // 2
    lower, upper = list(ring[1:half]), list(ring[:half:-1])
    change[upper] = share * (model.neutral[lower] - model.neutral[upper])
    return change


def moved(columns: float, rows: float = 0.0) -> NDArray[np.float32]:
    return np.array([columns * PIXEL, -rows * PIXEL, -DISTANCE], np.float32)


def test_a_missing_face_is_a_black_picture_and_a_held_one_is_drawn(model: FaceModel) -> None:
    assert not draw(model, still_face(status=np.uint8(Status.MISSING))).any()
    assert np.array_equal(draw(model, still_face(status=np.uint8(Status.HELD))), draw(model, still_face()))


def test_lit_from_the_camera_the_face_is_brightest_where_it_looks_at_it(model: FaceModel) -> None:
    grey = draw(model, still_face())[..., 0]
    # There the nine terms give 0.3 + 0.7·(1/4 + 1/2 + 5/16) = 1.04375 of the light, and the skin reflects 0.7 of it.
    assert grey.max() == pytest.approx(255 * 0.7 * 1.04375, abs=2)
    assert 0 < grey[100, 75] < 0.85 * grey.max()


def test_light_from_one_side_stays_where_it_is_when_the_head_turns(model: FaceModel) -> None:
    from_the_right = np.zeros((9, 3), np.float32)
    from_the_right[0], from_the_right[3] = 1.5, 1.0
    lit = face_model(model.neutral)
    object.__setattr__(lit, "light", from_the_right)
    for turn in (-0.4, 0.0, 0.4):
        grey = draw(lit, still_face(rotation=np.array([0, turn, 0], np.float32)))[..., 0]
        columns = np.flatnonzero(grey[100])
        assert grey[100, columns[-6]] > 1.5 * grey[100, columns[5]]


def test_a_point_of_the_face_has_one_colour_wherever_it_goes(model: FaceModel) -> None:
    lowest, highest = model.neutral.min(axis=0), model.neutral.max(axis=0)
    code = 255 * (model.neutral[NOSE_TIP] - lowest) / (highest - lowest)
    for turn in ((0, 0, 0), (0.2, 0.5, -0.3), (-0.3, -0.4, 0.2)):
        face = still_face(rotation=np.array(turn, np.float32))
        x, y, z = Rotation.from_rotvec(turn).apply(model.neutral[NOSE_TIP]) + face.translation[0]
        focal = HEIGHT / 2 / np.tan(np.radians(31.5))
        column, row = focal * x / -z + WIDTH / 2 - 0.5, -focal * y / -z + HEIGHT / 2 - 0.5
        picture = draw(model, face)[..., PLACE]
        assert picture[round(row), round(column)] == pytest.approx(code, abs=3)  # half a pixel away at most


def test_codes_grow_to_the_right_and_upwards_and_reach_from_end_to_end(model: FaceModel) -> None:
    picture = draw(model, still_face())[..., PLACE].astype(int)
    assert (np.diff(picture[100, 80:160, 0]) >= 0).all()
    assert (np.diff(picture[60:140, 120, 1]) <= 0).all()
    assert picture[..., :2].max(axis=(0, 1)).min() > 240


def test_a_quarter_of_a_pixel_changes_the_picture_by_little_more_than_a_quarter(model: FaceModel) -> None:
    """Root mean squares over the rim, against those of a whole pixel.

    If pixels held exactly the share of them that is covered, an edge that moves by a whole pixel would on average
    change two of them by x and 1 - x, 2/3 in squares; one that moves by a quarter changes one by 1/4 three times of
    four, else two by x and 1/4 - x: (3/4 + 1/4·2/3)/16 in squares. That is sqrt(11/128) = 0.293 of the former. Without
    fractions, every fourth pixel would change in full: 0.5.
    """
    for columns, rows in ((1.0, 0.0), (0.6, 0.8)):
        changes = []
        for start in (0.1, 0.45):
            first, near, far = (
                draw(model, still_face(translation=moved(columns * at, rows * at)))[..., PLACE].astype(float)
                for at in (start, start + 0.25, start + 1)
            )
            changes.append((((near - first) ** 2).mean(), ((far - first) ** 2).mean()))
        near_change, far_change = np.mean(changes, axis=0)
        assert np.sqrt(near_change / far_change) == pytest.approx(0.293, abs=0.05)


def test_an_eighth_of_a_pixel_moves_the_irises_and_the_rim(model: FaceModel) -> None:
    still, near = draw(model, still_face()), draw(model, still_face(translation=moved(0.125)))
    assert middle_of(near[..., BLUE])[0] - middle_of(still[..., BLUE])[0] == pytest.approx(0.125, abs=0.06)
    assert middle_of(near[..., 0])[0] - middle_of(still[..., 0])[0] == pytest.approx(0.125, abs=0.03)


def test_the_window_moves_and_scales_the_face(model: FaceModel) -> None:
    whole = draw(model, still_face())
    assert np.array_equal(
        draw(model, still_face(), Box(20, 10, 200, 190), 180, 180)[..., :6], whole[10:190, 20:200, :6]
    )
    # The centre of pixel 119.5 lies at 120 of the frame, 100 of the window, 200 of twice its size: pixel 199.5.
    large = draw(model, still_face(), Box(20, 10, 200, 190), 360, 360)
    column, row = middle_of(whole[..., 0].astype(np.int64))
    expected = (2 * (column + 0.5 - 20) - 0.5, 2 * (row + 0.5 - 10) - 0.5)
    assert middle_of(large[..., 0].astype(np.int64)) == pytest.approx(expected, abs=0.1)


def test_the_face_looks_the_same_at_twice_the_resolution(model: FaceModel) -> None:
    small, large = draw(model, still_face()), draw(model, still_face(), WHOLE, 2 * WIDTH, 2 * HEIGHT)
    for picture in (DIFFUSE, PLACE, FEATURES):
        difference = np.abs(resize(large[..., picture], WIDTH, HEIGHT).astype(int) - small[..., picture])
        assert difference.mean() < 0.5  # of 255: fewer samples of the rim, rounding of the line's width


def test_eyes_are_white_with_blue_irises_that_go_where_the_gaze_goes(model: FaceModel) -> None:
    ahead = iris(draw(model, still_face()))
    # The mouth's half width is no measure here: half an eye is 1.4 cm, seen from DISTANCE less where eyes lie.
    aside = iris(draw(model, still_face(gaze=np.array([0.3, 0, 0.3, 0], np.float32))))
    depth = DISTANCE - CORNERS_DEPTH
    step = 0.3 * 1.4 / depth * DISTANCE / PIXEL
    assert ahead.max() == 255
    right_eye = np.s_[:, : WIDTH // 2]
    assert middle_of(aside[right_eye])[0] - middle_of(ahead[right_eye])[0] == pytest.approx(step, rel=0.15)
    above = iris(draw(model, still_face(gaze=np.array([0, 0.2, 0, 0.2], np.float32))))
    assert middle_of(above)[1] < middle_of(ahead)[1] - 0.3


def test_irises_end_at_the_lids(model: FaceModel) -> None:
    images = draw(model, still_face(gaze=np.array([0, 0.9, 0, 0.9], np.float32)))
    assert ((iris(images) > 0) <= (images[..., BLUE] > 0)).all()
    ahead = draw(model, still_face())
    assert np.array_equal(images[..., BLUE], ahead[..., BLUE])  # white or blue, the opening is the same


def test_an_eye_that_shuts_fades_and_one_that_is_shut_is_not_drawn(model: FaceModel) -> None:
    right = np.s_[:, : WIDTH // 2, BLUE]
    opened = draw(model, still_face())
    half = draw(model, still_face(lids=np.array([0.4 * 0.3, 0.3], np.float32)))
    assert half[right].sum() == pytest.approx(opened[right].sum() / 2, rel=0.02)
    closed = draw(model, still_face(lids=np.array([0.05, 0.3], np.float32), expression=shut(model, RIGHT_EYE, 0.8)))
    assert not closed[right].any()
    assert np.array_equal(closed[:, WIDTH // 2 :, BLUE], opened[:, WIDTH // 2 :, BLUE])


@pytest.mark.parametrize("ring", [RIGHT_EYE, LEFT_EYE], ids=["right", "left"])
def test_lids_that_meet_leave_no_white_whatever_the_number_says(model: FaceModel, ring: tuple[int, ...]) -> None:
    side = np.s_[:, : WIDTH // 2] if ring is RIGHT_EYE else np.s_[:, WIDTH // 2 :]
    closed = draw(model, still_face(expression=shut(model, ring)))
    assert closed[..., BLUE][side].max() < 40  # rounding of single precision


def test_an_open_mouth_is_red_and_a_shut_one_is_not_drawn(model: FaceModel) -> None:
    mouth = np.s_[110:150, 90:150]
    opened = draw(model, still_face())[mouth]
    assert opened[..., RED].max() == 255
    assert opened[opened[..., RED] == 255][:, [GREEN, BLUE]].max() == 0
    half = draw(model, still_face(expression=shut(model, INNER_LIPS, 0.5)))[mouth]
    assert half[..., RED].sum() == pytest.approx(opened[..., RED].sum() / 2, rel=0.1)
    assert draw(model, still_face(expression=shut(model, INNER_LIPS)))[mouth][..., RED].max() < 40


def test_an_eye_behind_the_nose_or_the_rim_is_hidden(model: FaceModel) -> None:
    turned = draw(model, still_face(rotation=np.array([0, 1.4, 0], np.float32)))  # to the picture's right
    eyes = turned[..., BLUE] > 0
    assert eyes.any()
    columns = np.flatnonzero((turned[..., PLACE].any(axis=2) & eyes).any(axis=0))
    assert columns.max() - columns.min() < 20  # one eye, not two


def test_the_shoulders_line_runs_through_both_and_down_to_the_rim(model: FaceModel) -> None:
    green = draw(model, still_face())[..., GREEN].astype(int)
    assert green[170, 60] == green[176, 180] == 255
    assert green[173, 120] == 255
    assert green[HEIGHT - 1, 60] == green[HEIGHT - 1, 180] == 255
    assert green[HEIGHT - 1, 120] == 0
    assert green[180:, 60].min() == 255


def test_the_less_sure_shoulder_dims_the_line(model: FaceModel) -> None:
    shoulders = np.array([[60, 170, 1], [180, 176, 0.5]], np.float32)
    assert draw(model, still_face(shoulders=shoulders))[173, 120, GREEN] == pytest.approx(128, abs=2)
    shoulders[1, 2] = 0
    assert not draw(model, still_face(shoulders=shoulders))[160:, :, GREEN].any()


def test_shoulders_below_the_window_leave_no_line(model: FaceModel) -> None:
    assert not draw(model, still_face(), Box(0, 0, WIDTH, 160), WIDTH, 160)[152:, :, GREEN].any()


def test_what_is_drawn_is_left_as_it_was(model: FaceModel) -> None:
    face, neutral = still_face(), model.neutral.copy()
    before = face.shoulders.copy()
    assert np.array_equal(draw(model, face), draw(model, face))
    assert np.array_equal(face.shoulders, before)
    assert np.array_equal(model.neutral, neutral)


def far_face(turn: tuple[float, float, float] = (0, 0, 0)) -> FacePerformance:
    """The face so far away that all of its head is in the picture."""
    return still_face(rotation=np.array(turn, np.float32), translation=np.array([0, 0, -FAR], np.float32))


def on_shell(model: FaceModel, radii: tuple[float, float, float], turn: tuple[float, float, float]) -> tuple[int, int]:
    """The pixel (row, column) that shows a point of the shell, given in radii from its middle."""
    shell = HeadShell.around(model.neutral)
    x, y, z = Rotation.from_rotvec(turn).apply(shell.centre + np.array(radii) * shell.radii) - [0, 0, FAR]
    focal = HEIGHT / 2 / np.tan(np.radians(31.5))
    return round(-focal * y / -z + HEIGHT / 2 - 0.5), round(focal * x / -z + WIDTH / 2 - 0.5)


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.2, 0.5, -0.3), (-0.1, -0.4, 0.2)])
@pytest.mark.parametrize("point", [(0.0, 0.8, 0.6), (0.48, 0.6, 0.64), (-0.36, 0.48, 0.8)])
def test_a_curl_has_one_place_on_the_shell_wherever_the_head_turns(
    model: FaceModel, point: tuple[float, float, float], turn: tuple[float, float, float]
) -> None:
    drawn = draw(model, far_face(turn))[..., SHELL]
    code = 127.5 * (1 + np.array(point) / REACH)
    assert drawn[on_shell(model, point, turn)] == pytest.approx(code, abs=6)  # half a pixel away at most


def test_the_shell_holds_face_and_hair_and_ends_beside_them(model: FaceModel) -> None:
    drawn = draw(model, far_face())
    head, face = drawn[..., SHELL].any(axis=2), drawn[..., PLACE].any(axis=2)
    assert head[face].mean() > 0.98
    top, bottom = np.flatnonzero(face.any(axis=1))[[0, -1]]
    assert np.flatnonzero(head.any(axis=1))[0] < top - 0.2 * (bottom - top)
    assert not head[:, [20, -20]].any()


def test_what_stands_off_the_shell_has_the_nearest_place_and_a_radius_beyond_it(model: FaceModel) -> None:
    row = on_shell(model, (0, 0, 0), (0, 0, 0))[0]
    across = draw(model, far_face())[row, :, SHELL].astype(float)
    radius = np.linalg.norm(across / 127.5 - 1, axis=1)[across.any(axis=1)] * REACH
    assert radius.min() == pytest.approx(1, abs=0.02)
    assert 1.05 < radius[0] <= REACH + 0.01 and 1.05 < radius[-1] <= REACH + 0.01
    assert (np.diff(across[across.any(axis=1), 0]) >= 0).all()


def test_a_shell_out_of_the_window_or_behind_the_camera_is_not_drawn(model: FaceModel) -> None:
    assert not draw(model, still_face(translation=moved(1000)))[..., SHELL].any()
    assert not draw(model, still_face(translation=np.array([0, 0, DISTANCE], np.float32)))[..., SHELL].any()


def test_a_face_out_of_the_window_is_a_black_picture(model: FaceModel) -> None:
    assert not only_face(draw(model, still_face(translation=moved(1000)))).any()


def test_another_format_of_the_pictures_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        FaceImagesFormat(version=3)
    assert str(caught.value) == "conditioning: face images format 3; expected format 2. Train the model again."


def test_eyes_cannot_appear_before_they_vanish() -> None:
    with pytest.raises(ValueError, match=r"FaceImagesFormat\.shut is 0\.6 and open 0\.5, expected 0 <= shut < open"):
        FaceImagesFormat(shut=0.6)
