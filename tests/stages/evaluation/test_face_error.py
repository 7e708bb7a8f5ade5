"""A portrait's score: landmarks in eye distances, gaze and lids by their motion, the head's box."""

from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from posed_heads import made_head

from pipeline.errors import TrackError
from pipeline.face_landmarks import FACE_POINTS, INNER_CANTHI, IRIS_CENTRES, MESH_POINTS, OUTER_CANTHI
from pipeline.values import Box, FaceTrack, Frame, Status
from pipeline.video import LOSSLESS, read_video, write_video
from stages.evaluation.compare_faces import FaceComparison, compare_faces
from stages.evaluation.face_error import face_error, head_box
from stages.retargeting.gaze import LIDS

SAMPLES = Path(__file__).parents[3] / "sample_videos"
COUNT = 12


def eyes(look: NDArray[np.float64], lift: NDArray[np.float64], opening: NDArray[np.float64]) -> FaceTrack:
    """Eyes of width 40, 100 pixels between the outer corners; gaze in half eye widths, lids in eye widths.

    Around them a face that looks at the camera, drawn to their size.
    """
    face = made_head() * (1, -1, -1) * (100 / 8.9)
    points = np.zeros((len(look), FACE_POINTS, 3), np.float32)
    points[:, :MESH_POINTS] = face - face[OUTER_CANTHI[0]] + (50, 0, 0)
    for side, (outer, inner) in enumerate(zip(OUTER_CANTHI, INNER_CANTHI, strict=True)):
        first, last = (50.0, 90.0) if side == 0 else (150.0, 110.0)
        points[:, outer, 0], points[:, inner, 0] = first, last
        middle = (first + last) / 2
        points[:, [outer, inner], 1:] = 0
        points[:, IRIS_CENTRES[side], 0] = middle + 20 * look
        points[:, IRIS_CENTRES[side], 1] = -20 * lift  # rows grow downwards
        for upper, lower in LIDS[side]:
            points[:, [upper, lower]] = (middle, 0, 0)
            points[:, upper, 1] = -40 * opening
    count = len(look)
    return FaceTrack(
        width=200,
        height=100,
        times=tuple(Fraction(index, 25) for index in range(count)),
        points=points,
        confidence=np.ones(count, np.float32),
        shoulders=np.zeros((count, 2, 3), np.float32),
        status=np.full(count, Status.TRACKED, np.uint8),
        shot=np.zeros(count, np.int32),
    )


def swinging() -> FaceTrack:
    phase = np.linspace(0, 2 * np.pi, COUNT)
    return eyes(0.3 * np.sin(phase), 0.2 * np.cos(phase), 0.3 + 0.05 * np.sin(2 * phase))


def moved(track: FaceTrack, x: float, y: float) -> FaceTrack:
    return replace(track, points=track.points + np.array((x, y, 0), np.float32))


def test_a_film_that_equals_the_truth_has_no_error_and_moves_alike() -> None:
    error = face_error(swinging(), swinging())
    assert error.landmark_error_pct == 0 and error.missed == 0
    assert [error.gaze_across, error.gaze_up, error.lids] == pytest.approx([1, 1, 1])


def test_landmarks_are_compared_in_distances_of_the_outer_eye_corners() -> None:
    error = face_error(moved(swinging(), 3, 4), swinging())
    assert error.landmark_error_pct == pytest.approx(5.0)  # 5 of 100 pixels
    assert error.gaze_across == pytest.approx(1)


def test_a_film_of_another_size_is_measured_in_the_truths_pixels() -> None:
    twice = replace(swinging(), points=2 * swinging().points, width=400, height=200)
    assert face_error(twice, swinging()).landmark_error_pct == pytest.approx(0, abs=1e-5)


def test_a_turned_head_counts_as_a_frontal_one_does() -> None:
    """80 pixels across and 60 in depth: the distance in space stays 100."""
    truth = swinging()
    truth.points[:, OUTER_CANTHI[1], :] = (50 + 80, 0, 60)
    film = moved(truth, 2, 0)
    assert face_error(film, truth).landmark_error_pct == pytest.approx(2.0)


def test_gaze_that_goes_the_other_way_is_seen() -> None:
    phase = np.linspace(0, 2 * np.pi, COUNT)
    other = eyes(-0.3 * np.sin(phase), 0.2 * np.cos(phase), 0.3 + 0.05 * np.sin(2 * phase))
    error = face_error(other, swinging())
    assert [error.gaze_across, error.gaze_up, error.lids] == pytest.approx([-1, 1, 1])


def test_gaze_is_told_from_the_skull_so_that_corners_which_follow_a_glance_hide_none_of_it() -> None:
    """In the film the tracker lets the eyes' corners go with the irises: told from them, the eyes would rest."""
    truth = swinging()
    film = replace(truth, points=truth.points.copy())
    corners = [*OUTER_CANTHI, *INNER_CANTHI]
    film.points[:, corners, :2] += film.points[:, [IRIS_CENTRES[0]], :2] - (70, 0)
    error = face_error(film, truth)
    assert error.gaze_across is not None and error.gaze_across > 0.99
    assert error.gaze_up is not None and error.gaze_up > 0.99


