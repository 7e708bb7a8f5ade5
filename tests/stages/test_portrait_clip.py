"""A prepared portrait holds the film's pictures and the face's images; its training leaves a folder that is whole.

The film shows an egg that wanders about before a wall.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_faces import DISTANCE, HEIGHT, WIDTH, egg, face_model, still_face
from made_portraits import LIGHT_PHASE, face_track, tiny

from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import ModelError, OutputExists, TrainingError, VideoError
from pipeline.face_landmarks import CHIN, FOREHEAD
from pipeline.image import crop, read_png, resize
from pipeline.values import Box, FacePerformance, FaceTrack, Frame, Status, VideoInfo
from pipeline.video import LOSSLESS, write_video
from stages.conditioning.face_images import FaceImagesFormat, draw_face_images
from stages.model_folder import read_facts
from stages.portrait_model import PARTS, copy_portrait, load_portrait, read_portrait_facts
from stages.retargeting.metric_camera import MetricCamera
from stages.training.clips import open_clip
from stages.training.phases import Budget
from stages.training.portrait_clip import face_joints, frame_head, prepare_portrait
from stages.training.train_portrait import train_portrait

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 56
REFERENCE = 7
STYLE = FaceImagesFormat()
MODEL = replace(face_model(egg()), reference=REFERENCE)
WALL = np.full((HEIGHT, WIDTH, 3), (40, 60, 90), np.uint8)


def wandering() -> FacePerformance:
    """The egg's middle goes about by some 3 cm, 20 pixels."""
    turn = np.arange(FRAMES) / 6
    places = np.column_stack([3 * np.sin(turn), 2 * np.cos(turn), np.full(FRAMES, -1.6 * DISTANCE)])
    one = still_face()
    repeated = {name: np.repeat(getattr(one, name), FRAMES, axis=0) for name in ("rotation", "expression", "gaze")}
    also = {name: np.repeat(getattr(one, name), FRAMES, axis=0) for name in ("lids", "shoulders", "status", "shot")}
    times = tuple(Fraction(index, 25) for index in range(FRAMES))
    return replace(one, times=times, translation=places.astype(np.float32), **repeated, **also)


def tracked(performance: FacePerformance) -> FaceTrack:
    points = MetricCamera(WIDTH, HEIGHT).project(MODEL.neutral + performance.translation[:, None])
    irises = np.repeat(points[:, :1], 10, axis=1)
    track = face_track(np.concatenate([points, irises], axis=1), WIDTH, HEIGHT)
    return replace(track, shoulders=performance.shoulders)


PERFORMANCE = wandering()
TRACK = tracked(PERFORMANCE)


def images() -> list[np.ndarray]:
    whole = Box(0, 0, WIDTH, HEIGHT)
    drawn = [draw_face_images(PERFORMANCE, index, MODEL, whole, WIDTH, HEIGHT, STYLE) for index in range(FRAMES)]
    return [np.where(one[..., 3:6].any(axis=2, keepdims=True), one[..., :3], WALL) for one in drawn]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "egg.mp4"
    info = VideoInfo(path, WIDTH, HEIGHT, Fraction(25), Fraction(1, 25))
    with write_video(path, info, encoding=LOSSLESS, overwrite=True) as writer:
        for index, image in enumerate(images()):
            writer.write(Frame(image, Fraction(index, 25), index))
    return path


@pytest.fixture(scope="module")
def egg_clip(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips") / "egg"
    framing = frame_head(TRACK, pixels=64 * 64, stride=16)
    prepare_portrait(film, TRACK, PERFORMANCE, MODEL, framing, STYLE, folder)
    return folder


@pytest.fixture(scope="module")
def trained(
    egg_clip: Path, film: Path, one_thread: None, compute: Compute, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder, preset = tmp_path_factory.mktemp("models") / "egg", tiny(LIGHT_PHASE)
    clip = FileRef.of(film)
    train_portrait(egg_clip, clip, MODEL, preset, Budget(steps=3), compute, folder, performance=PERFORMANCE)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "model"))


@pytest.fixture
def edit(folder: Path) -> Callable[..., None]:
    """Change fields of model.json."""

    def change(**fields: Any) -> None:
        facts = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(facts | fields))

    return change


def oval(left: float, top: float, width: float, height: float) -> np.ndarray:
    """A face (1, 478, 3) whose points fill a rectangle, forehead and chin at its upper and lower rim."""
    points = np.full((1, 478, 3), (left + width / 2, top + height / 2, 0), np.float32)
    points[0, FOREHEAD, 1], points[0, CHIN, 1] = top, top + height
    points[0, 234, 0], points[0, 454, 0] = left, left + width
    return points


def test_the_window_holds_hair_and_shoulders_of_all_places_the_head_goes_to() -> None:
    points = np.concatenate([oval(400, 300, 80, 100), oval(500, 320, 80, 100)])
    framing = frame_head(face_track(points, 1280, 720), pixels=192 * 192, stride=16)
    window = framing.window
    # 0.8 heights to either side of 400 … 580, 0.7 above 300, 0.9 below 420.
    assert window.left <= 320 and window.right >= 660 and window.top <= 230 and window.bottom >= 510
    assert window.width <= 350 and window.height <= 300
    assert framing.width % 16 == framing.height % 16 == 0
    assert framing.width / framing.height == pytest.approx(window.width / window.height, rel=0.01)
    assert framing.width * framing.height == pytest.approx(192 * 192, rel=0.1)


