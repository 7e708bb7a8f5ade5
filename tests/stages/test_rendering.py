"""A film is painted frame for frame, with exact times; in stretches it is the same film; the stage is never touched."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from made_dances import HEIGHT, NTSC, WIDTH, info_at, sample_track, times_at, track_of
from torch import Tensor, nn

from models.performance import Memory, Performance, RemembersOneFrame
from pipeline.compute import Compute
from pipeline.errors import ModelError
from pipeline.image import to_images
from pipeline.values import Box, Condition, Frame, Status, Track
from pipeline.video import LOSSLESS, read_video
from stages.conditioning.stick_figure import draw_stick_figure
from stages.model_folder import LoadedModel, load_model
from stages.rendering.composite import Compositor
from stages.rendering.generate import Generation, Painted, load_state, save_state
from stages.rendering.render import Stretch, film_info, render_stretch, write_conditioning

pytestmark = pytest.mark.usefixtures("one_thread")

COUNT = 12
VARIABLE = tuple(Fraction(ticks, 600) for ticks in (0, 20, 41, 60, 180, 181, 200, 240, 260, 300, 301, 420))


@pytest.fixture
def model(model_folder: Path, compute: Compute) -> LoadedModel:
    return load_model(model_folder, compute)


@pytest.fixture
def dance() -> Track:
    """Red's dance on Blue's stage: samples share their frame, so the joints are taken as they are."""
    return sample_track("red_dance", COUNT)


def film_of(
    model: LoadedModel, track: Track, stretch: Stretch, path: Path, compute: Compute, memory: Memory | None
) -> Memory:
    info = film_info(model.facts, info_at())
    return render_stretch(model, track, stretch, info, path, compute, memory=memory, encoding=LOSSLESS).memory


def frames_of(path: Path) -> list[Frame]:
    with read_video(path) as film:
        return list(film)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_film_in_two_stretches_is_the_film_in_one(
    model_folder: Path, dance: Track, tmp_path: Path, precision: str
) -> None:
    compute = Compute("cpu", precision)  # type: ignore[arg-type]  # parametrized
    model = load_model(model_folder, compute)
    film_of(model, dance, Stretch(0, COUNT), tmp_path / "whole.mp4", compute, None)
    state = film_of(model, dance, Stretch(0, 5), tmp_path / "first.mp4", compute, None)
    save_state(tmp_path / "state.safetensors", state)
    again = load_state(tmp_path / "state.safetensors")
    film_of(load_model(model_folder, compute), dance, Stretch(5, COUNT), tmp_path / "second.mp4", compute, again)
    whole = frames_of(tmp_path / "whole.mp4")
    parts = frames_of(tmp_path / "first.mp4") + frames_of(tmp_path / "second.mp4")
    assert len(whole) == len(parts) == COUNT
    assert all(np.array_equal(one.image, other.image) for one, other in zip(whole, parts, strict=True))


def test_the_state_matters(model: LoadedModel, dance: Track, tmp_path: Path, compute: Compute) -> None:
    """Or the test above would prove nothing."""
    state = film_of(model, dance, Stretch(0, 5), tmp_path / "first.mp4", compute, None)
    film_of(model, dance, Stretch(5, 6), tmp_path / "after.mp4", compute, state)
    film_of(model, dance, Stretch(5, 6), tmp_path / "alone.mp4", compute, None)
    assert not np.array_equal(frames_of(tmp_path / "after.mp4")[0].image, frames_of(tmp_path / "alone.mp4")[0].image)


@pytest.mark.parametrize(
    ("times", "rate", "time_base"),
    [(times_at(COUNT), NTSC, Fraction(1, 30000)), (VARIABLE, Fraction(20), Fraction(1, 600))],
    ids=["30000/1001", "variable rate"],
)
def test_frames_in_are_frames_out_at_exactly_their_times(
    model: LoadedModel,
    dance: Track,
    tmp_path: Path,
    compute: Compute,
    times: tuple[Fraction, ...],
    rate: Fraction,
    time_base: Fraction,
) -> None:
    info = film_info(model.facts, info_at(rate, time_base))
    path, done = tmp_path / "film.mp4", list[int]()
    track = replace(dance, times=times)
    render_stretch(model, track, Stretch(0, COUNT), info, path, compute, progress=done.append)
    frames = frames_of(path)
    assert tuple(frame.time for frame in frames) == times
    assert all(frame.image.shape == (HEIGHT, WIDTH, 3) for frame in frames)
    assert done == list(range(1, COUNT + 1))


def test_a_frame_without_the_person_shows_the_empty_stage(
    model: LoadedModel, dance: Track, tmp_path: Path, compute: Compute
) -> None:
    status = [Status.TRACKED, Status.MISSING, Status.TRACKED]
    track = track_of(dance.points[:3], status=status)
    film_of(model, track, Stretch(0, 3), tmp_path / "film.mp4", compute, None)
    before, empty, after = (frame.image for frame in frames_of(tmp_path / "film.mp4"))
    assert np.array_equal(empty, model.background)
    assert not np.array_equal(before, model.background) and not np.array_equal(after, model.background)


def test_behind_a_missing_frame_the_memory_starts_anew(model: LoadedModel, dance: Track, compute: Compute) -> None:
    generation = Generation(model, compute)
    framing, style = model.facts.framing, model.facts.style
    pose = dance[0]
    image = draw_stick_figure(pose, framing.window, framing.width, framing.height, style)
    condition = Condition(image, pose.time, pose.index)
    generation.paint(condition, pose)
    assert generation.memory.pictures[0].any()
    missing = track_of(dance.points[:1], status=[Status.MISSING])[0]
    generation.paint(condition, missing)
    assert not generation.memory.pictures[0].any()


def test_the_person_is_painted_where_the_pose_is(
    model: LoadedModel, dance: Track, tmp_path: Path, compute: Compute
) -> None:
    film_of(model, dance, Stretch(0, COUNT), tmp_path / "film.mp4", compute, None)
    changed = [
        np.abs(frame.image.astype(int) - model.background).sum(axis=2) for frame in frames_of(tmp_path / "film.mp4")
    ]
    columns = np.arange(WIDTH)
    painted = np.array([(frame.sum(axis=0) * columns).sum() / frame.sum() for frame in changed])
    hips = dance.points[:, 23:25, 0].mean(axis=1)
    assert np.abs(painted - hips).max() < 0.15 * WIDTH


def test_an_interrupted_stretch_leaves_nothing(
    model: LoadedModel, dance: Track, tmp_path: Path, compute: Compute
) -> None:
    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    info = film_info(model.facts, info_at())
    with pytest.raises(KeyboardInterrupt):
        render_stretch(model, dance, Stretch(0, COUNT), info, tmp_path / "film.mp4", compute, progress=stop)
    assert not list(tmp_path.iterdir())


class Plate(RemembersOneFrame):
    """Paints nobody: the plate alone."""

    def forward(self, condition: Tensor, previous: Tensor, backdrop: Tensor) -> Performance:
        return Performance(backdrop.clamp(max=0.5))


class Wandering(RemembersOneFrame):
    """Adds a little to the frame before; without memory it paints grey."""

    def forward(self, condition: Tensor, previous: Tensor, backdrop: Tensor) -> Performance:
        return Performance(previous + 0.1, raw=torch.zeros_like(previous))


@pytest.mark.parametrize(("limit", "keyframes"), [(None, []), (0.25, [2, 4, 6, 8])])
def test_a_frame_that_has_drifted_too_far_is_painted_without_memory(
    model: LoadedModel, dance: Track, compute: Compute, limit: float | None, keyframes: list[int]
) -> None:
    """0.1, 0.2, then 0.3 would be too far: painted after nothing it is 0.1 again."""
    wandering = replace(model, performer=Wandering(), facts=replace(model.facts, drift_limit=limit))
    generation = Generation(wandering, compute)
    framing = model.facts.framing
    for index in range(9):
        black = np.zeros((framing.height, framing.width, 3), np.uint8)
        generation.paint(Condition(black, Fraction(index), index), dance[0])
    assert generation.keyframes == keyframes


class Brighter(nn.Module):
    """Adds the same everywhere in a face."""

    def forward(self, condition: Tensor, painted: Tensor) -> Tensor:
        return torch.full_like(painted, 0.25)


@pytest.mark.parametrize(("sure", "changed"), [(1.0, 16 * 16), (0.1, 0)])
def test_the_residual_changes_the_face_alone_and_only_where_it_is_seen(
    model: LoadedModel, dance: Track, compute: Compute, sure: float, changed: int
) -> None:
    plain = replace(model, performer=Plate())
    touched = replace(plain, face=Brighter(), facts=replace(model.facts, face_size=16))
    dance.confidence[0, 0] = sure
    condition = Condition(
        np.zeros((model.facts.framing.height, model.facts.framing.width, 3), np.uint8), Fraction(0), 0
    )
    before, generation = Generation(plain, compute).paint(condition, dance[0]), Generation(touched, compute)
    after = generation.paint(condition, dance[0])
    different = (before.image != after.image).any(axis=2)
    assert different.sum() == changed
    if changed:
        rows, columns = np.nonzero(different)
        x, y = model.facts.framing.in_picture(dance.points[0, 0])
        assert (columns.mean(), rows.mean()) == pytest.approx((x, y), abs=1.0)
        assert np.array_equal(
            to_images(generation.memory.pictures[0])[0], after.image
        )  # the next frame looks back on the face


def test_the_film_has_the_targets_picture_and_the_sources_time(model: LoadedModel) -> None:
    source = replace(info_at(Fraction(24), Fraction(1, 24)), width=1920, height=1080)
    info = film_info(model.facts, source)
    assert (info.width, info.height, info.frame_rate, info.time_base) == (WIDTH, HEIGHT, 24, Fraction(1, 24))


def test_a_state_of_another_size_is_refused(model: LoadedModel, compute: Compute) -> None:
    with pytest.raises(ModelError, match=r"recurrent state: its pictures are \[\(1, 3, 8, 8\), .* from its start"):
        Generation(model, compute, Memory((torch.zeros(1, 3, 8, 8),), torch.zeros(1, 0, 8, 8), empty=False))


def test_a_file_that_holds_no_state_is_refused(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no recurrent state; expected a state that rendering saved"):
        load_state(model_folder / "weights.safetensors")
    with pytest.raises(ModelError, match="the weights cannot be read"):
        load_state(tmp_path / "nothing.safetensors")


def test_the_stick_figures_can_be_written_as_a_film_of_their_own(
    dance: Track, model: LoadedModel, tmp_path: Path
) -> None:
    path = tmp_path / "figures.mp4"
    write_conditioning(dance, model.facts.style, info_at(), path, encoding=LOSSLESS)
    frames = frames_of(path)
    assert tuple(frame.time for frame in frames) == dance.times
    whole = Box(0, 0, WIDTH, HEIGHT)
    assert np.array_equal(frames[4].image, draw_stick_figure(dance[4], whole, WIDTH, HEIGHT, model.facts.style))


# The compositor, on pictures made by hand.

EVERY_VALUE = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)


def painted(width: int, height: int, value: int, mask: float | None) -> Painted:
    image = np.full((height, width, 3), value, np.uint8)
    if mask is None:
        return Painted(image, None, None, person=True, index=0)
    return Painted(image, image, np.full((height, width), mask, np.float32), person=True, index=0)


def test_behind_a_shut_mask_every_background_value_comes_back_exactly() -> None:
    frame = Compositor(EVERY_VALUE, Box(0, 0, 16, 16)).paste(painted(8, 8, 200, 0.0))
    assert np.array_equal(frame, EVERY_VALUE)


def test_an_open_mask_shows_the_performer_inside_the_window_and_nothing_outside() -> None:
    frame = Compositor(EVERY_VALUE, Box(4, 2, 12, 10)).paste(painted(8, 8, 200, 1.0))
    assert (frame[2:10, 4:12] == 200).all()
    frame[2:10, 4:12] = EVERY_VALUE[2:10, 4:12]
    assert np.array_equal(frame, EVERY_VALUE)


def test_a_half_open_mask_is_the_mean() -> None:
    frame = Compositor(np.full((8, 8, 3), 100, np.uint8), Box(0, 0, 8, 8)).paste(painted(8, 8, 200, 0.5))
    assert (frame == 150).all()


def test_the_background_stays_as_it_was_and_a_frame_has_memory_of_its_own() -> None:
    background = EVERY_VALUE.copy()
    compositor = Compositor(background, Box(0, 0, 16, 16))
    compositor.paste(painted(16, 16, 9, 1.0))
    empty = compositor.paste(Painted(EVERY_VALUE, None, None, person=False, index=0))
    assert np.array_equal(background, EVERY_VALUE) and np.array_equal(empty, EVERY_VALUE)
    assert not np.shares_memory(empty, background)


@pytest.mark.parametrize("mask", [1.0, None])
def test_a_window_partly_outside_the_frame_is_cut(mask: float | None) -> None:
    # Four columns of the window lie left of the frame, four rows below it; its picture counts the columns.
    columns = np.broadcast_to((np.arange(12, dtype=np.uint8) * 10)[None, :, None], (12, 12, 3))
    given = painted(12, 12, 0, mask)
    given = replace(given, image=columns, foreground=None if mask is None else columns)
    frame = Compositor(np.zeros((16, 16, 3), np.uint8), Box(-4, 8, 8, 20)).paste(given)
    assert frame[15, :7, 0].tolist() == [40, 50, 60, 70, 80, 90, 100]
    assert not frame[:8].any() and not frame[:, 8:].any()


def test_a_window_without_mask_fades_out_at_its_inner_sides_only() -> None:
    # 100 wide: the seam is 4, so the first column weighs a quarter; the frame's own sides do not fade.
    background = np.zeros((100, 150, 3), np.uint8)
    row = Compositor(background, Box(0, 0, 100, 100)).paste(painted(100, 100, 200, None))[50, :, 0]
    assert row[:96].tolist() == [200] * 96
    assert row[96:100].tolist() == [200, 150, 100, 50]
    assert not row[100:].any()


def test_a_larger_frame_enlarges_the_performer_with_the_window() -> None:
    frame = Compositor(np.zeros((64, 64, 3), np.uint8), Box(0, 0, 64, 64)).paste(painted(16, 16, 80, 1.0))
    assert (frame == 80).all()