def test_gaze_counts_where_the_eyes_are_open() -> None:
    """In two frames the lids are closed and the tracker's irises are anywhere."""
    phase, opening = np.linspace(0, 2 * np.pi, COUNT), np.full(COUNT, 0.3)
    opening[[4, 5]] = 0.02
    truth = eyes(0.3 * np.sin(phase), 0.2 * np.cos(phase), opening)
    film = replace(truth, points=truth.points.copy())
    film.points[[4, 5], IRIS_CENTRES[0], 0] += 60
    assert face_error(film, truth).gaze_across == pytest.approx(1)


def test_where_the_truth_rests_there_is_no_correlation_and_where_only_the_film_does_it_is_none() -> None:
    still = eyes(np.zeros(COUNT), np.zeros(COUNT), np.full(COUNT, 0.3))
    assert face_error(swinging(), still).gaze_across is None
    resting = face_error(still, swinging())
    assert (resting.gaze_across, resting.gaze_up, resting.lids) == (0.0, 0.0, 0.0)


def test_faces_the_film_has_lost_are_counted_and_left_out_of_the_rest() -> None:
    film = moved(swinging(), 500, 0)
    film.status[2:] = Status.TRACKED
    film.points[2:] = swinging().points[2:]
    film.status[:2] = Status.MISSING
    error = face_error(film, swinging())
    assert error.missed == 2 and error.landmark_error_pct == 0


def test_a_film_without_any_face_has_missed_all() -> None:
    error = face_error(None, swinging())
    assert (error.missed, error.landmark_error_pct, error.lids) == (COUNT, None, None)


def test_tracks_of_different_lengths_are_refused() -> None:
    phase = np.linspace(0, 1, 5)
    with pytest.raises(TrackError, match="the film's track: 5 frames, the truth's has 12"):
        face_error(eyes(phase, phase, phase), swinging())


def test_the_heads_box_holds_hair_and_stays_in_the_frame() -> None:
    points = np.zeros((FACE_POINTS, 3), np.float32)
    points[:2, :2] = (100, 100), (200, 220)  # 100 wide, 120 tall; the rest must not count
    points[2:, :2] = (150, 150)
    assert head_box(points, 640, 480) == Box(70, 46, 230, 238)
    assert head_box(points, 210, 230) == Box(70, 46, 210, 230)
    assert head_box(points - 1000, 640, 480) is None


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(tmp_path_factory.mktemp("portrait") / "truth.mp4", lambda frame: frame.image)


def copy(output: Path, change: object) -> Path:
    with (
        read_video(SAMPLES / "red_portrait.mp4", stop_index=COUNT) as video,
        write_video(output, video.info, encoding=LOSSLESS) as film,
    ):
        for frame in video:
            film.write(Frame(change(frame), frame.time, frame.index))  # type: ignore[operator]
    return output


def test_the_truth_itself_scores_full_marks(portrait: Path) -> None:
    done: list[str] = []
    scores = compare_faces(portrait, portrait, progress=lambda what, count: done.append(what))
    assert (scores.frames, scores.head_psnr_db, scores.landmark_error_pct) == (COUNT, 100.0, 0.0)
    assert scores.head_ssim == pytest.approx(1)
    assert (scores.missed_faces, scores.warp_error_ratio, scores.resized_from) == (0, 1.0, None)
    unsaid = {"resized_from", "not_measured", "lpips", "head_lpips", "fid", "video_distance_r3d18"}
    assert {line.split()[0] for line in scores.lines()} == set(asdict(scores)) - unsaid
    assert (scores.psnr_db, scores.identity_drift_ratio, scores.jitter_ratio) == (100.0, 1.0, 1.0)
    assert done.count("comparing") == COUNT


def test_what_happens_beside_the_head_does_not_count_and_what_happens_to_it_does(
    portrait: Path, tmp_path: Path
) -> None:
    def spoilt(rows: slice) -> object:
        def change(frame: Frame) -> NDArray[np.uint8]:
            image = frame.image.copy()
            image[rows, :12] = 255 - image[rows, :12]
            return image

        return change

    corner = scores_of(copy(tmp_path / "corner.mp4", spoilt(slice(0, 12))), portrait)
    assert corner.head_psnr_db == 100.0
    dark = copy(tmp_path / "dark.mp4", lambda frame: (frame.image * 0.8).astype(np.uint8))
    shaded = scores_of(dark, portrait)
    assert shaded.head_psnr_db is not None and shaded.head_psnr_db < 30
    assert shaded.landmark_error_pct is not None and shaded.landmark_error_pct < 2


def scores_of(film: Path, truth: Path) -> FaceComparison:
    return compare_faces(film, truth)