def test_the_window_stays_inside_the_frame() -> None:
    framing = frame_head(face_track(oval(20, 10, 240, 300), 640, 480), pixels=192 * 192, stride=16)
    window = framing.window
    # 500x480 are reached; a square of 192x192 pixels would take 500 rows, so 20 columns are given up.
    assert (window.width, window.height) == (480, 480)
    assert window.left >= 0 and window.top == 0 and window.right <= 640 and window.bottom == 480


def test_a_head_that_goes_everywhere_is_not_cut_off_for_the_frames_sake() -> None:
    points = np.concatenate([oval(200, 10, 80, 100), oval(200, 850, 80, 100)])
    framing = frame_head(face_track(points, 480, 960), pixels=256 * 256, stride=256)
    assert framing.window.height == 960


def test_faces_that_are_only_held_do_not_widen_the_window() -> None:
    points = np.concatenate([oval(400, 300, 80, 100), oval(0, 0, 80, 100)])
    status = np.array([Status.TRACKED, Status.HELD], np.uint8)
    held = frame_head(face_track(points, 1280, 720, status), pixels=192 * 192, stride=16)
    assert held == frame_head(face_track(points[:1], 1280, 720), pixels=192 * 192, stride=16)


@pytest.mark.parametrize(("stride", "side"), [(256, 256), (512, 512), (16, 64)])
def test_a_small_head_gets_a_picture_that_the_network_takes(stride: int, side: int) -> None:
    framing = frame_head(face_track(oval(100, 100, 10, 12), 640, 480), pixels=256 * 256, stride=stride)
    assert (framing.width, framing.height) == (side, side)


def test_a_size_that_is_asked_for_is_rounded_up_and_shapes_the_window() -> None:
    framing = frame_head(face_track(oval(300, 200, 80, 100), 640, 480), pixels=1, stride=16, size=(250, 120))
    assert (framing.width, framing.height) == (256, 128)
    assert framing.window.width == pytest.approx(2 * framing.window.height, abs=1)


def test_without_a_face_there_is_no_window() -> None:
    track = face_track(oval(0, 0, 8, 10), 64, 48, np.array([Status.MISSING], np.uint8))
    with pytest.raises(TrainingError, match=r"no face is ever seen; expected a face in most frames"):
        frame_head(track, pixels=64, stride=16)


def test_joints_are_those_of_the_mesh_and_all_others_are_unsure() -> None:
    joints = face_joints(TRACK)
    right_eye, left_eye, nose, mouth_right, mouth_left = (joints[0, number, :2] for number in (5, 2, 0, 10, 9))
    assert right_eye[0] < nose[0] < left_eye[0] and mouth_right[0] < nose[0] < mouth_left[0]
    assert right_eye[1] < nose[1] < mouth_left[1]
    assert joints[0, 12, :2].tolist() == [60, 170] and joints[0, 11, :2].tolist() == [180, 176]
    assert np.flatnonzero(joints[0, :, 2]).tolist() == [0, 2, 5, 9, 10, 11, 12]


def test_a_prepared_portrait_holds_the_films_pictures_and_the_faces_images(egg_clip: Path) -> None:
    clip, frame = open_clip(egg_clip), 20
    framing = clip.framing
    size = framing.width, framing.height
    assert clip.face_images == STYLE and clip.trained == 48
    assert np.array_equal(clip.pictures[frame], resize(crop(images()[frame], framing.window), *size))
    drawn = draw_face_images(PERFORMANCE, frame, MODEL, framing.window, *size, STYLE)
    assert clip.conditions.shape[1:] == (*size[::-1], 12) and np.array_equal(clip.conditions[frame], drawn)
    assert np.array_equal(np.load(egg_clip / "still.npy"), images()[REFERENCE])
    assert np.load(egg_clip / "background.npy").shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(clip.noses[:, :2], framing.in_picture(TRACK.points[:, 4, :2]))
    with pytest.raises(TrainingError, match=r"its conditions show a face; expected stick figures"):
        _ = clip.figures


def test_a_film_with_too_little_of_the_face_is_refused(film: Path, tmp_path: Path) -> None:
    status = np.full(FRAMES, Status.TRACKED, np.uint8)
    status[40:] = Status.HELD
    track = replace(TRACK, status=status)
    framing = frame_head(track, pixels=64 * 64, stride=16)
    with pytest.raises(TrainingError) as caught:
        prepare_portrait(film, track, PERFORMANCE, MODEL, framing, STYLE, tmp_path / "clip")
    assert str(caught.value) == (
        f"{film}: the face is seen in 40 frames; expected at least 48, better some thousand. "
        "Film the target for a minute or more: look and turn about, talk, laugh, blink."
    )


