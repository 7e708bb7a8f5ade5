"""Comparing films: what is equal scores as equal, what flickers, shrinks or loses its dancer is told apart."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import VideoError
from pipeline.values import Frame, VideoInfo
from pipeline.video import LOSSLESS, read_video, write_video
from stages.evaluation.compare import Comparison, compare_films

SAMPLE = Path(__file__).parents[3] / "sample_videos" / "red_dance.mp4"
FRAMES = 6

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def dance() -> list[Frame]:
    with read_video(SAMPLE, stop_index=FRAMES) as video:
        return list(video)


@pytest.fixture(scope="module")
def truth(dance: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of(dance, tmp_path_factory.mktemp("truth") / "truth.mp4")


def film_of(
    frames: list[Frame], path: Path, change: Callable[[Picture, int], Picture] = lambda image, _: image
) -> Path:
    """Write frames without loss, each through `change(image, index)`."""
    first = change(frames[0].image, 0)
    step = frames[1].time - frames[0].time
    info = VideoInfo(path, first.shape[1], first.shape[0], frame_rate=1 / step, time_base=step / 10)
    with write_video(path, info, encoding=LOSSLESS) as output:
        for frame in frames:
            output.write(replace(frame, image=change(frame.image, frame.index)))
    return path


def test_a_film_compared_with_itself_is_perfect(truth, tmp_path):
    seen: list[tuple[str, int]] = []
    result = compare_films(truth, truth, progress=lambda what, done: seen.append((what, done)))
    assert result == Comparison(
        frames=FRAMES,
        psnr_db=100,
        ssim=pytest.approx(1, abs=1e-5),
        person_psnr_db=100,
        pose_error_pct=0,
        missed_detections=0,
        warp_error_ratio=1,
        resized_from=None,
        person_ssim=pytest.approx(1, abs=1e-5),
        face_psnr_db=100,
        face_ssim=pytest.approx(1, abs=1e-5),
        hands_psnr_db=100,
        hands_ssim=pytest.approx(1, abs=1e-5),
        identity_drift_de=result.identity_drift_de,
        identity_drift_ratio=1,
        jitter_pct=result.jitter_pct,
        jitter_ratio=1,
    )
    assert ("comparing", FRAMES) in seen and ("tracking truth.mp4", FRAMES) in seen
    assert json.loads(json.dumps(asdict(result)))["psnr_db"] == 100
    assert result.lines()[1] == "psnr_db                  100.00"


@pytest.fixture(scope="module")
def spoilt(dance: list[Frame], truth: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A film of which every other picture is darker, and whose dancer has a grey patch on the chest."""

    def spoil(image: Picture, index: int) -> Picture:
        dark = (image * (0.9 if index % 2 else 1.0)).astype(np.uint8)
        dark[250:320, 150:200] = 128
        return np.asarray(dark)

    return compare_films(film_of(dance, tmp_path_factory.mktemp("spoilt") / "spoilt.mp4", spoil), truth)


def test_a_flickering_film_is_less_steady_and_less_alike(spoilt):
    assert spoilt.warp_error_ratio is not None and spoilt.warp_error_ratio > 3
    assert 20 < spoilt.psnr_db < 40 and spoilt.ssim < 0.999


def test_a_film_that_moves_as_the_truth_has_its_poses(spoilt):
    assert spoilt.missed_detections == 0
    assert spoilt.pose_error_pct is not None and spoilt.pose_error_pct < 2


def test_damage_to_the_person_shows_more_in_the_persons_region(spoilt):
    assert spoilt.person_psnr_db is not None and spoilt.person_psnr_db < spoilt.psnr_db - 3


def test_a_film_without_its_dancer_misses_every_detection(dance, truth, tmp_path, caplog):
    wall = film_of(dance, tmp_path / "wall.mp4", lambda image, _: np.full_like(image, image.mean()))
    result = compare_films(wall, truth)
    assert (result.missed_detections, result.pose_error_pct) == (FRAMES, None)
    assert "wall.mp4: no person was found" in caplog.text


def test_films_without_people_are_compared_all_the_same(dance, tmp_path):
    def street(image: Picture, index: int) -> Picture:
        noise = np.random.default_rng(7).uniform(0, 255, (80, 120, 3)).astype(np.float32)
        return np.roll(cv2.GaussianBlur(noise, (0, 0), 2), 2 * index, axis=1).astype(np.uint8)

    film = film_of(dance, tmp_path / "street.mp4", street)
    result = compare_films(film, film)
    assert (result.person_psnr_db, result.pose_error_pct, result.missed_detections) == (None, None, None)
    assert (result.psnr_db, result.warp_error_ratio) == (100, 1)
    assert result.lines()[3] == "person_psnr_db             none"


def test_a_film_of_another_size_is_resized_and_that_is_said(dance, truth, tmp_path, caplog):
    half = film_of(dance, tmp_path / "half.mp4", lambda image, _: cv2.resize(image, (180, 320), interpolation=3))
    with caplog.at_level(logging.WARNING):
        result = compare_films(half, truth)
    assert result.resized_from == (180, 320)
    assert f"{half} is 180x320, {truth} 360x640: resized for the comparison." in caplog.messages
    assert result.psnr_db > 20 and result.pose_error_pct is not None and result.pose_error_pct < 3


@pytest.mark.parametrize("shorter", ["film", "truth"])
def test_films_of_different_lengths_are_refused_with_both_lengths(dance, truth, tmp_path, shorter):
    cut = film_of(dance[:5], tmp_path / "cut.mp4")
    film, other, counts = (cut, truth, (5, FRAMES)) if shorter == "film" else (truth, cut, (FRAMES, 5))
    with pytest.raises(VideoError) as error:
        compare_films(film, other)
    assert str(error.value) == (
        f"{film}: it has {counts[0]} frames, {other} has {counts[1]}; expected as many frames in both. "
        "Compare a film with the truth of the same performance, neither shortened."
    )


def test_films_of_different_rates_are_refused_with_the_first_frame_that_is_late(dance, truth, tmp_path):
    slow = [replace(frame, time=frame.time * Fraction(24, 20)) for frame in dance]
    with pytest.raises(VideoError, match=r"frame 1 shows at 0\.050 s, that of .* at 0\.042 s; expected the same times"):
        compare_films(film_of(slow, tmp_path / "slow.mp4"), truth)
