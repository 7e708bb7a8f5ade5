"""Regions of a picture by hand: the person's outline, squares on face and hands, and what is scored in them."""

import math
from fractions import Fraction

import numpy as np
import pytest

from pipeline.values import Box, Pose, Status
from stages.evaluation.metrics import ssim, ssim_of_pixels
from stages.evaluation.region_meter import Pair, RegionMeter
from stages.evaluation.regions import Patch, face_patch, hand_patches, person_patch, regions_of, whole_picture

SIZE = (200, 300)


def pose(*, status: Status = Status.TRACKED, unseen: tuple[int, ...] = ()) -> Pose:
    points, confidence = np.full((33, 2), 100, np.float32), np.ones(33, np.float32)
    points[[0, 2, 5, 7, 8, 9, 10]] = (100, 60), (106, 50), (94, 50), (112, 54), (88, 54), (104, 70), (96, 70)
    points[[15, 17, 19]] = (150, 200), (158, 210), (162, 210)  # ten pixels across and down to the knuckles
    points[[16, 18, 20]] = (50, 200), (40, 200), (40, 200)
    confidence[list(unseen)] = 0.4
    world = np.zeros((33, 3), np.float32)
    return Pose(points, confidence, world, status, Fraction(0), 0)


def test_the_persons_outline_is_wider_than_the_mask_by_a_hundredth_of_the_height():
    mask = np.zeros((300, 200), np.float32)
    mask[100:200, 50:60] = 1
    patch = person_patch(mask)
    assert patch is not None and patch.box == Box(47, 97, 63, 203)  # 3 pixels of 300
    assert patch.mask is not None and patch.mask.shape == (106, 16)
    assert patch.mask[50, 0] == 1 and patch.mask[0, 0] == 0  # round corners
    assert person_patch(np.zeros((300, 200), np.float32)) is None


def test_the_face_is_a_square_as_wide_as_twice_the_ears_lie_apart_or_four_times_eyes_and_mouth():
    # Around the mean of the seven joints, (100, 58.3); eyes lie 20 above the mouth, ears 24 apart: half is 40.
    patch = face_patch(pose(), *SIZE)
    assert patch is not None and (patch.box, patch.mask) == (Box(60, 18, 141, 100), None)
    assert face_patch(pose(unseen=(7,)), *SIZE) is None
    assert face_patch(pose(status=Status.MISSING), *SIZE) is None


def test_hands_are_squares_around_the_knuckles_cut_to_the_frame():
    left, right = hand_patches(pose(), *SIZE)
    reach = 1.2 * math.hypot(10, 10)
    assert left.box == Box(math.floor(160 - reach), math.floor(210 - reach), math.ceil(160 + reach) + 1, 228)
    assert right.box == Box(28, 188, 53, 213)
    assert [patch.box for patch in hand_patches(pose(unseen=(18,)), *SIZE)] == [left.box]
    assert [patch.box for patch in hand_patches(pose(), 45, 300)] == [Box(28, 188, 45, 213)]


def test_a_frame_without_anybody_has_no_regions():
    nobody = regions_of(pose(status=Status.MISSING), np.zeros((300, 200), np.float32))
    assert (nobody.person, nobody.face, nobody.hands) == ((), (), ())


def test_a_region_is_scored_by_its_own_pixels_and_a_frame_without_it_counts_for_nothing():
    truth = np.full((40, 40, 3), 100, np.uint8)
    film = truth.copy()
    film[:, 20:] += 51  # a fifth of the range, on the right half
    alike = np.ones((40, 40), np.float32)
    alike[:, 20:] = 0.5
    meter = RegionMeter(None)
    left, right = Patch(Box(0, 0, 20, 40)), Patch(Box(20, 0, 40, 40), np.ones((40, 20), np.float32))
    for patches in ((left,), (left, right), ()):
        meter.add(Pair(film, truth, alike), patches)
    psnr, similarity = (column.values for column in meter.columns("hands_"))
    np.testing.assert_allclose(psnr, [100, -10 * math.log10(0.04 / 2), math.nan], rtol=1e-5)
    np.testing.assert_allclose(similarity, [1, 0.75, math.nan])
    assert meter.psnr_db == pytest.approx(-10 * math.log10(0.04 / 3), abs=1e-4)  # three parts of one size, one wrong
    assert (meter.ssim, meter.lpips_mean) == (0.875, None)
    assert [column.name for column in meter.columns("hands_")] == ["hands_psnr_db", "hands_ssim"]


def test_the_similarity_of_pixels_has_the_pictures_similarity_as_its_mean():
    one, other = (np.random.default_rng(seed).integers(0, 255, (30, 50, 3), np.uint8) for seed in (1, 2))
    each = ssim_of_pixels(one, other)
    assert each.shape == (30, 50) and float(each.mean()) == pytest.approx(ssim(one, other), abs=1e-6)
    assert whole_picture(50, 30).box == Box(0, 0, 50, 30)
