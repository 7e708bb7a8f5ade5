"""Clips tracked piece by piece: the same track to the bit, whoever was seen; sights survive their file."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import TrackError
from stages.tracking import pose
from stages.tracking.album import Album
from stages.tracking.follow import Trail
from stages.tracking.pose import TrackerConfig, pieces_of, track_piece, track_pose
from stages.tracking.sights_file import load_sights, save_sights
from stages.tracking.spans import Span, Walk, spans_of_length


def tracked_in_pieces(clip: Path, folder: Path):
    parts = []
    for number, span in enumerate(pieces_of(clip)):
        parts.append(folder / f"{number}.npz")
        track_piece(clip, span, TrackerConfig(), parts[-1])
    return track_pose(clip, pieces=parts)


def test_pieces_give_the_track_of_the_whole_to_the_bit_even_where_one_took_somebody_else(
    film, red, blue, tmp_path, monkeypatch
):
    """From frame 5 on Blue stands beside Red, larger: the second piece takes Blue, and must be put right."""
    monkeypatch.setattr(pose, "PIECE_FRAMES", 15)
    nobody = np.full_like(red.images[0], 120)
    beside = [nobody] * 5 + [np.ascontiguousarray(image[60:540, 45:315]) for image in blue.images[:27]]
    beside = [image if image is nobody else cv2.resize(image, (360, 640)) for image in beside]
    clip = film([np.concatenate(pair, axis=1) for pair in zip(red.images[:32], beside, strict=True)])
    assert pieces_of(clip) == [Span(0, 15), Span(15, None)]
    whole, put_together = track_pose(clip), tracked_in_pieces(clip, tmp_path)
    assert len(put_together) == 32 and put_together.times == whole.times
    for name in ("points", "confidence", "world", "status", "shot"):
        np.testing.assert_array_equal(getattr(put_together, name), getattr(whole, name))


def test_a_piece_in_which_nobody_is_seen_is_a_piece_and_the_frames_are_missing(
    film, red, empty_stage, tmp_path, monkeypatch
):
    monkeypatch.setattr(pose, "PIECE_FRAMES", 14)
    clip = film([*red.images[:14], *[empty_stage] * 28])
    whole, put_together = track_pose(clip), tracked_in_pieces(clip, tmp_path)
    assert len(pieces_of(clip)) == 3
    np.testing.assert_array_equal(put_together.points, whole.points)
    assert put_together.status.tolist() == whole.status.tolist()


def test_sights_come_out_of_their_file_as_they_went_in_with_their_pictures(film, red, empty_stage, tmp_path):
    clip = film([*red.images[:2], empty_stage])
    with Album() as one, Album() as other:
        sights = list(Walk(clip, None, 1.0, one).over(0, None, Trail()))
        save_sights(sights, one, tmp_path / "s.npz")
        loaded = load_sights(tmp_path / "s.npz", other)
        seen, again = (
            album.show([sight.snapshot for sight in group if sight.snapshot is not None])
            for album, group in ((one, sights), (other, loaded))
        )
    np.testing.assert_array_equal(seen, again)
    assert len(seen) == 2 and loaded[2].reading is None and loaded[2].trail.region is None
    for before, after in zip(sights, loaded, strict=True):
        assert (before.time, before.distance, before.note) == (after.time, after.distance, after.note)
        assert (before.trail.region, before.trail.circle) == (after.trail.region, after.trail.circle)
        assert (before.trail.lost, before.trail.company) == (after.trail.lost, after.trail.company)
        for name in ("points", "looks", "signature"):
            np.testing.assert_array_equal(getattr(before.trail, name), getattr(after.trail, name))
    assert loaded[0].reading.region == sights[0].reading.region
    for name in ("points", "visibility", "world"):
        np.testing.assert_array_equal(getattr(loaded[0].reading, name), getattr(sights[0].reading, name))


def test_a_file_that_holds_no_sights_is_refused(tmp_path):
    np.savez(tmp_path / "s.npz", points=np.zeros(3))
    with Album() as album, pytest.raises(TrackError, match=r"this is no span of sights; expected a file of that kind"):
        load_sights(tmp_path / "s.npz", album)


def test_spans_of_a_length_do_not_depend_on_workers_and_none_is_short():
    assert spans_of_length(100, 240) == [Span(0, None)]
    assert spans_of_length(359, 240) == [Span(0, None)]
    assert spans_of_length(360, 240) == [Span(0, 240), Span(240, None)]
    assert spans_of_length(599, 240) == [Span(0, 240), Span(240, None)]
    assert spans_of_length(600, 240) == [Span(0, 240), Span(240, 480), Span(480, None)]
