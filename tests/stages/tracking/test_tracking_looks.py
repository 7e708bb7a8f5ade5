"""Joints pulled to where the body looks as it usually does: the album, the patches, and what congealing changes."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from pipeline.errors import StorageError
from pipeline.values import JOINTS
from stages.tracking import congeal as congealing
from stages.tracking.album import Album
from stages.tracking.congeal import congeal
from stages.tracking.mask import body_region
from stages.tracking.patches import ACROSS, ALONG, PATCHES, Patch, directions, lines, look, moves, points
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.region import Region
from stages.tracking.repair import RawTrack, RepairConfig, repair

BODY = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
LEEWAY = 0.028  # torso lengths: 3 pixels of Red's 106
SHAKEN = 3.0  # pixels, standard deviation of each coordinate
CODING = 4.0  # of 255: mean error of the album's pictures
UPPER_ARM = Patch(11, 13, 0.2)


def pixels_off(points, joints):
    """How unevenly joints lie off the truth: the standard deviation, not the mean, which tells where a knee is said to
    be, and not whether it is the same place in every frame."""
    off = (points - joints)[:, BODY]
    return float(np.sqrt(((off - off.mean(axis=0)) ** 2).sum(axis=2).mean()))


@pytest.fixture
def album():
    with Album() as album:
        yield album


@pytest.fixture
def shaken(red):
    """Red's true joints, each off by about 3 pixels in every frame: (48, 33, 5), with the confidence."""
    paths = np.zeros((len(red.images), JOINTS, 5))
    paths[..., :2] = red.joints + np.random.default_rng(0).normal(0, SHAKEN, red.joints.shape)
    return paths, np.ones(paths.shape[:2])


def photographed(red, album):
    regions = [body_region(joints.astype(np.float32)) for joints in red.joints]
    return [album.keep(region.cut(image), region) for region, image in zip(regions, red.images, strict=True)]


def test_an_album_shows_what_was_kept_in_it_whoever_kept_it(album, red):
    region = Region(180.0, 320.0, 512.0, 0.0)
    crops = [region.cut(image) for image in red.images[:12]]
    with ThreadPoolExecutor(3) as pool:
        snapshots = list(pool.map(album.keep, crops, [region] * len(crops)))
    shown = album.show(snapshots)
    assert np.abs(shown.astype(int) - crops).mean(axis=(1, 2, 3)).max() < CODING
    assert len({snapshot.offset for snapshot in snapshots}) == len(crops)


def test_a_full_disk_is_said_with_what_to_do(album, monkeypatch):
    class Full:
        def seek(self, offset):
            pass

        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    album._file.close()
    monkeypatch.setattr(album, "_file", Full())
    with pytest.raises(StorageError, match=r"pictures cannot be kept \(No space left on device\).*TMPDIR"):
        album.keep(np.zeros((256, 256, 3), np.uint8), Region(0, 0, 256, 0))


