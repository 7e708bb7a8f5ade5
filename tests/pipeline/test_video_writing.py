"""Writing: whole or not there, every frame at its time, odd sizes and odd wishes said plainly."""

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_films import QUICK, even_times, ffmpeg_makes, frames_at, info_of, number_in, numbered, save

from pipeline.errors import FrameError, OutputExists, UnknownChoice, VideoError
from pipeline.values import Frame
from pipeline.video import Encoding, probe, read_video, write_video


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_default_is_h264_that_browsers_play_while_it_loads(tmp_path: Path) -> None:
    frames = frames_at(even_times(5))
    with write_video(tmp_path / "film.mp4", info_of(frames)) as film:
        for frame in frames:
            film.write(frame)
    info = probe(tmp_path / "film.mp4")
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("encoding", [QUICK, Encoding(b_frames=4), Encoding(codec="libx265", preset="ultrafast")])
def test_any_times_are_kept_exactly(tmp_path: Path, suffix: str, encoding: Encoding) -> None:
    times = [Fraction(ticks, 90000) for ticks in (0, 1, 3003, 3004, 90000, 90001, 180000, 500000)]
    frames = frames_at(times)
    path = save(tmp_path / f"film{suffix}", frames, info_of(frames, time_base=Fraction(1, 90000)), encoding)
    with read_video(path) as video:
        assert [frame.time for frame in video] == times


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_very_short_films_are_whole(tmp_path: Path, codec: str, count: int) -> None:
    encoding = Encoding(codec=codec, preset="medium", b_frames=4)
    path = save(tmp_path / "short.mp4", frames_at(even_times(count)), encoding=encoding)
    with read_video(path) as video:
        assert [frame.time for frame in video] == even_times(count)


def test_a_film_that_starts_late_keeps_its_start(tmp_path: Path) -> None:
    times = [100 + time for time in even_times(4)]
    info = probe(save(tmp_path / "late.mp4", frames_at(times)))
    assert info.start == 100
    with read_video(tmp_path / "late.mp4") as video:
        assert [video.info.start + frame.time for frame in video] == times


def test_the_last_frame_lasts_as_long_as_the_others(tmp_path: Path) -> None:
    path = save(tmp_path / "film.mp4", frames_at(even_times(30)))
    assert probe(path).duration == Fraction(30 * 1001, 30000)


def test_matroska_is_refused_where_it_would_round(tmp_path: Path) -> None:
    with pytest.raises(
        VideoError, match=r"\.mkv counts time in 1/1000 s, which would round.*Name the output film\.mp4"
    ):
        save(tmp_path / "film.mkv", frames_at(even_times(3)))
    milliseconds = frames_at([Fraction(0), Fraction(1, 25), Fraction(41, 1000)])
    path = save(tmp_path / "film.mkv", milliseconds, info_of(milliseconds, time_base=Fraction(1, 1000)))
    with read_video(path) as video:
        assert [frame.time for frame in video] == [frame.time for frame in milliseconds]


def test_odd_sizes_are_padded_by_the_edge_and_said_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = [Frame(numbered(128, 63, 47), time, i) for i, time in enumerate(even_times(2))]  # white at the right
    with caplog.at_level(logging.WARNING):
        path = save(tmp_path / "odd.mp4", frames)
    assert "odd.mp4: 63x47 is written as 64x48, its edge repeated, because yuv420p needs even sizes" in caplog.text
    with read_video(path) as video:
        image = next(iter(video)).image
    assert image.shape == (48, 64, 3)
    assert image[:, 63].min() > 250
    assert number_in(image) == 128


def test_odd_sizes_stay_where_the_pixel_format_allows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = save(tmp_path / "odd.mp4", frames_at(even_times(2), width=63, height=47), encoding=_in("yuv444p"))
    assert (probe(path).width, probe(path).height) == (63, 47)
    assert caplog.text == ""


def _in(pixel_format: str) -> Encoding:
    return Encoding(preset="ultrafast", pixel_format=pixel_format)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((48, 60, 3), np.uint8), r"frame 0: image is uint8 \(48, 60, 3\); expected uint8 \(48, 64, 3\)"),
        (np.zeros((48, 64), np.uint8), r"image is uint8 \(48, 64\)"),
        (np.zeros((48, 64, 3), np.float32), r"image is float32 \(48, 64, 3\).*Resize before writing"),
    ],
)
def test_a_wrong_image_is_an_error_and_leaves_nothing(tmp_path: Path, image: np.ndarray, message: str) -> None:
    with (
        pytest.raises(FrameError, match=message),
        write_video(tmp_path / "film.mp4", info_of(frames_at(even_times(1)))) as film,
    ):
        film.write(Frame(image, Fraction(0), 0))
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (
            [Fraction(0), Fraction(1, 29)],
            r"frame 1: time 1/29 s falls between two ticks; expected a multiple of .*1/30000",
        ),
        (
            [Fraction(1, 30), Fraction(1, 30)],
            r"frame 1: time 1/30 s does not come after 1/30 s; expected times that grow",
        ),
        ([Fraction(1, 30), Fraction(0)], r"does not come after"),
    ],
)
def test_a_wrong_time_is_an_error_and_leaves_nothing(tmp_path: Path, times: list[Fraction], message: str) -> None:
    with pytest.raises(FrameError, match=message):
        save(tmp_path / "film.mp4", frames_at(times))
    assert left_in(tmp_path) == []


def test_a_film_without_frames_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"film\.mp4: no frame was written; expected at least one"):
        save(tmp_path / "film.mp4", [], info_of(frames_at(even_times(1))))
    assert left_in(tmp_path) == []


