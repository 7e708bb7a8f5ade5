"""A drawn window holds what leads up to a frame, within its shot; eyes and mouth lie in their squares."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_portraits import CUT, EYES_APART, SEQUENCE_PHASE, SIDE, head_clip

from models.region import cut_regions
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.image import to_tensor
from stages.conditioning.face_images import CHANNELS
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import FlowTeacherConfig, TaughtFlow
from stages.training.portrait_clip import NOSE
from stages.training.portrait_windows import Windows, draw_windows, eye_squares, mouth_squares, square_sides
from stages.training.takes import TakePlan, TakeSource
from stages.training.turns import Turn

WINDOW = 4


def drawn(clip: PreparedClip, count: int = 8, *, shift: float = 0.0, begins: float = 0.0) -> Windows:
    chance = np.random.default_rng(3)
    return draw_windows(clip, count, WINDOW, chance, shift=shift, begins=begins, compute=Compute())


def only(*frames: int) -> PreparedClip:
    """The clip with these frames alone to be drawn; the others may still lead up to them."""
    clip = head_clip()
    return replace(clip, present=np.isin(np.arange(len(clip.pictures)), frames))


def shown(clip: PreparedClip, *frames: int) -> torch.Tensor:
    return torch.cat([to_tensor(clip.conditions[frame]) for frame in frames], dim=1)


def test_conditions_are_those_of_the_frames_before_oldest_first() -> None:
    clip = only(20)
    windows = drawn(clip, count=1)
    assert torch.equal(windows.conditions, shown(clip, 17, 18, 19, 20))
    assert torch.equal(windows.pictures, to_tensor(clip.pictures[20]))


@pytest.mark.parametrize(
    ("frame", "leading"), [(0, (0, 0, 0, 0)), (2, (0, 0, 1, 2)), (CUT, (CUT,) * 4), (CUT + 1, (CUT,) * 3 + (CUT + 1,))]
)
def test_at_the_start_of_a_shot_its_first_frame_stands_for_those_before(frame: int, leading: tuple[int, ...]) -> None:
    clip = only(frame)
    assert torch.equal(drawn(clip, count=1).conditions, shown(clip, *leading))


def test_some_frames_are_shown_as_though_the_film_had_just_begun() -> None:
    clip = only(20)
    found = drawn(clip, count=64, begins=1.0).conditions
    starts = {17: shown(clip, 17, 18, 19, 20), 18: shown(clip, 18, 18, 19, 20), 20: shown(clip, 20, 20, 20, 20)}
    for expected in starts.values():
        assert any(torch.equal(one, expected[0]) for one in found)


def test_held_out_frames_and_frames_without_the_face_are_never_drawn() -> None:
    clip = head_clip()
    marked = clip.pictures.copy()
    marked[clip.trained :], marked[10] = 255, 255
    present = clip.present.copy()
    present[10] = False
    windows = drawn(replace(clip, pictures=marked, present=present), count=300)
    assert windows.pictures.mean(dim=(1, 2, 3)).max() < 0.9


def test_a_shift_moves_conditions_picture_mask_and_joints_alike() -> None:
    clip = only(20)
    still, moved = drawn(clip, count=1), drawn(clip, count=16, shift=0.1)
    steps = (moved.joints[:, NOSE, :2] - still.joints[:, NOSE, :2]).long()
    assert len(set(map(tuple, steps.tolist()))) > 8 and int(steps.abs().max()) <= 6
    inner = slice(8, -8)
    for index, (x, y) in enumerate(steps.tolist()):
        for name in ("conditions", "pictures", "persons"):
            back = torch.roll(getattr(moved, name)[index], (-y, -x), dims=(1, 2))
            assert torch.equal(back[:, inner, inner], getattr(still, name)[0][:, inner, inner])


def test_squares_hold_an_eye_each_and_the_mouth() -> None:
    clip = head_clip()
    eye, mouth = square_sides(clip)
    assert (eye, mouth) == (round(0.9 * EYES_APART), round(1.3 * EYES_APART))
    windows = drawn(clip)
    features = windows.conditions[:, -3:]
    for region in eye_squares(windows, eye):
        white = cut_regions(features, region)[:, 0] > 0.5
        assert (white.sum(dim=(1, 2)) == (features[:, 0] > 0.5).sum(dim=(1, 2)) // 2).all()  # all of one eye
    (region,) = mouth_squares(windows, mouth)
    middle = region.corner + (region.size - 1) / 2
    assert (middle - windows.joints[:, NOSE, :2] - torch.tensor([0.0, 9.0])).abs().max() <= 1.0


def test_an_unsure_face_has_no_squares() -> None:
    clip = head_clip()
    joints = clip.joints.copy()
    joints[..., 2] = 0.4
    windows = drawn(replace(clip, joints=joints))
    assert not any(region.seen.any() for region in (*eye_squares(windows, 18), *mouth_squares(windows, 26)))


def test_squares_of_a_small_face_are_large_enough_to_be_judged_and_fit_the_picture() -> None:
    clip = head_clip()
    assert square_sides(replace(clip, joints=clip.joints * 0.1)) == (16, 16)
    assert square_sides(replace(clip, joints=clip.joints * 10)) == (SIDE, SIDE)


def test_takes_of_a_face_have_nine_channels_and_refuse_to_leave_parts_of_a_body_out() -> None:
    clip = head_clip()
    source = TakeSource(clip, TaughtFlow(FlowTeacherConfig(), SIDE, SIDE, ()), least=2)
    chance = np.random.default_rng(0)
    take = source.draw(TakePlan(frames=3, gaps=(), drop=SEQUENCE_PHASE.drop), Turn((0,), 1), chance, Compute())
    assert take.conditions.shape == (1, 3, CHANNELS, SIDE, SIDE)
    with pytest.raises(TrainingError) as caught:
        source.draw(TakePlan(frames=3, gaps=(), drop=0.05), Turn((0,), 1), chance, Compute())
    assert str(caught.value) == (
        "TakePlan.drop: it is 0.05; expected 0 for a clip of a face. A face has no parts to leave out."
    )
