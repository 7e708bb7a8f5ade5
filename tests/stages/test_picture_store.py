"""A store holds every picture of a domain at one size; what had to be done to them, or could not be used, is said."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_looks import DRAWING, FRAMES, HEIGHT, STORE, TEACHER, WIDTH, day_pictures, dusk_of, save_clip, save_still

from pipeline.compute import Compute
from pipeline.errors import TrainingError, VideoError
from pipeline.values import Box
from stages.training.flow_teacher import open_flow, teach_flow
from stages.training.picture_draws import (
    DrawPlan,
    View,
    companions_of,
    draw_moment,
    draw_views,
    fitting_plan,
)
from stages.training.picture_store import open_pairs, open_pictures, prepare_pairs, prepare_pictures
from stages.training.stills import read_still

WHOLE = replace(STORE, side=HEIGHT)  # nothing is resized
CPU = Compute("cpu", "float32", 0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clips") / "day.mkv", day_pictures())


def some_stills(folder: Path, count: int = 8) -> Path:
    for number, picture in enumerate(day_pictures(count)):
        save_still(folder / f"{number:03d}.png", picture)
    return folder


def test_a_clip_is_kept_frame_by_frame_and_its_frames_follow_each_other(clip: Path, tmp_path: Path) -> None:
    told: list[int] = []
    report = prepare_pictures([clip], WHOLE, tmp_path / "store", progress=told.append)
    store = open_pictures(tmp_path / "store")
    assert store.report == report and report.lines == (f"{FRAMES} pictures of {WIDTH}x{HEIGHT}",)
    assert isinstance(store.pictures, np.memmap) and np.array_equal(store.pictures, day_pictures())
    assert store.follows.tolist() == [False] + [True] * (FRAMES - 1)
    assert told == list(range(1, FRAMES + 1))
    assert report.origins[0].name == "day.mkv" and len(report.origins[0].sha256) == 64


def test_a_cut_ends_a_shot(tmp_path: Path) -> None:
    film = np.concatenate([day_pictures(5), dusk_of(day_pictures(5))])
    prepare_pictures([save_clip(tmp_path / "cut.mkv", film)], WHOLE, tmp_path / "store")
    assert np.flatnonzero(~open_pictures(tmp_path / "store").follows).tolist() == [0, 5]


def test_the_shorter_side_is_resized_to_the_preset_and_the_shape_kept(clip: Path, tmp_path: Path) -> None:
    report = prepare_pictures([clip], STORE, tmp_path / "store")
    assert (report.width, report.height) == (60, 40)  # of 96x64


def test_clips_folders_and_pictures_mix_in_one_store(clip: Path, tmp_path: Path) -> None:
    folder = some_stills(tmp_path / "mixed" / "within", 3)
    save_clip(folder / "more.mkv", day_pictures(4))
    report = prepare_pictures([tmp_path / "mixed", clip], WHOLE, tmp_path / "store")
    store = open_pictures(tmp_path / "store")
    assert report.pictures == 3 + 4 + FRAMES
    assert np.flatnonzero(store.follows).tolist() == [4, 5, 6, *range(8, 17)]  # 000, 001, 002, more.mkv, day.mkv


def test_pictures_of_any_mode_are_converted_and_it_is_said(tmp_path: Path) -> None:
    folder = some_stills(tmp_path / "stills")
    grey = np.full((HEIGHT, WIDTH), 90, np.uint8)
    clear = np.dstack([day_pictures(1)[0], np.zeros((HEIGHT, WIDTH), np.uint8)])
    save_still(folder / "a-grey.png", grey)
    save_still(folder / "b-clear.png", clear)
    save_still(folder / "c-deep.png", np.full((HEIGHT, WIDTH, 3), 257 * 33, np.uint16))
    save_still(folder / "d-tall.png", np.zeros((120, WIDTH, 3), np.uint8))
    report = prepare_pictures([folder], WHOLE, tmp_path / "store")
    assert report.lines == (
        f"12 pictures of {WIDTH}x{HEIGHT}",
        "1 picture was grey: converted to RGB",
        "1 picture was of 16 bits: converted to RGB",
        "1 picture was with transparency (laid on white): converted to RGB",
        "1 picture has another shape than the first: its edges are cut",
    )
    kept = open_pictures(tmp_path / "store").pictures[8:]
    assert [int(picture[0, 0, 0]) for picture in kept] == [90, 255, 33, 0]


def test_a_photograph_stands_upright_as_its_camera_noted(tmp_path: Path) -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :30] = 255
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    note = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn it clockwise
    exif = b"Exif\0\0" + note
    (tmp_path / "turned.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    still = read_still(tmp_path / "turned.jpg")
    assert still.image.shape == (60, 40, 3) and still.converted == ()
    assert still.image[5].mean() > 250 and still.image[55].mean() < 5


def test_unreadable_files_of_a_folder_are_named_skipped_and_counted(tmp_path: Path) -> None:
    folder = some_stills(tmp_path / "stills")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "empty.jpg").touch()
    (folder / "half.mkv").write_bytes(b"no film")
    (folder / "notes.txt").write_text("not for learning")
    (folder / ".hidden").touch()
    report = prepare_pictures([folder], WHOLE, tmp_path / "store")
    assert report.pictures == 8
    assert report.lines[1].startswith(f"3 files could not be read and were skipped: {folder / 'broken.png'} (it holds ")
    assert f"{folder / 'empty.jpg'} (the file is empty)" in report.lines[1]
    assert report.lines[2] == (
        f"1 file was passed over, neither clip nor picture or without a partner: {folder / 'notes.txt'}"
    )


def test_strict_refuses_the_first_unreadable_file_and_leaves_nothing(tmp_path: Path) -> None:
    folder = some_stills(tmp_path / "stills")
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"broken\.png: it holds no picture; expected a picture of 8 or 16 bits"):
        prepare_pictures([folder], WHOLE, tmp_path / "store", strict=True)
    assert not (tmp_path / "store").exists()
    (folder / "broken.png").rename(folder / "broken.txt")
    with pytest.raises(TrainingError, match=r"--strict: 1 file neither clip nor picture"):
        prepare_pictures([folder], WHOLE, tmp_path / "store", strict=True)


def test_a_file_that_was_named_itself_must_be_readable(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"no film")
    with pytest.raises(VideoError, match="cannot be opened as a video"):
        prepare_pictures([some_stills(tmp_path / "stills"), broken], WHOLE, tmp_path / "store")
    with pytest.raises(TrainingError, match="nowhere: there is no such file or folder"):
        prepare_pictures([tmp_path / "nowhere"], WHOLE, tmp_path / "store")
    with pytest.raises(TrainingError, match=r"the suffix '.txt' names no clip or picture; expected one of \.avi"):
        (tmp_path / "notes.txt").touch()
        prepare_pictures([tmp_path / "notes.txt"], WHOLE, tmp_path / "store")


def test_too_few_pictures_are_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = some_stills(tmp_path / "stills", 3)
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError) as caught:
        prepare_pictures([folder], WHOLE, tmp_path / "store")
    assert str(caught.value) == (
        f"{folder}: there are 3 pictures and 1 file could not be read; expected at least 8, better some hundred. "
        "Give more clips or pictures of this look."
    )


def test_a_long_clip_is_thinned_to_pairs_of_neighbours_over_all_its_length(tmp_path: Path) -> None:
    film = save_clip(tmp_path / "long.mkv", day_pictures(40))
    prepare_pictures([film], replace(WHOLE, most=20), tmp_path / "store")
    store = open_pictures(tmp_path / "store")
    assert store.follows.tolist() == [False, True] * 10
    assert np.array_equal(store.pictures[-1], day_pictures(40)[37])


def test_pairs_are_found_by_name_and_seen_alike(tmp_path: Path) -> None:
    some_stills(tmp_path / "a")
    for number, picture in enumerate(dusk_of(day_pictures(9))):
        save_still(tmp_path / "b" / f"{number:03d}.bmp", picture)
    (tmp_path / "b" / "003.bmp").write_bytes(b"no picture")
    first, second = prepare_pairs(tmp_path / "a", tmp_path / "b", replace(WHOLE, least=7), tmp_path / "pairs")
    one, other = open_pairs(tmp_path / "pairs")
    assert first.pictures == second.pictures == 7 and list(first.skipped) == [
        f"{tmp_path / 'a' / '003.png'} and {tmp_path / 'b' / '003.bmp'}"
    ]
    assert first.passed_over == (str(tmp_path / "b" / "008.bmp"),)
    assert np.array_equal(dusk_of(np.asarray(one.pictures)), other.pictures)


def test_two_clips_are_pairs_frame_by_frame_and_must_be_equally_long(clip: Path, tmp_path: Path) -> None:
    truth = save_clip(tmp_path / "dusk.mkv", dusk_of(day_pictures()))
    prepare_pairs(clip, truth, WHOLE, tmp_path / "pairs")
    one, other = open_pairs(tmp_path / "pairs")
    assert np.array_equal(dusk_of(np.asarray(one.pictures)), other.pictures) and one.follows[1:].all()
    short = save_clip(tmp_path / "short.mkv", day_pictures(9))
    with pytest.raises(VideoError, match=r"short\.mkv: ends after 9 items, but .*day\.mkv goes on"):
        prepare_pairs(clip, short, WHOLE, tmp_path / "others")


def test_pairs_of_different_shape_or_kind_are_refused(clip: Path, tmp_path: Path) -> None:
    square = save_clip(tmp_path / "square.mkv", day_pictures()[:, :, :HEIGHT])
    with pytest.raises(TrainingError, match="they are 96x64 and 64x64; expected two pictures of one shape"):
        prepare_pairs(clip, square, WHOLE, tmp_path / "pairs")
    with pytest.raises(TrainingError, match="one is a clip, one a picture"):
        prepare_pairs(clip, save_still(tmp_path / "a.png", day_pictures(1)[0]), WHOLE, tmp_path / "pairs")
    with pytest.raises(TrainingError, match="one is a folder, one a file; expected two of a kind"):
        prepare_pairs(clip, tmp_path, WHOLE, tmp_path / "pairs")


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no store of pictures .* Prepare it again"):
        open_pictures(tmp_path)


def test_neighbours_are_seen_alike_and_a_mirror_turns_their_motion_around(clip: Path, tmp_path: Path) -> None:
    prepare_pictures([clip], WHOLE, tmp_path / "store")
    store = open_pictures(tmp_path / "store")
    teach_flow(store, (1,), TEACHER, tmp_path / "flow")
    plan, frames = DrawPlan(height=32, width=48), np.array([0, 5])
    whole = Box(0, 0, WIDTH, HEIGHT)
    square = np.s_[14:18, 10:14]  # at half size, inside the red square of frame 5, at columns 10 … 34 of the clip
    taught, beside = open_flow(tmp_path / "flow"), companions_of(store, frames, np.random.default_rng(0))
    assert beside[1] == 4  # frame 0 follows none, and has any other beside it
    upright, mirror = ([View(window=whole, flipped=flipped)] * 2 for flipped in (False, True))
    moment = draw_moment(store, frames, upright, plan, CPU, companions=beside, flow=taught)
    assert moment.pictures.shape == (4, 3, 32, 48) and moment.motion is not None
    assert (moment.motion.later.tolist(), moment.motion.earlier.tolist()) == ([1], [3])
    assert moment.motion.flow[0, 0][square].numpy() == pytest.approx(-1.0, abs=0.3)  # 2 pixels of the clip, halved
    turned = draw_moment(store, frames, mirror, plan, CPU, companions=beside, flow=taught)
    assert np.array_equal(turned.pictures.flip(-1).numpy(), moment.pictures.numpy())
    assert turned.motion is not None
    mirrored = turned.motion.flow.flip(-1).numpy() * np.array([-1.0, 1.0], np.float32)[:, None, None]
    assert np.array_equal(mirrored, moment.motion.flow.numpy())
    alone = draw_moment(store, frames, upright, plan, CPU, flow=taught)
    assert alone.motion is None and len(alone.pictures) == 2


def test_windows_lie_inside_the_picture_and_are_no_smaller_than_what_is_drawn(clip: Path, tmp_path: Path) -> None:
    prepare_pictures([clip], STORE, tmp_path / "store")
    store = open_pictures(tmp_path / "store")
    chance = np.random.default_rng(0)
    views = draw_views(store, DrawPlan(height=32, width=32, batch=200, shrink=True), chance)
    sizes = {(view.window.width, view.window.height) for view in views}
    assert {width for width, _ in sizes} == set(range(32, 41)) and all(width == height for width, height in sizes)
    assert all(
        v.window.left >= 0 and v.window.right <= 60 and v.window.top >= 0 and v.window.bottom <= 40 for v in views
    )
    assert 70 < sum(view.flipped for view in views) < 130
    cut = draw_views(store, DrawPlan(height=32, width=32, batch=20, flip=False), chance)
    assert {(view.window.width, view.flipped) for view in cut} == {(32, False)}


def test_a_plan_takes_what_the_smaller_store_has_in_whole_strides(clip: Path, tmp_path: Path) -> None:
    prepare_pictures([clip], STORE, tmp_path / "store")  # 60x40
    store = open_pictures(tmp_path / "store")
    plan = fitting_plan([store, store], 256, 48, stride=16, smallest=32, batch=DRAWING.batch, shrink=True, flip=False)
    assert (plan.height, plan.width) == (32, 48)
    with pytest.raises(TrainingError, match="they are 60x40 and 60x40; expected at least 64 pixels a side"):
        fitting_plan([store, store], 256, 48, stride=32, smallest=64, batch=1, shrink=True, flip=False)


@pytest.mark.skipif(os.name == "nt", reason="names with a colon are none there")
def test_folders_within_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    some_stills(tmp_path / "look")
    some_stills(tmp_path / "look" / ".cache")
    assert prepare_pictures([tmp_path / "look"], WHOLE, tmp_path / "store").pictures == 8
