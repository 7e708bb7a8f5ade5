"""Planes of a film show, through their map, what its RGB frames show: any format, range, turn, and shape of pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_films import NTSC, even_times, ffmpeg_makes, info_of, numbered, save

from pipeline.errors import FrameError, VideoError
from pipeline.sampling import sampled
from pipeline.values import ColourTags, Frame
from pipeline.video import Encoding, read_video

AS_IT_IS = np.array([[1.0, 0, 0], [0, 1.0, 0]])
RIM = 3  # pixels at the picture's edge: RGB frames repeat it there, samples mix with the black outside
CLOSE = 6  # levels, two pixels of the slopes: where swscale puts halved chroma, and rounding at each step


def slopes(width: int = 64, height: int = 48) -> np.ndarray:
    """Red grows to the right, green downwards, blue to the left: every place has its own colour, none an edge."""
    x, y = np.meshgrid(np.linspace(40, 220, width), np.linspace(40, 220, height))
    return np.stack([x, y, 260 - x], axis=2).round().astype(np.uint8)


def film(path: Path, *, pixel_format: str = "yuv420p", colour: ColourTags | None = None, size=(64, 48)) -> Path:
    frames = [Frame(slopes(*size), time, index) for index, time in enumerate(even_times(3))]
    info = replace(info_of(frames), colour=colour or ColourTags())
    codec = "libx264rgb" if pixel_format == "rgb24" else "libx264"
    return save(path, frames, info, Encoding(codec=codec, preset="ultrafast", crf=1, pixel_format=pixel_format))


def assert_planes_show_what_frames_show(path: Path) -> None:
    with read_video(path) as video:
        frames = list(video)
    with read_video(path) as video:
        size = (video.info.width, video.info.height)
        for planes, frame in zip(video.planes(), frames, strict=True):
            assert (planes.index, planes.time, planes.width, planes.height) == (frame.index, frame.time, *size)
            apart = np.abs(sampled(planes, AS_IT_IS, size).astype(int) - frame.image)
            assert apart[RIM:-RIM, RIM:-RIM].max() <= CLOSE


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_colours_are_those_of_frames_by_matrix_and_range(tmp_path: Path, matrix: int, full_range: bool) -> None:
    colour = ColourTags(matrix, matrix, matrix, full_range)
    assert_planes_show_what_frames_show(film(tmp_path / "tagged.mp4", colour=colour))


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv422p", "yuv420p10le", "rgb24"])
def test_other_pixel_formats_are_brought_to_planes_of_eight_bits(tmp_path: Path, pixel_format: str) -> None:
    assert_planes_show_what_frames_show(film(tmp_path / "other.mp4", pixel_format=pixel_format))


@pytest.mark.parametrize("pixel_format", ["yuva420p", "gray", "bgra", "yuv422p10le"])
def test_forms_that_only_other_codecs_have_are_brought_to_it_too(tmp_path: Path, pixel_format: str) -> None:
    codec = "png" if pixel_format == "gray" else "ffv1"
    source = film(tmp_path / "film.mp4", pixel_format="yuv444p")
    coded = ("-c:v", codec, "-pix_fmt", pixel_format)
    assert_planes_show_what_frames_show(ffmpeg_makes(tmp_path / "other.mkv", "-i", source, *coded))


def test_odd_sizes_keep_their_last_column_and_row(tmp_path: Path) -> None:
    cut = ("-vf", "crop=63:47:0:0:exact=1", "-c:v", "ffv1", "-pix_fmt", "yuv420p")
    path = ffmpeg_makes(tmp_path / "odd.mkv", "-i", film(tmp_path / "film.mp4", pixel_format="yuv444p"), *cut)
    with read_video(path) as video:
        assert next(video.planes()).luma.shape == (47, 63)
    assert_planes_show_what_frames_show(path)


@pytest.mark.parametrize(
    "turn",
    [
        ("-display_rotation", "90"),
        ("-display_rotation", "180"),
        ("-display_rotation", "270"),
        ("-display_hflip",),
        ("-display_vflip",),
    ],
    ids=" ".join,
)
def test_turned_films_are_upright_through_the_map(tmp_path: Path, turn: tuple[str, ...]) -> None:
    path = ffmpeg_makes(tmp_path / "turned.mp4", *turn, "-i", film(tmp_path / "film.mp4"), "-c", "copy")
    assert_planes_show_what_frames_show(path)


@pytest.mark.parametrize("aspect", ["2/1", "8/9", "1/2"])
def test_pixels_that_are_not_square_are_square_through_the_map(tmp_path: Path, aspect: str) -> None:
    graph = ("-vf", f"setsar={aspect}", "-crf", "1")
    path = ffmpeg_makes(tmp_path / "wide.mp4", "-i", film(tmp_path / "film.mp4"), *graph)
    assert_planes_show_what_frames_show(path)


@pytest.mark.parametrize("name", ["odd/full_range_yuvj420.mp4", "odd/h265_10bit.mp4", "odd/av1.mkv"])
def test_real_clips_show_the_same_in_the_middle_of_their_colours(clips: Path, name: str) -> None:
    """Edges of saturated colour differ by how chroma is interpolated; the mean tells matrix and range."""
    with read_video(clips / name, stop_index=1) as frames, read_video(clips / name, stop_index=1) as stored:
        (frame,), (planes,) = list(frames), list(stored.planes())
    found = sampled(planes, AS_IT_IS, (planes.width, planes.height))
    assert np.abs(found.astype(int) - frame.image)[RIM:-RIM, RIM:-RIM].mean() < 1
    assert np.abs((found.astype(int) - frame.image)[RIM:-RIM, RIM:-RIM].mean()) < 0.5


def test_planes_outlive_the_clip_and_the_frames_that_follow(tmp_path: Path) -> None:
    frames = [Frame(numbered(index), time, index) for index, time in enumerate(even_times(30))]
    path = save(tmp_path / "film.mp4", frames)
    with read_video(path) as video:
        kept = list(video.planes())
    middles = np.arange(4, 64, 8)
    numbers = [int(((planes.luma[24, middles] > 127) << np.arange(8)).sum()) for planes in kept]
    assert numbers == list(range(30))


def test_a_span_of_planes_keeps_indices_and_times(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    with read_video(path, start_index=1, stop_index=3) as video:
        assert [(planes.index, planes.time) for planes in video.planes()] == [(1, 1 / NTSC), (2, 2 / NTSC)]


def test_planes_are_the_one_pass_and_end_with_the_block(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    with read_video(path) as video:
        planes = video.planes()
        next(planes)
        with pytest.raises(VideoError, match=r"film\.mp4: read a second time; expected one pass"):
            iter(video)
    with pytest.raises(VideoError, match=r"read after its with block ended"):
        next(planes)


def test_a_file_that_ends_early_is_an_error_as_it_is_for_frames(tmp_path: Path) -> None:
    path = ffmpeg_makes(tmp_path / "cut.mkv", "-i", film(tmp_path / "film.mp4"), "-c", "copy")
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises((FrameError, VideoError)), read_video(path) as video:
        list(video.planes())
