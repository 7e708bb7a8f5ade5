"""Temporal judges see the published windows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vid2vid.windows import history_needed, temporal_windows


@pytest.mark.parametrize(
    ("frames", "fresh", "scale", "windows"),
    [
        (7, 1, 0, [(4, 5, 6)]),
        (7, 1, 1, [(0, 3, 6)]),
        (12, 6, 0, [(9, 10, 11), (6, 7, 8)]),
        (12, 6, 1, [(5, 8, 11), (2, 5, 8)]),
        (12, 6, 2, []),
        (2, 2, 0, []),  # the film has only begun
        (3, 3, 0, [(0, 1, 2)]),
        (9, 0, 0, []),
    ],
)
def test_the_published_examples(frames: int, fresh: int, scale: int, windows: list[tuple[int, ...]]) -> None:
    assert temporal_windows(frames, fresh, scale) == windows


def test_two_frames_may_be_judged_instead_of_three() -> None:
    assert temporal_windows(6, 6, 1, length=2) == [(3, 5), (1, 3)]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 3), st.integers(2, 4))
def test_windows_end_among_fresh_frames_and_begin_where_frames_are(
    frames: int, fresh: int, scale: int, length: int
) -> None:
    fresh = min(fresh, frames)
    for window in temporal_windows(frames, fresh, scale, length):
        assert len(window) == length
        assert {later - sooner for sooner, later in pairwise(window)} == {length**scale}
        assert window[0] >= 0
        assert frames - fresh <= window[-1] < frames


@given(st.integers(1, 6), st.integers(1, 3), st.integers(2, 3))
def test_with_the_history_kept_a_chunk_has_windows_at_every_scale(fresh: int, scales: int, length: int) -> None:
    frames = history_needed(scales, length) + fresh
    assert all(temporal_windows(frames, fresh, scale, length) for scale in range(scales))
    assert history_needed(2) == 6 and history_needed(0) == 0


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=3, fresh=4, scale=0, length=3; expected 0 <= fresh <= frames"):
        temporal_windows(3, 4, 0)
