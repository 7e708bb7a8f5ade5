"""find_irises: on drawn eyes whose irises are where we put them, and on the portraits whose gaze is known."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.face_landmarks import FACE_POINTS, IRIS_CENTRES, LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS
from sample_videos.face_truth import read_face_truth
from stages.retargeting.measure_face import measure_face
from stages.retargeting.register_heads import register_heads
from stages.tracking.face import track_face
from stages.tracking.face_iris_fit import fit_discs
from stages.tracking.face_irises import IrisSight, find_irises
from stages.tracking.face_triangles import face_triangles

SAMPLES = Path(__file__).parents[3] / "sample_videos"
MIDDLES = np.array(((60.0, 50.0), (140.0, 50.0)))  # of the right and the left eye, pixels
HALF = 24.0  # pixels: half an eye
SKIN, WHITE, IRIS = (190, 140, 115), (225, 222, 220), (70, 50, 40)
FINER = 8  # drawn so many times larger and shrunk


def lids(opening: float) -> NDArray[np.float64]:
    """Of an eye around the origin: (16, 2), from its left corner along the lower lid to the right one and back."""
    turn = np.pi - np.arange(16) * np.pi / 8
    return np.stack((HALF * np.cos(turn), HALF * opening * np.sin(turn)), axis=1)


def face(opening: float, guess: tuple[float, float]) -> NDArray[np.float32]:
    """Landmarks (478, 3) with two eyes; `guess` is where the network takes the irises to be, from the eyes' middles."""
    points = np.zeros((FACE_POINTS, 3), np.float32)
    outline = lids(opening)
    points[list(RIGHT_EYE), :2] = MIDDLES[0] + outline
    points[list(LEFT_EYE), :2] = MIDDLES[1] + outline * (-1, 1)
    for eye, (centre, ring) in enumerate(zip(IRIS_CENTRES, (RIGHT_IRIS, LEFT_IRIS), strict=True)):
        points[[centre, *ring], :2] = MIDDLES[eye] + guess + 10 * np.array(((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)))
    return points


