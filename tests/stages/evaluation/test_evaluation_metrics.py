"""Metrics by hand: PSNR of known offsets, SSIM of equals, the motion that explains a picture, poses in body heights."""

import math
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from kornia.metrics import psnr as kornia_psnr
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import Status, Track
from stages.evaluation.flicker import WarpError, warp_error
from stages.evaluation.metrics import SquaredError, decibels, psnr, squared_error, ssim
from stages.evaluation.pose_error import body_height, pose_error
from stages.optical_flow import Flow

EXACT = 1e-4  # dB, and of an SSIM: float32 against arithmetic by hand
MOTION = 0.05  # pixels that a flow may be wrong


def textured(height: int = 120, width: int = 160, seed: int = 0) -> NDArray[np.uint8]:
    """A picture with something to follow everywhere, far from black and white."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return ((smooth - smooth.mean()) / smooth.std() * 35 + 128).clip(20, 235).astype(np.uint8)


def test_psnr_of_a_constant_offset_is_twenty_log_ten_of_its_inverse():
    picture = textured()
    assert psnr(picture, picture + np.uint8(16)) == pytest.approx(20 * math.log10(255 / 16), abs=EXACT)
    assert psnr(picture / 255, picture / 255 + 0.1) == pytest.approx(20, abs=EXACT)


def test_psnr_of_equal_pictures_is_a_hundred_not_infinite():
    assert psnr(textured(), textured()) == 100
    assert decibels(1e-12) == 100 and decibels(1e-9) == pytest.approx(90)


def test_psnr_takes_bytes_floats_arrays_and_tensors_alike_and_agrees_with_kornia():
    one, other = textured(seed=1), textured(seed=2)
    tensors = [torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in (one, other)]
    expected = float(kornia_psnr(tensors[0] / 255, tensors[1] / 255, 1.0))
    assert psnr(one, other) == pytest.approx(expected, abs=EXACT)
    assert psnr(*tensors) == pytest.approx(expected, abs=EXACT)
    assert psnr(one / 255, tensors[1].float() / 255) == pytest.approx(expected, abs=EXACT)


def test_psnr_of_a_batch_is_that_of_its_mean_squared_error():
    batch = torch.zeros(2, 3, 16, 16)
    other = batch.clone()
    other[1] = 0.2  # squared errors 0 and 0.04
    assert psnr(batch, other) == pytest.approx(-10 * math.log10(0.02), abs=EXACT)


def test_ssim_is_one_for_equals_and_less_for_less():
    picture = textured()
    blurred, more = cv2.GaussianBlur(picture, (0, 0), 2), cv2.GaussianBlur(picture, (0, 0), 4)
    assert ssim(picture, picture) == pytest.approx(1, abs=EXACT)
    assert ssim(picture, more) < ssim(picture, blurred) < 0.99


def test_ssim_of_two_flat_pictures_is_what_the_formula_says():
    a, b, c1 = 0.4, 0.6, 0.01**2  # without variance only the luminance term is left
    one, other = torch.full((1, 3, 32, 32), a), torch.full((1, 3, 32, 32), b)
    assert ssim(one, other) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=EXACT)


def test_pictures_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="pictures are 1 of 160x120 and 1 of 100x120, expected the same"):
        psnr(textured(), textured(width=100))
    with pytest.raises(ValueError, match=r"the shape \(120, 160\), expected three colours: arrays"):
        psnr(textured()[..., 0], textured()[..., 0])
    with pytest.raises(ValueError, match="pictures are 4x40, expected at least 6 pixels each way"):
        ssim(textured(40, 4), textured(40, 4))


def test_a_masked_error_looks_only_where_the_mask_is():
    picture = np.full((10, 10, 3), 100, np.uint8)
    wrong = picture.copy()
    wrong[:5] += 51  # a fifth of the range
    mask = np.zeros((10, 10), np.float32)
    mask[4:6] = 1.0
    assert squared_error(picture, wrong).psnr == pytest.approx(-10 * math.log10(0.04 / 2), abs=EXACT)
    assert squared_error(picture, wrong, mask).psnr == pytest.approx(-10 * math.log10(0.04 / 2), abs=EXACT)
    assert squared_error(picture, wrong, np.eye(10)[:3].sum(0) * mask).pixels == pytest.approx(6)
    assert SquaredError().psnr is None
    assert (SquaredError(1.0, 50) + SquaredError(0.0, 50)).psnr == pytest.approx(20)


def test_the_flow_points_from_the_picture_back_to_the_one_before():
    before = textured()
    now = np.roll(before, 3, axis=1)  # everything moved three pixels to the right
    flow = Flow()(now, before)[20:-20, 20:-20]
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), (-3, 0), atol=MOTION)


def test_a_film_equal_to_the_truth_is_as_steady_as_the_truth():
    before, now = textured(), np.roll(textured(), 3, axis=1)
    assert warp_error(Flow(), (now, before), (now, before)).ratio == 1
    assert warp_error(Flow(), (before, before), (before, before)).ratio == 1  # nothing moves: 0 by 0 is as steady


def test_motion_is_no_flicker_but_a_change_of_brightness_is():
    before, now = textured(), np.roll(textured(), 3, axis=1)
    plain = warp_error(Flow(), (now, before), (now, before))
    flickered = warp_error(Flow(), (now, before), (now + np.uint8(10), before))
    assert plain.pixels > 0.9 * now.shape[0] * (now.shape[1] - 6)
    assert plain.truth / plain.pixels < 2 / 255
    assert flickered.film / flickered.pixels == pytest.approx(10 / 255, rel=0.02)
    assert flickered.ratio is not None and flickered.ratio > 5


def test_what_the_truth_does_not_explain_is_not_held_against_the_film():
    before, other = textured(seed=1), textured(seed=2)  # a cut
    cut = warp_error(Flow(), (other, before), (other, before))
    assert cut.pixels < 0.5 * other.shape[0] * other.shape[1]
    assert WarpError().ratio is None


def person(frames: int = 4, *, size: tuple[int, int] = (360, 640)) -> Track:
    points = np.zeros((frames, 33, 2), np.float32)
    points[:, :, 0] = 180
    points[:, :, 1] = 300
    points[:, 0, 1], points[:, 27:29, 1] = 100, 500  # 400 pixels from nose to ankles
    points[:, 11:13, 1], points[:, 23:25, 1] = 150, 270
    return Track(
        *size,
        times=tuple(Fraction(i, 25) for i in range(frames)),
        points=points,
        confidence=np.ones((frames, 33), np.float32),
        world=np.zeros((frames, 33, 3), np.float32),
        status=np.zeros(frames, np.uint8),
        shot=np.zeros(frames, np.int32),
    )


def test_the_pose_error_is_the_mean_distance_in_body_heights():
    truth, film = person(), person()
    film.points[:, 15] += (12, 16)  # one joint of thirteen, 20 pixels of 400 away
    assert pose_error(truth, truth).error_pct == 0
    assert pose_error(film, truth).error_pct == pytest.approx(100 * 20 / 400 / 13)


def test_only_joints_seen_in_both_films_count():
    truth, film = person(), person()
    film.points[:, 15] += 100
    film.confidence[:, 15] = 0.3
    truth.confidence[:2, 13] = 0.0
    result = pose_error(film, truth)
    assert (result.error_pct, result.joints) == (0, 4 * 13 - 4 - 2)


def test_a_film_of_another_size_is_judged_in_the_truths_pixels():
    truth, film = person(), person(size=(180, 320))
    film.points[:] *= 0.5
    assert pose_error(film, truth).error_pct == pytest.approx(0, abs=1e-6)


def test_missed_detections_are_frames_with_a_person_in_the_truth_and_none_found_in_the_film():
    truth, film = person(), person()
    film.status[:] = (Status.TRACKED, Status.INTERPOLATED, Status.MISSING, Status.MISSING)
    truth.status[3] = Status.MISSING
    assert pose_error(film, truth).missed == 2
    nobody = pose_error(None, truth)
    assert (nobody.error_pct, nobody.missed) == (None, 3)


def test_the_body_height_is_estimated_where_feet_are_unseen():
    track = person()
    assert body_height(track) == 400
    track.confidence[:, 27:29] = 0
    assert body_height(track) == 3 * 120
    track.confidence[:] = 0
    assert body_height(track) is None


def test_tracks_of_different_lengths_are_refused():
    with pytest.raises(
        TrackError, match="the film's track: 3 frames, the truth's has 4; expected tracks of equal length"
    ):
        pose_error(person(3), person(4))
