"""Clips prepared piece by piece: the same arrays to the bit, for dancers and for heads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_dances import HEIGHT, WIDTH, sample_images, sample_track, save_film
from test_portrait_clip import MODEL, PERFORMANCE, TRACK
from test_portrait_clip import STYLE as FACE_STYLE
from test_portrait_clip import film as film

from pipeline.errors import TrackError, VideoError
from pipeline.values import Box, Status, Track
from stages.conditioning.stick_figure import StickFigureFormat
from stages.training import clip_pieces
from stages.training.clip_pieces import draw_piece, pieces_of
from stages.training.clips import dancer, prepare_clip
from stages.training.framing import Framing
from stages.training.portrait_clip import frame_head, head, prepare_portrait
from stages.training.subject import Subject

STYLE = StickFigureFormat()
SMALL = Framing(frame_width=WIDTH, frame_height=HEIGHT, window=Box(0, 0, WIDTH, HEIGHT), width=45, height=80)


def drawn(video: Path, subject: Subject, folder: Path) -> list[Path]:
    """All pieces of a clip, the last one first: none needs another."""
    pieces = pieces_of(len(subject.track))
    paths = [folder / f"{number}.npz" for number in range(len(pieces))]
    for frames, path in reversed(list(zip(pieces, paths, strict=True))):
        draw_piece(video, subject, frames, path)
    return paths


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_pieces, "PIECE_FRAMES", 24)


@pytest.fixture(scope="module")
def half_hidden(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Track]:
    """Sixty frames of a dancer whom the track does not know in frames 20 … 27, across the border of two pieces."""
    path = tmp_path_factory.mktemp("half") / "film.mp4"
    save_film(path, sample_images(count=60))
    track = sample_track(count=60)
    status = track.status.copy()
    status[20:28] = Status.MISSING
    return path, replace(track, status=status)


def test_a_dancers_clip_is_the_same_to_the_bit_even_where_a_piece_begins_with_nobody(
    half_hidden: tuple[Path, Track], tmp_path: Path
) -> None:
    video, track = half_hidden
    subject = dancer(track, SMALL, STYLE)
    assert [subject.masks_from(index) for index in (0, 19, 24, 28, 48)] == [0, 19, 19, 28, 48]
    prepare_clip(video, track, SMALL, STYLE, tmp_path / "alone")
    pieces = drawn(video, subject, tmp_path)
    prepare_clip(video, track, SMALL, STYLE, tmp_path / "together", pieces=pieces)
    assert len(pieces) == 3
    assert contents(tmp_path / "alone") == contents(tmp_path / "together")


def test_a_heads_clip_is_the_same_to_the_bit(film: Path, tmp_path: Path) -> None:
    framing = frame_head(TRACK, pixels=64 * 64, stride=8)
    how = TRACK, PERFORMANCE, MODEL, framing, FACE_STYLE
    prepare_portrait(film, *how, tmp_path / "alone")
    pieces = drawn(film, head(*how), tmp_path)
    prepare_portrait(film, *how, tmp_path / "together", pieces=pieces)
    assert len(pieces) == 3
    assert contents(tmp_path / "alone") == contents(tmp_path / "together")


def test_a_film_longer_than_its_pieces_is_refused(half_hidden: tuple[Path, Track], tmp_path: Path) -> None:
    video, track = half_hidden
    parts = {name: getattr(track, name)[:57] for name in ("times", "points", "confidence", "world", "status", "shot")}
    short = replace(track, **parts)
    pieces = drawn(video, dancer(short, SMALL, STYLE), tmp_path)
    with pytest.raises(VideoError, match=r"its track: ends after 57 items, but film\.mp4 goes on"):
        prepare_clip(video, short, SMALL, STYLE, tmp_path / "clip", pieces=pieces)
    assert not (tmp_path / "clip").exists()


def test_a_piece_whose_bytes_were_cut_is_refused(half_hidden: tuple[Path, Track], tmp_path: Path) -> None:
    video, track = half_hidden
    pieces = drawn(video, dancer(track, SMALL, STYLE), tmp_path)
    arrays = dict(np.load(pieces[1]))
    np.savez(pieces[1], **{**arrays, "masks": arrays["masks"][:-1]})
    with pytest.raises(TrackError, match=r"1\.npz: field 'masks' has \d+ bytes; .* Delete it; it is made again"):
        prepare_clip(video, track, SMALL, STYLE, tmp_path / "clip", pieces=pieces)


def test_pieces_hold_every_frame_once() -> None:
    assert pieces_of(60) == [range(24), range(24, 48), range(48, 60)]
    assert pieces_of(24) == [range(24)]
