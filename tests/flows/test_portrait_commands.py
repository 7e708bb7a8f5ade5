"""What a user of portraits sees: one clear message for bad input, found out at once, and who is who among the clips."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer

from flows import cli
from flows.commands.starting import moving
from pipeline.artifacts import FileRef
from pipeline.errors import ModelError, TrackError, UnknownChoice, VideoError
from pipeline.values import Frame
from pipeline.video import read_video, write_video
from stages.tracking.face import FaceTrackerConfig, parse_face_choice

SAMPLES = Path(__file__).parents[2] / "sample_videos"
RED, BLUE = str(SAMPLES / "red_portrait.mp4"), str(SAMPLES / "blue_portrait.mp4")
OWN = ("--consent", "self")


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    """Run the command line in this process: exit status, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["understudy", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    code = ended.value.code
    return int(code) if isinstance(code, int) else 0, shown.out, shown.err


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "blue.png"
    cv2.imwrite(str(path), np.full((64, 64, 3), 128, np.uint8))
    return path


@pytest.fixture(scope="module")
def two_heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both samples side by side for thirty frames."""
    path = tmp_path_factory.mktemp("two") / "two.mp4"
    with read_video(Path(RED), stop_index=30) as red, read_video(Path(BLUE), stop_index=30) as blue:
        pairs = [(one, np.concatenate([one.image, other.image], axis=1)) for one, other in zip(red, blue, strict=True)]
        info = red.info
    from dataclasses import replace

    with write_video(path, replace(info, width=2 * info.width)) as film:
        for frame, picture in pairs:
            film.write(Frame(picture, frame.time, frame.index))
    return path


@pytest.mark.parametrize("command", ["portrait", "train"])
def test_a_picture_is_no_target_and_the_message_says_what_to_film(
    command: str,
    photograph: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("portrait", RED) if command == "portrait" else ("train", "portrait")
    place = ("-o", str(tmp_path / "out.mp4"), "--consent", "self")
    status, _, said = run(capsys, monkeypatch, *words, str(photograph), *place)
    assert status == 1
    assert said.startswith(
        f"understudy: {photograph}: this is a picture; expected a clip in which the head moves. Film"
    )
    assert said.count("\n") == 1


def test_a_film_of_one_frame_is_a_picture_too(tmp_path: Path) -> None:
    path = tmp_path / "one.mp4"
    with read_video(Path(RED), stop_index=1) as video, write_video(path, video.info) as film:
        for frame in video:
            film.write(frame)
    with pytest.raises(VideoError, match="this is a picture"):
        moving(path, "Film it.")
    assert moving(Path(RED), "Film it.").path.name == "red_portrait.mp4"


@pytest.mark.parametrize(
    "words",
    [
        ("portrait", RED),
        ("portrait", "-o", "x.mp4"),
        ("portrait", RED, BLUE, "-o", "x.mp4", "--size", "large"),
        ("portrait", RED, BLUE, "-o", "x.mp4", "--motion", "-1"),
        ("portrait", RED, BLUE, "-o", "x.mp4", "--motion", "2", "--mode", "absolute", *OWN),
        ("portrait", BLUE, "-o", "x.mp4", *OWN),
        ("portrait", RED, BLUE, BLUE, "-o", "x.mp4", *OWN),
        ("portrait", RED, BLUE, "-o", "x.mp4", "--preset", "hd", *OWN),
        ("portrait", BLUE, "-o", "x.mp4", "--yaw", "5", "--onto", "source", *OWN),
        ("portrait", RED, "-o", "x.mp4", "--model", "ann", "--steps", "9"),
        ("track", RED, "-o", "x.npz", "--face", "--openpose", "json"),
    ],
    ids=[
        "no output",
        "no clip",
        "size",
        "motion",
        "absolute motion",
        "no slider",
        "three clips",
        "no budget",
        "onto",
        "training a model",
        "joints of a face",
    ],
)
def test_wrong_usage_ends_with_status_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, said = run(capsys, monkeypatch, *words)
    assert status == 2
    assert "Usage: understudy" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--transfer", "nose"), "there is no 'nose'; expected one of expression, gaze, lids, mouth, pose"),
        (("--mode", "free"), "there is no 'free'; expected one of absolute, relative"),
        (("--onto", "moon"), "--onto: there is no 'moon'; expected one of source, still, target"),
        (("--face", "middle"), "there is no 'middle'"),
        (("--method", "gan"), "there is no 'gan'; expected one of deep-video-portraits, vid2vid"),
        (("--yaw", "much"), "--yaw: yaw is 'much'"),
        (("--gaze", "1"), "--gaze"),
    ],
    ids=["part", "mode", "onto", "face", "method", "yaw", "gaze"],
)
def test_a_word_that_is_none_is_found_out_before_any_work(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = ("-o", str(tmp_path / "out.mp4"), "--workspace", str(tmp_path / "runs"))
    status, _, said = run(capsys, monkeypatch, "portrait", RED, BLUE, *place, *OWN, *words)
    assert status == 1
    assert message in said and said.count("\n") == 1
    assert not (tmp_path / "runs/tracks").exists()


def test_sliders_come_from_a_file_or_from_words_and_not_from_both(tmp_path: Path) -> None:
    from flows.commands.portrait_options import chosen_edits

    path = tmp_path / "edits.yaml"
    path.write_text("yaw: 10\n")
    assert chosen_edits(path, yaw=None) == chosen_edits(None, yaw="+10")
    with pytest.raises(typer.BadParameter, match="not both"):
        chosen_edits(path, yaw="5")


def test_who_is_who_among_the_clips() -> None:
    from flows.commands.portrait_options import chosen_edits, roles

    red, blue = FileRef(Path("red"), "1"), FileRef(Path("blue"), "2")
    still, turned = chosen_edits(None), chosen_edits(None, yaw="5")
    assert roles([red, blue], None, None, still) == (red, blue, "target")
    assert roles([red, blue], None, "still", turned) == (red, blue, "still")
    assert roles([blue], None, None, turned) == (None, blue, "target")


def test_with_a_model_one_clip_is_the_source_unless_it_is_the_models_own_and_edited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from types import SimpleNamespace

    from flows.commands import portrait_options
    from flows.commands.portrait_options import chosen_edits, roles

    red, blue = FileRef(Path("red"), "1"), FileRef(Path("blue"), "2")
    still, turned = chosen_edits(None), chosen_edits(None, yaw="5")
    monkeypatch.setattr(portrait_options, "read_portrait_facts", lambda folder: SimpleNamespace(clip_sha256="2"))
    model = Path("model")
    assert roles([red], model, None, still) == (red, None, "still")
    assert roles([red], model, None, turned) == (red, None, "still")
    assert roles([blue], model, None, turned) == (None, blue, "target")
    assert roles([blue], model, None, still) == (blue, blue, "target")
    assert roles([red, blue], model, None, still) == (red, blue, "target")
    with pytest.raises(typer.BadParameter, match="--onto target needs the clip"):
        roles([red], model, "target", still)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    from flows.commands.portrait_options import model_facts

    with pytest.raises(ModelError, match=r"no model\.json"):
        model_facts(tmp_path)


def test_several_faces_are_refused_until_one_is_chosen(
    two_heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("-o", str(tmp_path / "face.npz"), "--workspace", str(tmp_path / "runs"), "--face")
    status, _, said = run(capsys, monkeypatch, "track", str(two_heads), *place)
    assert status == 1
    assert "2 of them about as large as each other" in said and "--face" in said
    status, shown, _ = run(capsys, monkeypatch, "track", str(two_heads), *place, "--performer", "right")
    assert status == 0 and shown.startswith("two.mp4: 30 frames, 30 tracked")
    from stages.tracking.face_track_file import load_face_track

    track = load_face_track(tmp_path / "face.npz")
    assert (track.points[:, 4, 0] > track.width / 2).all()


@pytest.mark.parametrize("option", ["--face", "--target-face"])
def test_with_one_clip_a_face_is_named_by_either_option(
    option: str, two_heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows import portrait_tasks

    chosen: list[object] = []

    def tracked(path: Path, config: FaceTrackerConfig, **_: object) -> None:
        chosen.append(config.face)
        raise TrackError(path, "seen enough", "nothing", "Go home.")

    monkeypatch.setattr(portrait_tasks, "track_face", tracked)
    place = ("-o", str(tmp_path / "film.mp4"), "--workspace", str(tmp_path / "runs"))
    status, _, said = run(capsys, monkeypatch, "portrait", str(two_heads), *place, *OWN, "--yaw", "5", option, "left")
    assert status == 1 and "seen enough" in said
    assert chosen == [parse_face_choice("left")]


def test_an_unknown_face_is_named() -> None:
    from flows.commands.portrait_options import face_tracker

    with pytest.raises(UnknownChoice, match="largest, left, right"):
        face_tracker("tallest")
