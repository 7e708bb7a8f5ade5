"""Who walks out of the window is painted whole in one moved aside, and cut off where the frame ends."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_dances import HEIGHT, WIDTH, info_at, sample_track, track_of
from numpy.typing import NDArray

from models.everybody_dance_now.generator import GeneratorConfig
from models.performance import Memory
from models.vid2vid.generator import LIGHT, CompositeConfig
from models.vid2vid.pyramid import PyramidConfig
from pipeline.compute import Compute
from pipeline.values import Box, Pose, Status, Track
from pipeline.video import LOSSLESS, read_video
from stages.model_folder import DanceModel, LoadedModel, load_model
from stages.rendering.generate import load_state, save_state
from stages.rendering.panning import Pan, moved_aside, pan_of, stride_of
from stages.rendering.render import Stretch, film_info, render_stretch
from stages.training.framing import Framing

pytestmark = pytest.mark.usefixtures("one_thread")

COUNT, STRIDE = 12, 8
# A column of the network's picture is 1.25 pixels of the frame, one of the second two.
HALF_A_STAGE = Framing(frame_width=200, frame_height=100, window=Box(50, 0, 150, 100), width=80, height=80)
DOUBLED = Framing(frame_width=WIDTH, frame_height=HEIGHT, window=Box(5, 0, 85, 160), width=40, height=80)


@pytest.fixture
def model(model_folder: Path, compute: Compute) -> LoadedModel:
    return load_model(model_folder, compute)


@pytest.fixture
def facts(model: LoadedModel) -> DanceModel:
    assert stride_of(model.facts) == STRIDE
    return replace(model.facts, framing=HALF_A_STAGE)


def body(left: float, right: float, status: Status = Status.TRACKED) -> Pose:
    """Joints from column `left` to `right` of the frame, and over 60 of its 100 rows."""
    points = np.stack((np.linspace(left, right, 33), np.linspace(20, 80, 33)), axis=1)
    return track_of(points[None].astype(np.float32), 200, 100, status=[status])[0]


def test_the_window_stays_where_all_that_is_drawn_lies_in_it(facts: DanceModel) -> None:
    assert pan_of(body(50, 149), facts) == Pan(0, HALF_A_STAGE.window)
    beyond = body(60, 190)
    beyond.confidence[8:] = 0.3  # not drawn: the tracker does not believe it
    assert pan_of(beyond, facts) == Pan(0, HALF_A_STAGE.window)


@pytest.mark.parametrize(
    ("left", "right", "strides"),
    [
        (140, 170, 3),  # columns 71.9 … 95.9 and a margin of 3.4: beyond the last, 79, by 20.3
        (30, 60, -3),  # columns -16.1 … 7.9: beyond the first by 19.5
        (20, 190, 1),  # columns -24.1 … 111.9, wider than the picture: its middle is 4.4 beyond the picture's
        (
            -60,
            60,
            -7,
        ),  # columns -88.1 … 7.9: too wide; what the frame shows, -40 … 11.3, is not, and comes to the middle
        (
            -30,
            110,
            -4,
        ),  # columns -64.1 … 47.9: what the frame shows is, -40 … 51.3, its middle 33.8 before the picture's
        (90, 230, 4),  # columns 31.9 … 143.9: what the frame shows, 28.5 … 119, has its middle 34.3 behind
    ],
    ids=[
        "to the right",
        "to the left",
        "wider than the window",
        "more than half of it hidden",
        "half of it hidden",
        "on the right",
    ],
)
def test_it_moves_by_whole_strides_until_the_body_and_a_margin_lie_in_it(
    facts: DanceModel, left: float, right: float, strides: int
) -> None:
    pan = pan_of(body(left, right), facts)
    assert pan == Pan(STRIDE * strides, Box(50 + 10 * strides, 0, 150 + 10 * strides, 100))


def test_what_the_frame_shows_is_not_given_up_for_what_it_hides(facts: DanceModel) -> None:
    """A foot beyond the left side, the hands still inside: moved to hold the foot, the window would cut off a hand."""
    whole = replace(HALF_A_STAGE, frame_width=100, window=Box(0, 0, 100, 100))
    assert pan_of(body(-10, 95), replace(facts, framing=whole)) == Pan(0, whole.window)
    assert pan_of(body(5, 110), replace(facts, framing=whole)) == Pan(0, whole.window)


@pytest.mark.parametrize(("place", "strides"), [(5000, 14), (-5000, -14)])
def test_it_never_loses_sight_of_the_frame(facts: DanceModel, place: float, strides: int) -> None:
    pan = pan_of(body(place, place + 20), facts)
    assert pan.columns == STRIDE * strides
    assert pan.window.left < 200 and pan.window.right > 0
    assert pan.window.left + 10 >= 200 or pan.window.right - 10 <= 0  # one stride more would


def test_nobody_moves_nothing(facts: DanceModel) -> None:
    assert pan_of(body(140, 170, Status.MISSING), facts) == Pan(0, HALF_A_STAGE.window)


@pytest.mark.parametrize(
    ("network", "config", "stride"),
    [
        ("vid2vid", PyramidConfig(coarse=LIGHT), 16),
        ("vid2vid", PyramidConfig(coarse=CompositeConfig()), None),
        ("global", GeneratorConfig(), None),
    ],
    ids=["a performer over a plate", "whole pictures", "whole pictures of Everybody Dance Now"],
)
def test_networks_that_paint_what_lies_behind_stay_where_they_know_it(
    facts: DanceModel, network: str, config: PyramidConfig | GeneratorConfig, stride: int | None
) -> None:
    other = replace(facts, network=network, network_config=asdict(config))
    assert stride_of(other) == stride
    assert bool(pan_of(body(140, 170), other).columns) == (stride is not None)


def test_what_was_painted_moves_along_at_every_scale_and_the_empty_stage_comes_into_sight() -> None:
    def row(*values: int) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)

    def picture(values: torch.Tensor) -> torch.Tensor:
        return values.repeat(1, 3, 1, 1)

    pictures = picture(row(0, 1, 2, 3)), picture(row(0, 1, 2, 3, 4, 5, 6, 7))
    memory = Memory(pictures, row(7, 6, 5, 4, 3, 2, 1, 0), empty=False)
    plate = picture(row(9, 9, 9, 9, 9, 9, 9, 9))
    right, left = moved_aside(memory, 2, plate), moved_aside(memory, -2, plate)
    assert [one[:, :1].flatten().tolist() for one in (*right.pictures, right.conditions)] == [
        [1, 2, 3, 9],
        [2, 3, 4, 5, 6, 7, 9, 9],
        [5, 4, 3, 2, 1, 0, -1, -1],
    ]
    assert [one[:, :1].flatten().tolist() for one in (*left.pictures, left.conditions)] == [
        [9, 0, 1, 2],
        [9, 9, 0, 1, 2, 3, 4, 5],
        [-1, -1, 7, 6, 5, 4, 3, 2],
    ]
    nothing = replace(memory, empty=True)
    assert moved_aside(nothing, 2, plate) is nothing


def film_of(
    model: LoadedModel, track: Track, path: Path, compute: Compute, stretch: Stretch, memory: Memory | None = None
) -> tuple[list[NDArray[np.uint8]], Memory]:
    info = film_info(model.facts, info_at())
    made = render_stretch(model, track, stretch, info, path, compute, memory=memory, encoding=LOSSLESS)
    with read_video(path) as film:
        return [frame.image for frame in film], made.memory


def test_half_a_body_is_half_of_the_body_painted_whole(model: LoadedModel, compute: Compute, tmp_path: Path) -> None:
    """Before a stage that looks the same everywhere, or the network would see another one."""
    grey = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    model = replace(model, facts=replace(model.facts, framing=DOUBLED), background=grey)
    dance = sample_track("red_dance", 1)
    leaving = replace(dance, points=dance.points + np.array((100 - dance.points[..., 0].max(), 0), np.float32))
    way = 2 * pan_of(leaving[0], model.facts).columns
    inside = replace(leaving, points=leaving.points - np.array((way, 0), np.float32))
    assert way > 0 and pan_of(inside[0], model.facts).columns == 0
    (left,), _ = film_of(model, leaving, tmp_path / "leaving.mp4", compute, Stretch(0, 1))
    (whole,), _ = film_of(model, inside, tmp_path / "inside.mp4", compute, Stretch(0, 1))
    assert (np.abs(whole.astype(int) - 120) > 20).any(axis=2).mean() > 0.05  # somebody is there
    assert np.array_equal(left[:, way:], whole[:, :-way])


def test_a_film_that_pans_is_the_same_in_stretches(model_folder: Path, compute: Compute, tmp_path: Path) -> None:
    dance = sample_track("red_dance", COUNT)
    walk = np.zeros((COUNT, 1, 2), np.float32)
    walk[:, 0, 0] = np.linspace(0, WIDTH, COUNT)
    track = replace(dance, points=dance.points + walk)
    model = load_model(model_folder, compute)
    pans = [pan_of(pose, model.facts).columns for pose in track]
    assert pans[0] == 0 and len(set(pans)) > 2
    whole, _ = film_of(model, track, tmp_path / "whole.mp4", compute, Stretch(0, COUNT))
    for cut in range(1, COUNT):
        first, memory = film_of(model, track, tmp_path / "first.mp4", compute, Stretch(0, cut))
        save_state(tmp_path / "state.safetensors", memory)
        again = load_state(tmp_path / "state.safetensors")
        second, _ = film_of(model, track, tmp_path / "second.mp4", compute, Stretch(cut, COUNT), again)
        assert all(np.array_equal(one, other) for one, other in zip(whole, first + second, strict=True))