def picture(opening: float, iris: tuple[float, float], *, lamp: bool = False) -> NDArray[np.uint8]:
    """Both eyes with irises of usual size `iris` away from their middles; `lamp`: its reflection beside the pupil."""
    canvas = np.full((100 * FINER, 200 * FINER, 3), SKIN, np.uint8)
    for middle in MIDDLES:
        eye = canvas.copy()

        def place(points: NDArray[np.float64], middle: NDArray[np.float64] = middle) -> NDArray[np.int32]:
            return np.round((middle + points + 0.5) * FINER).astype(np.int32)

        eye[:] = WHITE
        cv2.circle(eye, place(np.array(iris)).tolist(), round(0.405 * HALF * FINER), IRIS, -1)
        if lamp:
            cv2.circle(eye, place(np.add(iris, (3, -3))).tolist(), 3 * FINER, (255, 255, 255), -1)
        opened = np.zeros(canvas.shape[:2], np.uint8)
        cv2.fillPoly(opened, [place(lids(opening))], (1,))
        canvas[opened > 0] = eye[opened > 0]
    return np.asarray(cv2.resize(canvas, (200, 100), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("iris", [(0.0, 0.0), (7.0, 0.0), (-6.0, 3.0), (2.0, -4.5)])
@pytest.mark.parametrize("lamp", [False, True])
def test_an_iris_is_found_to_a_fifth_of_a_pixel_where_lids_cover_its_top_and_bottom(iris: tuple[float, float], lamp):
    guessed = face(0.4, (iris[0] * 0.8, iris[1] * 0.5))
    found = find_irises(picture(0.4, iris, lamp=lamp), guessed)
    assert found.sights.tolist() == [IrisSight.MEASURED, IrisSight.MEASURED]
    within = 0.5 if lamp else 0.25
    np.testing.assert_allclose(found.points[list(IRIS_CENTRES), :2], MIDDLES + iris, atol=within)


def test_only_irises_move_and_keep_their_size_and_what_was_given_stays():
    guessed = face(0.4, (0, 0))
    before = guessed.copy()
    found = find_irises(picture(0.4, (5.0, 0.0)), guessed).points
    np.testing.assert_array_equal(guessed, before)
    np.testing.assert_array_equal(found[: IRIS_CENTRES[0]], before[: IRIS_CENTRES[0]])
    np.testing.assert_allclose(
        found[list(RIGHT_IRIS)] - found[IRIS_CENTRES[0]],
        guessed[list(RIGHT_IRIS)] - guessed[IRIS_CENTRES[0]],
        atol=1e-4,
    )
    np.testing.assert_array_equal(found[:, 2], before[:, 2])


def test_behind_lids_that_are_nearly_shut_the_networks_guess_stays():
    guessed = face(0.08, (3, 1))
    found = find_irises(picture(0.08, (0.0, 0.0)), guessed)
    assert found.sights.tolist() == [IrisSight.SHUT, IrisSight.SHUT]
    np.testing.assert_array_equal(found.points, guessed)


def test_where_nothing_dark_stands_out_the_networks_guess_stays():
    guessed = face(0.4, (3, 1))
    found = find_irises(np.full((100, 200, 3), SKIN, np.uint8), guessed)
    assert found.sights.tolist() == [IrisSight.UNCLEAR, IrisSight.UNCLEAR]
    np.testing.assert_array_equal(found.points, guessed)


def test_an_eye_that_is_seen_from_the_side_is_not_measured():
    guessed = face(0.4, (0, 0))
    guessed[list(RIGHT_EYE), 0] = 60  # all of it in one column
    assert find_irises(picture(0.4, (0.0, 0.0)), guessed).sights[0] == IrisSight.UNCLEAR


@pytest.mark.parametrize("name", ["red_portrait", "blue_portrait_as_red"])
def test_eyes_of_known_gaze_look_across_and_up_as_they_do(name: str, caplog: pytest.LogCaptureFixture):
    """By the network's irises and the eyes' corners alone, the correlation upwards was 0.80, and by 0.3 of the way."""
    truth = read_face_truth(SAMPLES / f"{name}.json")
    with caplog.at_level(logging.INFO):
        track = track_face(SAMPLES / f"{name}.mp4")
    placed = register_heads(SAMPLES / f"{name}.mp4", track, face_triangles(filled=True))
    _, performance = measure_face(track, face_triangles(filled=True), placed=placed)
    opened = truth.lids.min(axis=1) > 0.15
    seen, true = performance.gaze.reshape(-1, 2, 2).mean(axis=1)[opened], truth.gaze[opened]
    assert np.corrcoef(seen[:, 0], true[:, 0])[0, 1] > 0.99
    assert np.corrcoef(seen[:, 1], true[:, 1])[0, 1] > 0.94
    assert np.polyfit(true[:, 1], seen[:, 1], 1)[0] > 0.6
    assert "iris guessed in" in caplog.text and "nothing dark stands out between the lids" in caplog.text


def test_discs_that_are_fitted_side_by_side_know_nothing_of_each_other() -> None:
    rows, columns = np.mgrid[:40, :56].astype(float)
    pictures = [
        (
            0.8 - 0.6 / (1 + np.exp((np.hypot(columns - x, rows - 20) - 9) / 0.7)),
            (np.abs(rows - 20) < reach).astype(float),
        )
        for x, reach in ((25.3, 12.0), (31.0, 8.0))
    ]
    guesses, doubt = np.array(((28.0, 20.0, 9.0), (28.0, 19.0, 8.0))), np.array((4.0, 4.0, 1.0))
    together = fit_discs(pictures, guesses, doubt)
    for number, (disc, x) in enumerate(zip(together, (25.3, 31.0), strict=True)):
        (alone,) = fit_discs(pictures[number : number + 1], guesses[number : number + 1], doubt)
        np.testing.assert_allclose(disc.place, alone.place, atol=1e-9)
        assert disc.contrast == pytest.approx(alone.contrast)
        np.testing.assert_allclose(disc.place, (x, 20, 9), atol=0.1)