def test_a_track_of_another_length_is_refused_and_nothing_is_left(film: Path, tmp_path: Path) -> None:
    longer = face_track(np.concatenate([TRACK.points, TRACK.points[:4]]), WIDTH, HEIGHT)
    framing = frame_head(TRACK, pixels=64 * 64, stride=16)
    with pytest.raises(VideoError, match=r"egg\.mp4: ends after 56 items"):
        prepare_portrait(film, longer, PERFORMANCE, MODEL, framing, STYLE, tmp_path / "clip")
    assert not list(tmp_path.iterdir())


def test_what_was_trained_is_what_is_read(trained: Path, compute: Compute, film: Path, egg_clip: Path) -> None:
    loaded = load_portrait(trained, compute)
    facts = loaded.facts
    assert (facts.kind, facts.preset, facts.method, facts.network) == (
        "portrait", "tiny", "deep-video-portraits", "light-portrait",
    )  # fmt: skip
    assert (facts.clip_name, facts.clip_sha256) == ("egg.mp4", FileRef.of(film).sha256)
    assert facts.framing == open_clip(egg_clip).framing and facts.style == STYLE
    assert facts.held_out is not None and facts.held_out.frames == 8 and facts.drift_limit is None
    assert np.array_equal(loaded.face.neutral, MODEL.neutral) and loaded.face.reference == REFERENCE
    assert np.array_equal(loaded.performance.translation, PERFORMANCE.translation)
    assert np.array_equal(loaded.still, images()[REFERENCE])
    assert np.array_equal(loaded.background, np.load(egg_clip / "background.npy"))
    assert not loaded.performer.training
    assert not list((trained / "training").rglob("*.safetensors"))


def test_the_weights_are_those_that_were_scored(trained: Path, compute: Compute, egg_clip: Path) -> None:
    from stages.training.validation import score_held_out

    loaded = load_portrait(trained, compute)
    score = score_held_out(open_clip(egg_clip), loaded.performer, compute)
    assert score is not None and loaded.facts.held_out is not None
    assert score.psnr_db == pytest.approx(loaded.facts.held_out.psnr_db)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_that_changed_or_is_missing_is_refused_by_name(folder: Path, compute: Compute, part: str) -> None:
    with (folder / part).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError) as caught:
        load_portrait(folder, compute)
    assert str(caught.value) == (
        f"{folder / part}: the file is not the one that model.json names; expected the part it was. "
        "Copy the whole model folder again, or train again."
    )
    (folder / part).unlink()
    with pytest.raises(ModelError, match=r"the file is missing; expected all parts of the model in one folder"):
        load_portrait(folder, compute)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"kind": "dance"},
            "a model of kind 'dance'; expected kind 'portrait'. It is a dancer's: give it to `understudy render` or "
            "`understudy dance`.",
        ),
        ({"version": 2}, "model version 2; expected version 1. Train the model again."),
        ({"style": {"version": 7}}, "face images format 7; expected format 2. Train the model again."),
        ({"style": None}, "face images format None; expected format 2. Train the model again."),
        ({"clip_name": None}, "clip_name: "),
    ],
)
def test_a_model_of_another_kind_is_refused(
    folder: Path, edit: Callable[..., None], fields: dict[str, Any], message: str
) -> None:
    edit(**fields)
    with pytest.raises(ModelError) as caught:
        read_portrait_facts(folder)
    assert str(caught.value).startswith(f"{folder / 'model.json'}: {message}")


def test_a_portrait_is_no_dance_and_an_empty_folder_neither(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a model of kind 'portrait'; expected kind 'dance'. It is a head's"):
        read_facts(folder)
    with pytest.raises(ModelError, match=r"no model\.json; expected a model folder that `understudy train` wrote"):
        read_portrait_facts(tmp_path)


def test_a_network_that_cannot_be_built_is_refused(folder: Path, compute: Compute, edit: Callable[..., None]) -> None:
    edit(network_config={"window": 0})
    with pytest.raises(ModelError, match=r"the network cannot be built \(LightPortraitConfig\.window is 0"):
        load_portrait(folder, compute)


def test_a_copy_is_a_whole_model_and_replaces_nothing_unasked(trained: Path, tmp_path: Path) -> None:
    copy_portrait(trained, tmp_path / "copy", overwrite=False)
    loaded = load_portrait(tmp_path / "copy", Compute())
    assert loaded.facts == read_portrait_facts(trained)
    assert read_png(tmp_path / "copy/training/held_out.png") is not None
    with pytest.raises(OutputExists):
        copy_portrait(trained, tmp_path / "copy", overwrite=False)


def test_a_clip_without_two_frames_in_a_row_is_refused(
    egg_clip: Path, compute: Compute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = open_clip(egg_clip)
    torn = replace(clip, follows=np.zeros_like(clip.follows))
    monkeypatch.setattr("stages.training.train_portrait.open_clip", lambda folder: torn)
    film, preset = FileRef(Path("e.mp4"), ""), tiny(LIGHT_PHASE)
    with pytest.raises(TrainingError) as caught:
        train_portrait(egg_clip, film, MODEL, preset, Budget(steps=1), compute, tmp_path, performance=PERFORMANCE)
    assert str(caught.value) == "e.mp4: no two frames in a row show the face; expected a continuous take. Film again."
