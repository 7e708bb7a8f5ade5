"""The window holds all that the performer reaches, has the picture's shape, and stays within what was filmed."""

import numpy as np
import pytest
from made_dances import HEIGHT, WIDTH, sample_track, track_of
from numpy.typing import NDArray

from pipeline.errors import TrainingError
from pipeline.values import Box, Status, Track
from stages.training.framing import Framing, frame_performer, share_outside

ARMS = slice(11, 23)  # shoulders to fingers


def standing(left: float, top: float, right: float, bottom: float, width: int = 1000, height: int = 1000) -> Track:
    """Joints spread over a box in two frames, a foot at the lower right; arms folded into a point in the middle."""
    points = np.random.default_rng(0).uniform((left, top), (right, bottom), (2, 33, 2)).astype(np.float32)
    points[:, ARMS] = (left + right) / 2, (top + bottom) / 2
    points[:, :11] = left, top
    points[:, 32] = right, bottom
    return track_of(points, width, height)


def with_arms(upper: float, fore: float, hand: float) -> Track:
    """The same 200 tall at (450..550, 400..600), shoulders at (480, 450) and (520, 450), arms hanging straight down."""
    track = standing(450, 400, 550, 600)
    for side, column in ((0, 520), (1, 480)):
        lengths = np.cumsum([0, upper, fore, hand])
        for joint, length in zip((11, 13, 15, 19), lengths, strict=True):
            track.points[:, joint + side] = column, 450 + length
    return track


def holds(window: Box, points: NDArray[np.float32]) -> bool:
    low, high = points.reshape(-1, 2).min(axis=0), points.reshape(-1, 2).max(axis=0)
    return bool(window.left <= low[0] and window.top <= low[1] and window.right > high[0] and window.bottom > high[1])


def test_the_window_holds_every_sure_joint_with_a_margin_and_headroom() -> None:
    # 200 tall: 14 (7 %) on every side, and 20 (10 %) more above the face, where the head goes on.
    window = frame_performer(standing(450, 400, 550, 600), pixels=128 * 248, stride=8).window
    assert (window.left, window.top, window.right, window.bottom) == (436, 366, 564, 614)


def test_arms_that_were_kept_down_may_be_stretched_up_and_out() -> None:
    # 60 + 50 + 10 long: up to 450 - 120 = 330, out to 480 - 120 = 360 and 520 + 120 = 640, and 14 more.
    window = frame_performer(with_arms(60, 50, 10), pixels=308 * 298, stride=1).window
    assert (window.left, window.top, window.right, window.bottom) == (346, 316, 654, 614)


def test_arms_of_which_a_part_is_unsure_are_not_stretched() -> None:
    track = with_arms(60, 50, 10)
    track.confidence[:, [15, 16]] = 0.4
    assert frame_performer(track, pixels=128 * 248, stride=8).window == Box(436, 366, 564, 614)


def test_size_and_window_have_the_same_shape() -> None:
    framing = frame_performer(sample_track(), pixels=40 * 80, stride=8)
    assert holds(framing.window, sample_track().points)
    assert framing.width % 8 == framing.height % 8 == 0
    aspect = framing.width / framing.height
    assert abs(framing.window.width - framing.window.height * aspect) <= 1  # rounding to whole pixels


def test_the_picture_has_about_as_many_pixels_as_asked_for() -> None:
    framing = frame_performer(standing(300, 200, 700, 800), pixels=100_000, stride=16)
    assert framing.width * framing.height == pytest.approx(100_000, rel=0.1)


def test_no_more_pixels_are_made_than_were_filmed() -> None:
    framing = frame_performer(standing(450, 400, 550, 600), pixels=10**7, stride=20)
    assert (framing.width, framing.height) == (120, 240)


def test_a_tiny_performer_still_gives_a_picture_that_the_network_takes() -> None:
    framing = frame_performer(standing(500, 500, 503, 506), pixels=10**5, stride=32)
    assert (framing.width, framing.height) == (64, 64)
    assert framing.window.width == framing.window.height


def test_the_window_moves_inwards_where_the_frame_has_room() -> None:
    window = frame_performer(standing(0, 100, 50, 300), pixels=10**5, stride=64).window
    assert window.left == 0
    assert holds(window, standing(0, 100, 50, 300).points)


def test_joints_guessed_outside_the_frame_do_not_pull_the_window_out() -> None:
    window = frame_performer(standing(-400, 100, 500, 900), pixels=10**5, stride=16).window
    assert window.left >= 0 and window.right <= 1000


def test_unsure_joints_and_frames_without_the_person_say_nothing() -> None:
    track = standing(450, 400, 550, 600)
    alone = frame_performer(track, pixels=10**5, stride=16)
    track.points[1], track.status[1] = 0, Status.MISSING
    track.points[0, 5], track.confidence[0, 5] = (999, 999), 0.4
    assert frame_performer(track, pixels=10**5, stride=16) == alone


def test_a_person_that_is_never_sure_is_refused() -> None:
    track = standing(450, 400, 550, 600)
    track.confidence[:, 1:] = 0.2
    with pytest.raises(TrainingError) as caught:
        frame_performer(track, pixels=10**5, stride=16)
    assert str(caught.value) == (
        "the target's track: no two joints are ever sure in one frame; expected joints of confidence 0.5 or more. "
        "Film the whole person from the front, in good light."
    )


@pytest.mark.parametrize("size", [(360, 640), (100, 100), (640, 360), (1, 1), (1440, 2560)])
def test_a_size_of_ones_own_shows_the_whole_frame(size: tuple[int, int]) -> None:
    framing = frame_performer(sample_track(), pixels=1, stride=16, size=size)
    assert framing.width >= size[0] and framing.height >= size[1]
    window = framing.window
    assert window.left <= 0 and window.top <= 0 and window.right >= WIDTH and window.bottom >= HEIGHT
    assert window.width == WIDTH or window.height == HEIGHT  # and no more than it must


def test_points_of_the_frame_are_found_in_the_picture() -> None:
    framing = Framing(frame_width=100, frame_height=100, window=Box(10, -20, 50, 60), width=20, height=40)
    # The window's outer corner is half a pixel beyond the centre of its first pixel, at either size.
    assert framing.in_picture(np.array([[9.5, -20.5]], np.float32)).tolist() == [[-0.5, -0.5]]
    assert framing.in_picture(np.array([[49.5, 59.5]], np.float32)).tolist() == [[19.5, 39.5]]


def test_frames_count_in_which_a_sure_joint_leaves_the_window_and_not_the_frame() -> None:
    framing = Framing(frame_width=1000, frame_height=1000, window=Box(400, 300, 600, 700), width=20, height=40)
    track = standing(450, 400, 550, 600)
    assert share_outside(track, framing) == 0
    track.points[1, 15] = 500, 299
    assert share_outside(track, framing) == 0.5
    track.confidence[1, 15] = 0.4
    assert share_outside(track, framing) == 0
    track.points[1, 16] = 500, -20  # the frame itself ends before
    assert share_outside(track, framing) == 0
    track.points[1, 15] = 500, 299
    track.confidence[1, 15] = 1
    assert share_outside(track, framing, [framing.window, Box(400, 250, 600, 650)]) == 0
    assert share_outside(track, framing, [Box(400, 250, 600, 650), framing.window]) == 0.5


def test_what_a_performer_did_herself_lies_in_her_window() -> None:
    assert share_outside(sample_track(), frame_performer(sample_track(), pixels=144 * 256, stride=16)) == 0
