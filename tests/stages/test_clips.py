"""A prepared clip holds, frame for frame, what the film and its track hold; its end is never learnt from."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_dances import FRAMES, HEIGHT, WIDTH, sample_images, sample_track, save_film, track_of

from pipeline.errors import TrackError, TrainingError, VideoError
from pipeline.image import crop, resize
from pipeline.values import Box, Status
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure
from stages.training import clips
from stages.training.clips import PreparedClip, open_clip, prepare_clip, trained_frames
from stages.training.framing import Framing

STYLE = StickFigureFormat()
SMALL = Framing(frame_width=WIDTH, frame_height=HEIGHT, window=Box(0, 0, WIDTH, HEIGHT), width=45, height=80)


def test_pictures_and_conditions_are_those_of_the_film_and_the_track(clip: PreparedClip, blue_film: Path) -> None:
    framing, frame = clip.framing, 20
    image = sample_images(count=frame + 1)[frame]
    expected = resize(crop(image, framing.window), framing.width, framing.height)
    assert np.array_equal(clip.pictures[frame], expected)
    drawn = draw_stick_figure(sample_track()[frame], framing.window, framing.width, framing.height, clip.style)
    assert np.array_equal(clip.conditions[frame], drawn)


def test_every_array_has_a_row_for_every_frame(clip: PreparedClip) -> None:
    lengths = {len(getattr(clip, name)) for name in clips.ARRAYS if name != "plates"}
    assert lengths == {FRAMES}
    assert clip.plates.shape[1:] == clip.pictures.shape[1:]
    assert clip.plate_of.max() + 1 == len(clip.plates)


def test_the_mask_lies_on_the_person(clip: PreparedClip) -> None:
    hips = clip.framing.in_picture(sample_track().points[:, 23:25].mean(axis=1)).round().astype(int)
    on_person = [mask[y, x] for mask, (x, y) in zip(clip.masks, hips, strict=True)]
    assert np.mean(on_person) > 200
    assert clip.masks[:, :3, :3].mean() < 20


def test_the_plate_shows_the_stage_without_the_person(clip: PreparedClip) -> None:
    picture, plate, mask = clip.pictures[10], clip.plates[clip.plate_of[10]], clip.masks[10] > 200
    difference = np.abs(picture.astype(int) - plate).mean(axis=2)
    assert difference[mask].mean() > 5 * difference[clip.masks[10] < 10].mean()


def test_noses_are_given_in_pixels_of_the_networks_picture(clip: PreparedClip) -> None:
    track = sample_track()
    assert np.array_equal(clip.noses[:, :2], clip.framing.in_picture(track.points[:, 0]))
    assert np.array_equal(clip.noses[:, 2], track.confidence[:, 0])
    assert np.array_equal(clip.joints[:, 16, :2], clip.framing.in_picture(track.points[:, 16]))


def test_the_last_fifteen_percent_are_held_out(clip: PreparedClip) -> None:
    assert trained_frames(FRAMES) == clip.trained == 48
    assert clip.pairs.tolist() == list(range(1, 48))
    assert clip.held_out.tolist() == list(range(48, 56))


def test_held_out_frames_have_no_part_in_any_plate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "person_masks", lambda frames, track: (np.zeros((HEIGHT, WIDTH), "f4") for _ in frames))
    images = [np.full((HEIGHT, WIDTH, 3), 40 if index < 48 else 250, np.uint8) for index in range(FRAMES)]
    track = sample_track()
    prepare_clip(save_film(tmp_path / "film.mp4", images), track, SMALL, STYLE, tmp_path / "clip")
    assert open_clip(tmp_path / "clip").plates.max() == 40
    assert np.load(tmp_path / "clip/background.npy").max() == 40


def test_the_background_has_the_films_own_size(prepared: Path) -> None:
    assert np.load(prepared / "background.npy").shape == (HEIGHT, WIDTH, 3)


def test_gaps_held_poses_and_cuts_make_no_pairs(prepared: Path, tmp_path: Path) -> None:
    status = [Status.TRACKED] * FRAMES
    status[10], status[20], status[30] = Status.MISSING, Status.HELD, Status.INTERPOLATED
    track = track_of(sample_track().points, status=status)
    track.shot[40:] = 1
    follows = clips._follows(track)
    assert np.flatnonzero(~follows).tolist() == [0, 10, 11, 20, 21, 40]


def test_a_target_that_is_too_short_is_refused(tmp_path: Path) -> None:
    track = track_of(sample_track().points, status=[Status.TRACKED] * 47 + [Status.HELD] * 9)
    with pytest.raises(TrainingError) as caught:
        prepare_clip(tmp_path / "short.mp4", track, SMALL, STYLE, tmp_path / "clip")
    assert str(caught.value) == (
        f"{tmp_path / 'short.mp4'}: the person is seen in 47 frames; expected at least 48, better some thousand. "
        "Film the target for a minute or more: arms up, out and across, steps, turns."
    )


@pytest.mark.parametrize(("frames", "error"), [(FRAMES - 4, TrackError), (FRAMES + 4, VideoError)])
def test_a_track_of_another_length_is_refused_and_nothing_is_left(
    blue_film: Path, tmp_path: Path, frames: int, error: type[Exception]
) -> None:
    track = sample_track(count=frames)
    with pytest.raises(error):
        prepare_clip(blue_film, track, SMALL, STYLE, tmp_path / "clip")
    assert not list(tmp_path.iterdir())


def test_progress_counts_every_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blue_film: Path) -> None:
    monkeypatch.setattr(clips, "person_masks", lambda frames, track: (np.zeros((HEIGHT, WIDTH), "f4") for _ in frames))
    seen: list[int] = []
    prepare_clip(blue_film, sample_track(), SMALL, STYLE, tmp_path / "clip", progress=seen.append)
    assert seen == list(range(1, FRAMES + 1))


def test_large_films_keep_fewer_frames_for_their_background() -> None:
    assert clips._affordable(1280 * 720) == 96
    assert clips._affordable(1920 * 1080) == 64
    # 4K: frame and mask are 33 MB, and as many again lie near the clip's end.
    assert clips._affordable(3840 * 2160) == 16
    assert clips._affordable(10**9) == 3


def test_a_folder_that_is_no_prepared_clip_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no prepared clip .* Prepare the clip again"):
        open_clip(tmp_path)


def test_a_clip_prepared_by_another_version_is_refused(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(prepared, folder)
    facts = json.loads((folder / "clip.json").read_text())
    (folder / "clip.json").write_text(json.dumps(facts | {"version": 99}))
    with pytest.raises(TrainingError, match=r"version 99; expected version 2\. Prepare the clip again"):
        open_clip(folder)


def test_a_clip_that_lost_an_array_is_refused(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(prepared, folder)
    (folder / "masks.npy").unlink()
    with pytest.raises(TrainingError, match=r"masks\.npy"):
        open_clip(folder)


def test_uneven_times_give_the_mean_pace() -> None:
    track = track_of(np.zeros((4, 33, 2), np.float32), times=[Fraction(0), Fraction(1, 10), Fraction(1), Fraction(3)])
    assert clips._seconds_per_frame(track) == 1.0
