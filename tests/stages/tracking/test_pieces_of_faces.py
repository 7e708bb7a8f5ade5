"""Faces tracked piece by piece: the same track to the bit, whatever was guessed; unknown frames are looked at again."""

from pathlib import Path

import numpy as np
import pytest
from tracking_clips import SAMPLES

from pipeline.errors import TrackError
from pipeline.values import FaceTrack
from pipeline.video import read_video
from stages.tracking import face
from stages.tracking.face import (
    FaceRepairConfig,
    FaceTrackerConfig,
    face_pieces_of,
    parse_face_choice,
    track_face,
    track_face_piece,
)
from stages.tracking.face_notes_file import load_notes
from stages.tracking.face_views import SecondLooks

FIELDS = ("points", "confidence", "status", "shot", "shoulders")


@pytest.fixture(scope="module")
def head() -> list[np.ndarray]:
    with read_video(SAMPLES / "red_portrait.mp4", stop_index=40) as video:
        return [frame.image for frame in video]


@pytest.fixture
def looked_again(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The frames that notes did not suffice for."""
    frames: list[int] = []
    at = SecondLooks.at
    monkeypatch.setattr(SecondLooks, "at", lambda self, index: (frames.append(index), at(self, index))[1])
    return frames


def in_pieces(clip: Path, folder: Path, config: FaceTrackerConfig | None = None) -> FaceTrack:
    parts = []
    for number, span in enumerate(face_pieces_of(clip)):
        parts.append(folder / f"{number}.npz")
        track_face_piece(clip, span, config or FaceTrackerConfig(), parts[-1])
    return track_face(clip, config, pieces=parts)


def assert_same(one: FaceTrack, other: FaceTrack) -> None:
    assert one.times == other.times
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_pieces_give_the_face_of_the_whole_to_the_bit_and_no_frame_is_looked_at_twice(
    film, head, tmp_path, monkeypatch, looked_again
):
    monkeypatch.setattr(face, "PIECE_FRAMES", 18)  # as usual a multiple of six: shoulders are looked at in the same
    clip = film(head)
    assert_same(in_pieces(clip, tmp_path), track_face(clip))
    assert looked_again == []


def test_after_a_gap_shoulders_are_looked_at_in_other_frames_which_are_looked_at_again(
    film, head, tmp_path, monkeypatch, looked_again
):
    """Shoulders are due in frame 6, seen in 8, and from then on every six frames; the second piece begins with 12."""
    monkeypatch.setattr(face, "PIECE_FRAMES", 18)
    monkeypatch.setattr(face, "WARM_UP", 6)
    config = FaceTrackerConfig(repair=FaceRepairConfig(cut_distance=1))
    clip = film([np.full_like(image, 150) if 5 <= index < 8 else image for index, image in enumerate(head)])
    assert_same(in_pieces(clip, tmp_path, config), track_face(clip, config))
    assert looked_again == [20, 26, 32, 38]


def test_a_piece_that_took_the_other_face_is_looked_at_again(film, head, tmp_path, monkeypatch, looked_again):
    """From frame 3 on a smaller face is on the left; the right one is followed, which was alone before."""
    monkeypatch.setattr(face, "PIECE_FRAMES", 18)
    beside = [np.full_like(image, 110) for image in head]
    for index in range(3, 40):
        beside[index][64:192, 64:192] = head[index][::2, ::2]
    clip = film([np.concatenate(pair, axis=1) for pair in zip(beside, head, strict=True)])
    config = FaceTrackerConfig(face=parse_face_choice("left"))
    whole = track_face(clip, config)
    assert whole.points[:, :, 0].min() > 256
    assert_same(in_pieces(clip, tmp_path, config), whole)
    assert set(looked_again) == set(range(18, 40))


def test_a_piece_without_a_face_is_a_piece(film, head, tmp_path, monkeypatch):
    monkeypatch.setattr(face, "PIECE_FRAMES", 12)
    clip = film([*head[:12], *[np.full_like(head[0], 150)] * 24])
    assert len(face_pieces_of(clip)) == 3
    assert_same(in_pieces(clip, tmp_path), track_face(clip))
    notes = load_notes(tmp_path / "2.npz")
    assert [note.index for note in notes] == list(range(24, 36))
    assert notes[0].searches == {True: ()} and notes[1].searches == {False: ()} and not notes[0].reads


def test_a_file_that_holds_no_notes_is_refused(tmp_path):
    np.savez(tmp_path / "n.npz", points=np.zeros(3))
    with pytest.raises(TrackError, match=r"this is no span of face notes; expected a file of that kind"):
        load_notes(tmp_path / "n.npz")
