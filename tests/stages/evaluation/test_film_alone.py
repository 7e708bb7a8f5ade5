"""A film without a truth: steady as its source where it is the source, worse where it is spoilt; drawn over time."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import TrackError
from pipeline.image import resize
from pipeline.values import Frame
from pipeline.video import LOSSLESS, read_video, write_video
from stages.evaluation.alone import score_alone, score_face_alone
from stages.evaluation.compare import score_films
from stages.evaluation.frame_scores import Moment
from stages.evaluation.measures import Column, frame_scores
from stages.evaluation.plots import plot_scores
from stages.evaluation.span import Span, part_of
from stages.tracking.pose import track_pose

SAMPLES = Path(__file__).parents[3] / "sample_videos"
FRAMES = 8


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("source") / "source.mp4")


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every other picture is darker, and in the last the dancer is gone."""

    def spoil(frame: Frame) -> Frame:
        if frame.index == FRAMES - 1:
            return replace(frame, image=np.full_like(frame.image, 90))
        return replace(frame, image=(frame.image * (0.8 if frame.index % 2 else 1)).astype(np.uint8))

    return copied(tmp_path_factory.mktemp("spoilt") / "spoilt.mp4", spoil)


def copied(output: Path, change=lambda frame: frame, *, clip: str = "red_dance.mp4") -> Path:
    """The clip's first frames at half size, each through `change`."""
    with read_video(SAMPLES / clip, stop_index=FRAMES) as video:
        width, height = video.info.width // 2, video.info.height // 2
        info = replace(video.info, path=output, width=width, height=height)
        with write_video(output, info, encoding=LOSSLESS) as film:
            for frame in video:
                film.write(change(replace(frame, image=resize(frame.image, width, height))))
    return output


def test_a_film_that_is_its_source_is_as_steady_as_its_source(source: Path):
    track = track_pose(source)
    found = score_alone(source, source, performance=track, known=track)
    numbers = found.comparison
    assert (numbers.frames, numbers.missed_detections, numbers.pose_error_pct) == (FRAMES, 0, 0)
    assert (numbers.warp_error_ratio, numbers.identity_drift_ratio, numbers.jitter_ratio) == (1, 1, 1)
    assert numbers.warp_error_pct is not None and 0 < numbers.warp_error_pct < 1
    assert found.frames.names == (
        "pose_error_pct", "missed", "warp_error_pct", "warp_error_ratio", "identity_drift_de", "jitter_pct",
    )  # fmt: skip
    assert numbers.lines()[0] == "frames                        8"


def test_a_spoilt_film_flickers_drifts_and_has_lost_its_dancer(source: Path, spoilt: Path):
    found = score_alone(spoilt, source)
    numbers = found.comparison
    assert (numbers.missed_detections, numbers.pose_error_pct) == (1, None)
    assert numbers.warp_error_ratio is not None and numbers.warp_error_ratio > 5
    assert numbers.identity_drift_ratio is not None and numbers.identity_drift_ratio > 1.5
    assert found.frames.of("missed").tolist() == [0] * (FRAMES - 1) + [1]


def test_where_only_the_tracks_are_asked_for_no_flicker_is_measured(source: Path):
    track = track_pose(source)
    found = score_alone(source, source, performance=track, known=track, pictures=False)
    numbers = found.comparison
    assert (numbers.frames, numbers.missed_detections, numbers.jitter_ratio) == (FRAMES, 0, 1)
    assert (numbers.warp_error_ratio, numbers.identity_drift_de) == (None, None)
    assert found.frames.names == ("pose_error_pct", "missed", "jitter_pct")


def test_the_same_films_give_the_same_numbers_twice(source: Path, spoilt: Path):
    one, two = (score_films(spoilt, source) for _ in range(2))
    assert one.comparison == two.comparison
    np.testing.assert_array_equal(one.frames.values, two.frames.values)


def test_only_the_frames_of_the_span_are_scored_and_keep_their_times(source: Path, spoilt: Path):
    found = score_films(spoilt, source, span=Span(held_out=True))
    assert (found.comparison.frames, found.first, found.comparison.missed_detections) == (1, FRAMES - 1, 1)
    assert found.frames.times.tolist() == [pytest.approx((FRAMES - 1) / 24)]
    assert found.comparison.warp_error_ratio is None  # one frame has none before it


def test_a_performance_of_another_length_is_refused(source: Path):
    track = track_pose(source)
    with pytest.raises(TrackError, match=r"the track: it has 5 frames, .*source\.mp4 has 8"):
        score_alone(source, source, performance=part_of(track, slice(0, 5)), known=track)


def test_a_portrait_is_judged_by_its_face(tmp_path: Path):
    head = copied(tmp_path / "head.mp4", clip="red_portrait.mp4")
    numbers = score_face_alone(head, head).comparison
    assert (numbers.missed_detections, numbers.pose_error_pct) == (0, None)
    assert (numbers.identity_drift_ratio, numbers.jitter_ratio) == (1, 1)


def test_the_picture_of_a_film_has_a_panel_for_every_measure_and_is_the_same_twice(tmp_path: Path):
    times = np.arange(3000) / 25
    swings = np.sin(times)
    swings[100:120] = np.nan
    scores = frame_scores(times, [Column("ssim", swings), Column("missed", np.zeros(3000))])
    moments = [Moment(10.0, 11.0, "ssim", -1.0)]
    for name in ("a.png", "b.png"):
        plot_scores(scores, tmp_path / name, title="film.mp4", moments=moments)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture.shape == (363, 1210, 3)  # 1 + 2 · 1.15 inches at 110 pixels each
    orange = (picture[..., 2].astype(int) - picture[..., 0] > 60).any(axis=0)
    assert 90 < np.flatnonzero(orange).min() < 180  # the moment: 10 of 120 seconds


def test_a_film_of_which_nothing_was_measured_cannot_be_drawn(tmp_path: Path):
    with pytest.raises(ValueError, match="nothing was measured that could be drawn"):
        plot_scores(frame_scores(np.arange(3.0), []), tmp_path / "a.png", title="film.mp4")
