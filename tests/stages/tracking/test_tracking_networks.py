"""The two networks asked one by one: the mask costs nothing where nobody wants it, planes read as RGB does."""

from pathlib import Path

import mediapipe
import numpy as np
import pytest
from mediapipe.tasks.metadata.schema_py_generated import Model
from tracking_clips import SAMPLES

from pipeline.values import Box
from pipeline.video import read_video
from stages.tracking.cuts import picture_signature, signature_distance
from stages.tracking.networks import PoseNetworks
from stages.tracking.people import likeness, torso_looks
from stages.tracking.trimming import without_output

MODEL = Path(mediapipe.__file__).parent / "modules/pose_landmark/pose_landmark_full.tflite"
MASK = 2  # the number of the mask among the model's outputs
SAME_PLACE = 1.0  # pixels of 360x640 that joints may be off, on average, where they are read from planes
NOISE = 0.02  # of a signature, between RGB and planes; a cut is 0.25


@pytest.fixture(scope="module")
def whole() -> bytes:
    return MODEL.read_bytes()


@pytest.fixture(scope="module")
def both_ways():
    """A frame of Red's as RGB and as planes."""
    with read_video(SAMPLES / "red_dance.mp4", stop_index=1) as frames:
        image = next(iter(frames)).image
    with read_video(SAMPLES / "red_dance.mp4", stop_index=1) as stored:
        return image, next(stored.planes())


def operators(model: bytes) -> list[tuple[list[int], list[int]]]:
    """What each operator reads and writes, in the order they run in."""
    graph = Model.GetRootAs(model, 0).Subgraphs(0)
    each = (graph.Operators(number) for number in range(graph.OperatorsLength()))
    return [(one.InputsAsNumpy().tolist(), one.OutputsAsNumpy().tolist()) for one in each]


def outputs(model: bytes) -> list[int]:
    return Model.GetRootAs(model, 0).Subgraphs(0).OutputsAsNumpy().tolist()


def test_the_other_outputs_keep_their_numbers_and_the_unwanted_one_becomes_a_copy(whole):
    before, after = outputs(whole), outputs(without_output(whole, MASK))
    assert after == [*before[:MASK], before[MASK - 1], *before[MASK + 1 :]]


def test_every_operator_left_is_needed_and_none_that_is_needed_is_missing(whole):
    trimmed = without_output(whole, MASK)
    left = operators(trimmed)
    made = {tensor for _, writes in left for tensor in writes}
    read = {tensor for reads, _ in left for tensor in reads} | set(outputs(trimmed))
    assert all(set(writes) & read for _, writes in left)
    dropped = [writes for reads, writes in operators(whole) if (reads, writes) not in left]
    assert len(dropped) == 46
    assert not {tensor for writes in dropped for tensor in writes} & read
    assert set(outputs(trimmed)) <= made


def test_the_operators_left_run_in_their_old_order(whole):
    left = operators(without_output(whole, MASK))
    assert left == [one for one in operators(whole) if one in left]


def test_what_is_no_network_or_has_no_such_output_is_refused(whole):
    with pytest.raises(ValueError, match=r"begins with b'not a ne', expected a TensorFlow Lite file"):
        without_output(b"not a network", 0)
    with pytest.raises(ValueError, match=r"has 5 outputs, expected 2 or more, and one with number 5"):
        without_output(whole, 5)


def test_the_joints_are_the_same_to_the_bit_with_the_mask_and_without(both_ways):
    image, _ = both_ways
    with PoseNetworks() as trimmed, PoseNetworks(masks=True) as full:
        region = full.find_people(image)[0].region
        without, with_mask = trimmed.read(image, region), full.read(image, region)
    np.testing.assert_array_equal(without.points, with_mask.points)
    np.testing.assert_array_equal(without.world, with_mask.world)
    np.testing.assert_array_equal(without.visibility, with_mask.visibility)
    assert without.mask is None
    assert with_mask.mask.shape == (256, 256)


def test_planes_are_read_as_their_rgb_frame_is(both_ways):
    image, planes = both_ways
    with PoseNetworks() as networks:
        (seen,), (found,) = networks.find_people(image), networks.find_people(planes)
        one, other = networks.read(image, seen.region), networks.read(planes, seen.region)
    assert abs(seen.region.x - found.region.x) < 0.02 * seen.region.side
    assert abs(seen.region.side / found.region.side - 1) < 0.02
    assert np.hypot(*(one.points - other.points).T).mean() < SAME_PLACE
    assert likeness(torso_looks(image, one.points), torso_looks(planes, one.points)) > 0.95
    assert signature_distance(picture_signature(image), picture_signature(planes)) < NOISE


def test_whom_a_part_of_the_picture_shows_is_placed_in_the_whole_of_it(both_ways):
    image, _ = both_ways
    aside = np.pad(image, ((100, 0), (200, 0), (0, 0)), constant_values=120)
    with PoseNetworks() as networks:
        (alone,) = networks.find_people(image)
        (placed,) = networks.find_people(aside, Box(200, 100, 560, 740))
        in_it = networks.read(aside, placed.region)
    assert (placed.region.x - 200, placed.region.y - 100) == pytest.approx((alone.region.x, alone.region.y), abs=0.1)
    assert in_it is not None