def test_an_exception_in_the_block_passes_and_leaves_the_old_film(tmp_path: Path) -> None:
    path = save(tmp_path / "film.mp4", frames_at(even_times(3)))
    before = path.read_bytes()
    frames = frames_at(even_times(3))
    with (
        pytest.raises(KeyboardInterrupt),
        write_video(path, info_of(frames), overwrite=True) as film,
    ):
        film.write(frames[0])
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert left_in(tmp_path) == ["film.mp4"]


def test_a_taken_path_is_refused_unless_told(tmp_path: Path) -> None:
    path = save(tmp_path / "film.mp4", frames_at(even_times(3)))
    with pytest.raises(OutputExists, match=r"film\.mp4: the file is there already"):
        save(path, frames_at(even_times(3)))
    with write_video(path, info_of(frames_at(even_times(2))), overwrite=True) as film:
        for frame in frames_at(even_times(2)):
            film.write(frame)
    assert probe(path).frames == 2


def test_an_array_may_be_used_again_after_it_was_written(tmp_path: Path) -> None:
    canvas = numbered(0)
    with write_video(tmp_path / "film.mp4", info_of(frames_at(even_times(1))), encoding=_in("yuv420p")) as film:
        for number, time in enumerate(even_times(9)):
            canvas[:] = numbered(number)
            film.write(Frame(canvas, time, number))
            canvas[:] = 255
    with read_video(tmp_path / "film.mp4") as video:
        assert [number_in(frame.image) for frame in video] == list(range(9))


def test_a_view_with_strides_is_written_as_it_looks(tmp_path: Path) -> None:
    turned = np.ascontiguousarray(numbered(5).transpose(1, 0, 2)).transpose(1, 0, 2)
    path = save(tmp_path / "film.mp4", [Frame(turned, Fraction(0), 0)])
    with read_video(path) as video:
        assert number_in(next(iter(video)).image) == 5


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"codec": "h263"}, r"codec: there is no 'h263'; expected one of libsvtav1, libx264, libx264rgb, libx265"),
        ({"preset": "fastest"}, r"preset of libx264: there is no 'fastest'; expected one of fast, faster, medium"),
        ({"codec": "libsvtav1", "preset": "slow"}, r"preset of libsvtav1: there is no 'slow'"),
        ({"pixel_format": "rgb24"}, r"pixel format of libx264: there is no 'rgb24'; expected one of .*yuv420p"),
    ],
)
def test_an_unknown_wish_lists_what_there_is(wishes: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownChoice, match=message):
        Encoding(**wishes)  # type: ignore[arg-type]


@pytest.mark.parametrize("crf", [-1, 52])
def test_a_quality_out_of_range_is_an_error(crf: int) -> None:
    with pytest.raises(ValueError, match=rf"Encoding\.crf is {crf}, expected 0 \(best\) to 51 for libx264"):
        Encoding(crf=crf)


def test_an_unknown_kind_of_film_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownChoice, match=r"kind of film: there is no '\.wmv'; expected one of \.m4v, \.mkv, \.mov, \.mp4"
    ):
        save(tmp_path / "film.wmv", frames_at(even_times(1)))


def test_a_codec_that_the_file_cannot_hold_is_an_error(tmp_path: Path) -> None:
    frames = frames_at(even_times(2), width=128, height=96)
    with pytest.raises(VideoError, match=r"film\.mov: cannot be written .*Try the default one, in \.mp4"):
        save(tmp_path / "film.mov", frames, encoding=Encoding(codec="libsvtav1", preset="12"))
    assert left_in(tmp_path) == []


def test_what_goes_wrong_in_the_block_is_not_blamed_on_the_film(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r"weights\.bin"),
        write_video(tmp_path / "film.mp4", info_of(frames_at(even_times(1)))) as film,
    ):
        film.write(frames_at(even_times(1))[0])
        (tmp_path / "weights.bin").read_bytes()
    assert left_in(tmp_path) == []


def test_hevc_is_named_so_that_apple_plays_it(tmp_path: Path) -> None:
    path = save(tmp_path / "film.mp4", frames_at(even_times(2)), encoding=Encoding(codec="libx265", preset="ultrafast"))
    assert b"hvc1" in path.read_bytes()


def test_ten_bits_and_av1_can_be_chosen(tmp_path: Path) -> None:
    frames = frames_at(even_times(3), width=128, height=96)
    path = save(
        tmp_path / "film.mp4", frames, encoding=Encoding(codec="libsvtav1", preset="12", pixel_format="yuv420p10le")
    )
    assert (probe(path).codec, probe(path).pixel_format) == ("av1", "yuv420p10le")
    with read_video(path) as video:
        assert [number_in(frame.image) for frame in video] == [0, 1, 2]


def test_a_quality_asked_for_is_the_one_used(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    frames = [Frame(np.roll(noise, i, 1), time, i) for i, time in enumerate(even_times(4))]
    sizes = [
        save(tmp_path / f"{crf}.mp4", frames, encoding=replace(QUICK, crf=crf)).stat().st_size for crf in (10, 30, 45)
    ]
    assert sizes[0] > 1.5 * sizes[1] > 2 * sizes[2]


def test_a_damaged_source_is_no_reason_to_keep_a_half_film(tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2")
    whole = ffmpeg_makes(tmp_path / "whole.mkv", *source, "-c:v", "libx264")
    whole.write_bytes(whole.read_bytes()[:-2000])
    with (
        pytest.raises(FrameError),
        read_video(whole) as video,
        write_video(tmp_path / "copy.mp4", video.info) as film,
    ):
        for frame in video:
            film.write(frame)
    assert left_in(tmp_path) == ["whole.mkv"]
