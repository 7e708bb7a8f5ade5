"""Takes: consecutive frames only, cut alike throughout, with the motion that was seen between them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.ops.warp import warp
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.image import to_tensor
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import TaughtFlow
from stages.training.takes import DROPPED_TOGETHER, Take, TakePlan, TakeSource
from stages.training.turns import Turn

STILL = TakePlan(frames=4, batch=2)


def drawn(clip: PreparedClip, taught: TaughtFlow, compute: Compute, plan: TakePlan, seed: int = 0) -> Take:
    return TakeSource(clip, taught, least=2).draw(plan, Turn((seed,), 1), np.random.default_rng(seed), compute)


def rows_of(clip: PreparedClip, take: Take) -> list[list[int]]:
    """Which frames of the clip a take of stride 1 shows: every frame's nose lies elsewhere."""
    return [
        [int(np.abs(clip.joints[:, :, :2] - frame[:, :2].numpy()).sum(axis=(1, 2)).argmin()) for frame in line]
        for line in take.joints
    ]


def test_a_take_is_frames_in_a_row(clip: PreparedClip, taught: TaughtFlow, compute: Compute) -> None:
    take = drawn(clip, taught, compute, STILL)
    assert take.pictures.shape[:3] == (2, 4, 3) and len(take) == 4 and take.stride == 1
    for line, row in enumerate(rows_of(clip, take)):
        assert row == list(range(row[0], row[0] + 4))
        for step, frame in enumerate(row):
            assert torch.equal(take.pictures[line, step], to_tensor(clip.pictures[frame])[0])


def test_no_take_crosses_a_break_or_looks_at_the_held_out_end(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    follows = clip.follows.copy()
    follows[20] = False  # a cut before frame 20
    source = TakeSource(replace(clip, follows=follows), taught, least=2)
    chance = np.random.default_rng(0)
    for step in range(1, 31):
        for row in rows_of(clip, source.draw(STILL, Turn((0,), step), chance, compute)):
            assert row[-1] < clip.trained and not row[0] < 20 <= row[-1]


def test_every_take_has_its_turn_before_any_has_it_again(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    source, chance, plan = TakeSource(clip, taught, least=2), np.random.default_rng(0), replace(STILL, batch=1)
    takes = clip.trained - 3
    lasts = [rows_of(clip, source.draw(plan, Turn((0,), step), chance, compute))[0][-1] for step in range(1, takes + 1)]
    assert sorted(lasts) == list(range(3, clip.trained))


def test_strided_frames_lie_apart_and_their_flow_reaches_over_the_gap(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    strides = set()
    for seed in range(12):
        take = drawn(clip, taught, compute, TakePlan(frames=4, most_stride=2), seed)
        strides.add(take.stride)
        (row,) = rows_of(clip, take)
        assert row == list(range(row[0], row[0] + 4 * take.stride, take.stride))
        expected, sure = taught.between(row[2], take.stride)
        assert np.array_equal(take.taught[1].flow[0, 2].numpy(), expected)
        assert np.array_equal(take.taught[1].confidence[0, 2, 0].numpy(), sure)
    assert strides == {1, 2}


def test_the_first_frame_has_no_flow_and_no_confidence(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    take = drawn(clip, taught, compute, TakePlan(frames=5, gaps=(1, 3)))
    assert not take.taught[1].flow[:, 0].any() and not take.taught[1].confidence[:, 0].any()
    assert not take.taught[3].confidence[:, :3].any() and take.taught[3].confidence[:, 3:].any()


def test_the_flow_fetches_the_frame_from_the_one_before(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    take = drawn(clip, taught, compute, TakePlan(frames=5, batch=2, shift=0.04))
    one = take.taught[1]
    fetched = warp(take.pictures[:, :-1].flatten(0, 1), one.flow[:, 1:].flatten(0, 1)).unflatten(0, (2, 4))
    believed = one.confidence[:, 1:] * take.persons[:, 1:]
    moved, stood = ((other - take.pictures[:, 1:]).abs() * believed for other in (fetched, take.pictures[:, :-1]))
    assert moved.sum() < 0.75 * stood.sum()


def test_a_shift_moves_pictures_masks_and_joints_together(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    height, width = clip.pictures.shape[1:3]
    marked = np.zeros_like(clip.masks)
    rows, columns = height // 2, width // 2
    marked[:, rows, columns] = 255
    joints = np.tile(np.array([columns, rows, 1.0], np.float32), (len(marked), 33, 1))
    spot = replace(clip, masks=marked, pictures=np.repeat(marked[..., None], 3, axis=3), joints=joints)
    take = drawn(spot, taught, compute, TakePlan(frames=3, batch=3, shift=0.2))
    for line in range(3):
        x, y = (int(value) for value in take.joints[line, 0, 0, :2])
        assert (take.persons[line, :, 0].flatten(1).argmax(dim=1) == y * width + x).all()
        assert (take.pictures[line, :, 0, y, x] == 1).all()


def test_a_dropped_part_is_not_drawn_and_the_rest_stays(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    whole = drawn(clip, taught, compute, TakePlan(frames=3, drop=0.0))
    without = drawn(clip, taught, compute, TakePlan(frames=3, drop=1.0))
    assert torch.equal(whole.pictures, without.pictures)
    seen, left = ((take.conditions > -1).any(dim=2).sum() for take in (whole, without))
    assert 0 < left < 0.8 * seen  # trunk and upper arms remain


def test_what_is_dropped_together_hangs_together() -> None:
    """An arm goes from the elbow down, never a wrist without its hand."""
    for parts in DROPPED_TOGETHER:
        assert len(set(parts)) == len(parts)
        if 15 in parts:
            assert {17, 19, 21} <= set(parts)
        if 28 in parts:
            assert {30, 32} <= set(parts)


def test_pictures_at_half_size_have_half_the_flow(clip: PreparedClip, taught: TaughtFlow, compute: Compute) -> None:
    full, half = (drawn(clip, taught, compute, TakePlan(frames=3, reduce=reduce)) for reduce in (1, 2))
    assert half.pictures.shape[-1] * 2 == full.pictures.shape[-1]
    mean = torch.nn.functional.avg_pool2d(full.taught[1].flow[0], 2)
    torch.testing.assert_close(half.taught[1].flow[0], mean / 2)
    torch.testing.assert_close(half.joints[..., :2], (full.joints[..., :2] + 0.5) / 2 - 0.5)


def test_a_clip_with_shorter_stretches_gives_shorter_takes(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    follows = np.arange(len(clip.follows)) % 6 != 0  # six frames, then a cut, and so on
    take = drawn(replace(clip, follows=follows), taught, compute, TakePlan(frames=16))
    assert len(take) == 6


def test_a_clip_without_enough_frames_in_a_row_is_refused(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    follows = np.arange(len(clip.follows)) % 2 == 1
    with pytest.raises(TrainingError) as caught:
        TakeSource(replace(clip, follows=follows), taught, least=3)
    assert str(caught.value) == (
        "the target's clip: the person is seen in at most 2 frames in a row; expected at least 3: the generator looks "
        "back on the frames before. Film a continuous take, or use --method everybody-dance-now, which needs two."
    )
