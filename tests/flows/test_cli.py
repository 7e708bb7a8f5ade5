"""What a user sees: one clear message and exit status 1 for bad input, 2 for wrong usage, and nothing half-written."""

import shutil
import sys
from pathlib import Path

import pytest

from flows import cli
from flows.commands import clips as clip_commands

SAMPLES = Path(__file__).parents[2] / "sample_videos"
RED = str(SAMPLES / "red_dance.mp4")


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    """Run the command line in this process: exit status, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["understudy", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    code = ended.value.code
    return int(code) if isinstance(code, int) else 0, shown.out, shown.err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.touch(), "the file is empty"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("Dear diary,\n" * 100), "cannot be opened as a video"),
    ],
    ids=["no such file", "an empty file", "a folder", "a text file called .mp4"],
)
def test_a_source_that_is_no_video_is_refused_at_once(
    make: object,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = tmp_path / "clip.mp4"
    make(clip)  # type: ignore[operator]
    output = tmp_path / "out.mp4"
    status, _, said = run(capsys, monkeypatch, "dance", str(clip), RED, "-o", str(output), "--consent", "self")
    assert status == 1
    assert said.startswith(f"understudy: {clip}: ")
    assert message in said
    assert said.count("\n") == 1
    assert not output.exists()


def test_a_taken_output_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Path(shutil.copy(RED, tmp_path / "out.mp4"))
    before = output.read_bytes()
    status, _, said = run(capsys, monkeypatch, "dance", RED, RED, "-o", str(output))
    assert status == 1
    assert "the file is there already" in said and "--overwrite" in said
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("dance", RED),
        ("dance", RED, RED, "-o", "x.mp4", "--size", "large"),
        ("dance", RED, RED, "-o", "x.mp4", "--minutes", "-1"),
        ("perform",),
    ],
)
def test_wrong_usage_ends_with_status_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, said = run(capsys, monkeypatch, *words)
    assert status == 2
    assert "Usage: " in said and "understudy" in said


def test_doctor_says_which_device_and_precision_and_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, shown, _ = run(capsys, monkeypatch, "doctor", "--device", "cpu")
    assert status == 0
    found = dict(line.split(maxsplit=1) for line in shown.splitlines() if line.startswith(("device", "precision")))
    assert found["device"] == "cpu"
    assert found["precision"].split(":")[0] in ("float32", "bfloat16")
    assert "AVX512-BF16" in found["precision"]
    assert "mediapipe        0.10.21" in shown


def test_ctrl_c_says_that_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clip_commands, "film", interrupted)
    status, _, said = run(capsys, monkeypatch, "track", RED, "-o", str(tmp_path / "track.npz"))
    assert status == 1
    assert "finished work is saved. The same command goes on from there." in said