def test_a_patch_reaches_over_both_joints_and_is_as_wide_as_the_body_is_large():
    """From (50, 100) straight down to (50, 200); right of the way down is the picture's left."""
    joints = np.zeros((1, JOINTS, 2))
    joints[0, 11], joints[0, 13] = (50, 100), (50, 200)
    columns, rows = points(joints, np.array([60.0]), (UPPER_ARM,)).reshape(2, ALONG, ACROSS)
    assert (columns[0, 0], rows[0, 0]) == (62, 85)
    assert (columns[-1, -1], rows[-1, -1]) == (38, 215)
    np.testing.assert_array_equal(columns[:, ACROSS // 2], 50)


@pytest.mark.parametrize("coordinate", range(4), ids=("shoulder x", "shoulder y", "elbow x", "elbow y"))
def test_slopes_foretell_what_a_patch_shows_when_its_joints_move(coordinate):
    """On a picture of soft waves, three pixels' way: five sixths of the change; colours are rounded to 1 in 255."""
    y, x = np.mgrid[:256, :256]
    waves = np.stack([np.sin(x / 9) + np.cos(y / 11), np.cos(x / 12 + y / 10), np.sin(y / 8)], axis=-1)
    crop = (128 + 60 * waves).astype(np.uint8)[None]
    way = 3.0 * (np.arange(4) == coordinate)
    joints, torso, patch = np.full((3, JOINTS, 2), 128.0), np.full(3, 60.0), PATCHES[0]
    joints[:, 11], joints[:, 13] = (90, 100), (130, 150)
    joints[:, 11] += np.outer((0, 0.5, 1), way[:2])
    joints[:, 13] += np.outer((0, 0.5, 1), way[2:])
    before, _, after = look(np.repeat(crop, 3, axis=0), joints, torso)[0].astype(float)
    half_way = directions(lines(joints, torso, (patch,)))[0, 1]
    foretold = moves((before + after)[None] / 2, (patch,))[0] @ (half_way @ way)
    assert (patch.begin, patch.end) == (11, 13)
    assert np.abs(after - before - foretold).mean() < np.abs(after - before).mean() / 6


@pytest.mark.parametrize("count", [1, 2, 9, 10])
def test_medians_are_numpys(count):
    values = np.random.default_rng(0).integers(0, 511, (7, count), dtype=np.int16)
    np.testing.assert_array_equal(congealing._twice_the_median(values) / 2, np.median(values, axis=-1))


def test_joints_that_shake_come_to_rest_on_the_body(red, shaken, album):
    paths, confidence = shaken
    calm = congeal(paths, confidence, photographed(red, album), album, LEEWAY)
    assert pixels_off(calm[..., :2], red.joints) < 0.65 * pixels_off(paths[..., :2], red.joints)
    np.testing.assert_array_equal(calm[..., 2:], paths[..., 2:])


def test_the_face_goes_along_with_the_ears_fingers_with_wrists_and_heels_with_ankles(red, shaken, album):
    paths, confidence = shaken
    shift = congeal(paths, confidence, photographed(red, album), album, LEEWAY) - paths
    for leaders, followers in (([7, 8], [0, 2, 9]), ([15], [17, 19, 21]), ([16], [18, 20, 22]), ([27], [29])):
        for follower in followers:
            np.testing.assert_allclose(shift[:, follower], shift[:, leaders].mean(axis=1), atol=1e-9)


def test_what_the_network_is_unsure_of_or_did_not_see_stays_where_it_was(red, shaken, album):
    paths, confidence = shaken
    snapshots = photographed(red, album)
    snapshots[7] = None
    confidence[20, :] = 0.4
    calm = congeal(paths, confidence, snapshots, album, LEEWAY)
    np.testing.assert_array_equal(calm[7], paths[7])
    np.testing.assert_allclose(calm[20], paths[20], atol=1e-9)
    assert np.abs(calm[21] - paths[21]).max() > 0.5


def test_plain_cloth_holds_no_joint_and_leaves_all_to_the_network(red, shaken, album):
    paths, confidence = shaken
    region = Region(180.0, 320.0, 512.0, 0.1)
    grey = [album.keep(np.full((256, 256, 3), 120, np.uint8), region)] * len(red.images)
    np.testing.assert_allclose(congeal(paths, confidence, grey, album, LEEWAY), paths, atol=1e-9)


def test_without_leeway_the_network_is_taken_at_its_word(red, shaken, album):
    paths, confidence = shaken
    np.testing.assert_array_equal(congeal(paths, confidence, photographed(red, album), album, 0.0), paths)


def test_a_joint_seen_in_too_few_frames_to_have_usual_looks_stays(red, shaken, album):
    paths, confidence = shaken
    confidence[9:, 13] = 0.0
    shift = congeal(paths, confidence, photographed(red, album), album, LEEWAY) - paths
    np.testing.assert_allclose(shift[:, 13], 0, atol=1e-9)


def test_how_many_frames_are_moved_together_makes_no_difference_that_could_be_seen(red, shaken, album, monkeypatch):
    paths, confidence = shaken
    snapshots = photographed(red, album)
    together = congeal(paths, confidence, snapshots, album, LEEWAY)
    monkeypatch.setattr(congealing, "AT_ONCE", 7)
    np.testing.assert_allclose(congeal(paths, confidence, snapshots, album, LEEWAY), together, atol=0.02)


def test_several_threads_move_joints_as_one_does_to_the_bit(red, shaken, album):
    paths, confidence = shaken
    snapshots = photographed(red, album)
    one, three = (congeal(paths, confidence, snapshots, album, LEEWAY, workers) for workers in (1, 3))
    np.testing.assert_array_equal(one, three)


def test_a_track_lies_more_evenly_on_the_body_than_what_the_network_read(film, red):
    clip = film(red.images)
    as_read, congealed = (
        track_pose(clip, TrackerConfig(repair=RepairConfig(leeway=leeway))).points
        for leeway in (0.0, RepairConfig().leeway)
    )
    assert pixels_off(congealed, red.joints) < 0.9 * pixels_off(as_read, red.joints)


def test_joints_that_come_without_pictures_are_repaired_without(shaken):
    paths, confidence = shaken
    times = tuple(Fraction(index, 24) for index in range(len(paths)))
    raw = RawTrack(times, paths, confidence, np.ones(len(paths), dtype=bool), np.zeros(len(paths)))
    track = repair(raw, 360, 640, RepairConfig(smoothing=0))
    np.testing.assert_allclose(track.points, paths[..., :2], atol=1e-3)


def test_a_leeway_below_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^RepairConfig\.leeway is -1, expected 0 or more$"):
        RepairConfig(leeway=-1)
