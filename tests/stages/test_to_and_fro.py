"""A clip's pictures come in the order they are asked for, none is dropped, and few are held."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import VideoError
from pipeline.values import Frame, VideoInfo
from pipeline.video import Encoding, read_video, write_video
from stages.rendering import to_and_fro
from stages.rendering.to_and_fro import pictures_at

COUNT = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty grey frames, each 6 levels lighter than the last; one key picture, B-frames after it."""
    path = tmp_path_factory.mktemp("clip") / "steps.mp4"
    info = VideoInfo(path, 64, 48, Fraction(30000, 1001), Fraction(1, 30000))
    with write_video(path, info, encoding=Encoding(crf=0)) as film:
        for index in range(COUNT):
            film.write(Frame(np.full((48, 64, 3), 6 * index, np.uint8), Fraction(1001 * index, 30000), index))
    return path


def numbers(clip: Path, wanted: Sequence[int], held: int | None = None) -> list[int]:
    return [round(float(picture.mean()) / 6) for picture in pictures_at(clip, wanted, held=held)]


@pytest.mark.parametrize(
    "wanted",
    [
        list(range(COUNT)),
        [*range(COUNT), *range(COUNT - 2, -1, -1), *range(1, 20)],
        list(range(COUNT - 1, -1, -1)),
        [3, 3, 3, 4, 4, 5, 5, 5, 4, 4, 3, 3, 3],
        [0, 2, 4, 6, 39, 37, 35, 1],
        [7],
    ],
    ids=["forwards", "to and fro", "backwards", "repeated", "with gaps and leaps", "one alone"],
)
@pytest.mark.parametrize("held", [None, 5], ids=["long blocks", "blocks of five"])
def test_every_picture_comes_in_its_turn(clip: Path, wanted: list[int], held: int | None) -> None:
    assert numbers(clip, wanted, held) == wanted


def test_nothing_wanted_is_nothing_read(tmp_path: Path, clip: Path) -> None:
    assert list(pictures_at(clip, [])) == []


def test_going_backwards_opens_the_clip_once_for_every_block(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[tuple[int, int]] = []

    def counted(path: Path, *, start_index: int, stop_index: int) -> object:
        spans.append((start_index, stop_index))
        return read_video(path, start_index=start_index, stop_index=stop_index)

    monkeypatch.setattr(to_and_fro, "read_video", counted)
    assert numbers(clip, range(COUNT - 1, -1, -1), held=10) == list(range(COUNT - 1, -1, -1))
    assert spans == [(30, 40), (20, 30), (10, 20), (0, 10)]


def test_a_frame_beyond_the_end_is_said_and_not_left_out(clip: Path) -> None:
    with pytest.raises(VideoError, match=r"steps\.mp4: it ends before frame 40; expected the clip that was tracked"):
        numbers(clip, [38, 39, 40])
