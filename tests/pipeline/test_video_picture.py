"""Pictures as they are meant: right colours by matrix and range, upright, in square pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_films import QUICK, even_times, ffmpeg_makes, frames_at, info_of, save

from pipeline.errors import VideoError
from pipeline.values import ColourTags, Frame
from pipeline.video import LOSSLESS, Encoding, probe, read_video

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50), (30, 60, 220))
ROUNDED = 1  # level: 8-bit YCbCr is coarser than RGB in places, and both ways round
CODED = 3  # levels: what x264 at crf 1 may change of a flat colour, on top
LUMA = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # Kr, Kb of BT.709, BT.601, BT.2020
FINE = Encoding(preset="ultrafast", crf=1)


def flat(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def middle_of(path: Path) -> np.ndarray:
    with read_video(path) as video:
        image = next(iter(video)).image
        return image[image.shape[0] // 2, image.shape[1] // 2].astype(int)


def limited(colour: tuple[int, int, int], matrix: int) -> tuple[int, int, int]:
    """Y, Cb, Cr of 8 bits in limited range: ITU-R BT.709, items 3.2 and 3.4."""
    red, green, blue = (level / 255 for level in colour)
    red_part, blue_part = LUMA[matrix]
    luma = red_part * red + (1 - red_part - blue_part) * green + blue_part * blue
    cb, cr = (blue - luma) / (2 - 2 * blue_part), (red - luma) / (2 - 2 * red_part)
    return round(16 + 219 * luma), round(128 + 224 * cb), round(128 + 224 * cr)


def raw(path: Path, samples: tuple[int, int, int], tags: tuple[str, ...], size: str = "64x48") -> Path:
    """A lossless film of one flat colour given in YCbCr, with tags of our choice."""
    width, height = map(int, size.split("x"))
    luma, cb, cr = samples
    source = path.with_suffix(".yuv")
    quarter = width * height // 4
    source.write_bytes(bytes([luma]) * width * height + bytes([cb]) * quarter + bytes([cr]) * quarter)
    arguments = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, *tags, "-i", source)
    return ffmpeg_makes(path, *arguments, "-c:v", "libx264", "-qp", "0", *tags)


@pytest.mark.parametrize(("name", "matrix"), [("bt709", 1), ("smpte170m", 6), ("bt2020nc", 9)])
def test_the_tagged_matrix_is_the_one_computed_with(tmp_path: Path, name: str, matrix: int) -> None:
    for number, colour in enumerate(COLOURS):
        path = raw(tmp_path / f"{number}.mp4", limited(colour, matrix), ("-colorspace", name, "-color_range", "tv"))
        assert np.abs(middle_of(path) - colour).max() <= 2 * ROUNDED, colour


@pytest.mark.parametrize(("size", "matrix"), [("64x48", 6), ("64x718", 6), ("64x720", 1)])
def test_untagged_colours_are_bt709_from_720_rows_on_and_bt601_below(tmp_path: Path, size: str, matrix: int) -> None:
    path = raw(tmp_path / "plain.mp4", limited((200, 100, 50), matrix), (), size)
    assert probe(path).colour == ColourTags()
    assert np.abs(middle_of(path) - (200, 100, 50)).max() <= 2 * ROUNDED


def test_full_range_is_not_stretched(tmp_path: Path) -> None:
    path = raw(tmp_path / "full.mp4", (16, 128, 128), ("-color_range", "pc"))
    assert probe(path).colour.full_range
    assert middle_of(path).tolist() == [16, 16, 16]


def test_limited_range_is_stretched(tmp_path: Path) -> None:
    path = raw(tmp_path / "limited.mp4", (126, 128, 128), ("-color_range", "tv"))
    assert middle_of(path).tolist() == [128, 128, 128]  # (126 - 16) * 255 / 219 = 128.08


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_come_back_as_they_were_written(
    tmp_path: Path, pixel_format: str, matrix: int, full_range: bool
) -> None:
    frames = [Frame(flat(colour), time, i) for i, (colour, time) in enumerate(zip(COLOURS, even_times(7), strict=True))]
    info = replace(info_of(frames), colour=ColourTags(matrix, matrix, matrix, full_range))
    encoding = Encoding(preset="ultrafast", crf=1, pixel_format=pixel_format, keyframe_interval=1)
    path = save(tmp_path / "colours.mp4", frames, info, encoding)
    assert probe(path).colour == info.colour
    with read_video(path) as video:
        for frame, colour in zip(video, COLOURS, strict=True):
            assert np.abs(frame.image[24, 32].astype(int) - colour).max() <= ROUNDED + CODED, colour


def test_a_film_without_tags_says_the_matrix_it_was_written_with(tmp_path: Path) -> None:
    assert probe(save(tmp_path / "small.mp4", frames_at(even_times(2)))).colour == ColourTags(matrix=6)
    assert probe(save(tmp_path / "hd.mp4", frames_at(even_times(2), height=720))).colour == ColourTags(matrix=1)


def test_lossless_gives_back_every_value(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
    frames = [Frame(image, time, i) for i, (image, time) in enumerate(zip(noise, even_times(3), strict=True))]
    with read_video(save(tmp_path / "exact.mp4", frames, encoding=LOSSLESS)) as video:
        assert all(np.array_equal(frame.image, image) for frame, image in zip(video, noise, strict=True))


@pytest.mark.parametrize("pixel_format", ["yuva420p", "gray", "rgb24", "bgra", "yuv422p10le"])
def test_other_pixel_formats_are_read_as_rgb(tmp_path: Path, pixel_format: str) -> None:
    codec = "ffv1" if pixel_format not in ("rgb24", "gray") else "png"
    source = ("-f", "lavfi", "-i", "color=0x969696:s=64x48:d=0.2")
    path = ffmpeg_makes(tmp_path / "other.mkv", *source, "-c:v", codec, "-pix_fmt", pixel_format)
    assert np.abs(middle_of(path) - 0x96).max() <= 2 * ROUNDED


def test_a_matrix_that_cannot_be_undone_is_an_error(tmp_path: Path) -> None:
    path = raw(tmp_path / "ictcp.mp4", (100, 128, 128), ("-colorspace", "ictcp"))
    with (
        pytest.raises(VideoError, match=r"coded by matrix 14 of ISO/IEC 23091-2; .*Export it in BT\.709"),
        read_video(path),
    ):
        pass


def corners(path: Path) -> list[str]:
    """The colours at top left, top right, bottom left, bottom right."""
    with read_video(path) as video:
        image = next(iter(video)).image
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    return [names[tuple(int(level > 127) for level in image[y, x])] for y in (4, -5) for x in (4, -5)]  # type: ignore[index]


@pytest.fixture
def four_corners(tmp_path: Path) -> Path:
    """64x48: red and green above, blue and white below."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32], image[:24, 32:], image[24:, :32], image[24:, 32:] = (255, 0, 0), (0, 255, 0), (0, 0, 255), 255
    return save(tmp_path / "corners.mp4", [Frame(image, time, i) for i, time in enumerate(even_times(2))])


TURNS = {  # what a phone notes: as displayed
    ("-display_rotation", "0"): (["red", "green", "blue", "white"], (64, 48)),
    ("-display_rotation", "90"): (["green", "white", "red", "blue"], (48, 64)),  # counterclockwise
    ("-display_rotation", "180"): (["white", "blue", "green", "red"], (64, 48)),
    ("-display_rotation", "270"): (["blue", "red", "white", "green"], (48, 64)),
    ("-display_hflip",): (["green", "red", "white", "blue"], (64, 48)),
    ("-display_vflip",): (["blue", "white", "red", "green"], (64, 48)),
}


@pytest.mark.parametrize("turn", TURNS, ids=" ".join)
def test_pictures_are_upright(tmp_path: Path, four_corners: Path, turn: tuple[str, ...]) -> None:
    path = ffmpeg_makes(tmp_path / "turned.mp4", *turn, "-i", four_corners, "-c", "copy")
    expected, size = TURNS[turn]
    info = probe(path)
    assert corners(path) == expected
    assert (info.width, info.height) == size


def test_a_turned_film_written_again_stays_upright_without_a_turn(tmp_path: Path, four_corners: Path) -> None:
    path = ffmpeg_makes(tmp_path / "turned.mp4", "-display_rotation", "90", "-i", four_corners, "-c", "copy")
    with read_video(path) as video:
        again = save(tmp_path / "again.mp4", list(video), video.info, QUICK)
    assert corners(again) == TURNS["-display_rotation", "90"][0]


@pytest.mark.parametrize(("aspect", "width"), [("2/1", 128), ("8/9", 57), ("1/2", 32)])
def test_pixels_that_are_not_square_are_made_so_by_columns(
    tmp_path: Path, four_corners: Path, aspect: str, width: int
) -> None:
    path = ffmpeg_makes(tmp_path / "wide.mp4", "-i", four_corners, "-vf", f"setsar={aspect}")
    assert (probe(path).width, probe(path).height) == (width, 48)
    assert corners(path) == ["red", "green", "blue", "white"]


def test_real_full_range_and_ten_bit_clips_are_read_as_ffmpeg_reads_them(tmp_path: Path, clips: Path) -> None:
    """ffmpeg is told to round, and that chroma lies at the left: what H.264 and HEVC say where nothing is said."""
    for name in ("odd/full_range_yuvj420.mp4", "odd/h265_10bit.mp4"):
        info = probe(clips / name)
        flags = "bilinear+accurate_rnd+full_chroma_int"
        matrix = "bt709" if info.colour.matrix == 1 else "smpte170m"
        arguments = (
            "-frames:v",
            "1",
            "-vf",
            f"scale=flags={flags}:in_color_matrix={matrix}:in_chroma_loc=left",
            "-f",
            "rawvideo",
        )
        path = ffmpeg_makes(tmp_path / "one.rgb", "-i", clips / name, *arguments, "-pix_fmt", "rgb24")
        theirs = np.fromfile(path, np.uint8).reshape(info.height, info.width, 3)
        with read_video(clips / name) as video:
            ours = next(iter(video)).image
        assert np.abs(ours.astype(int) - theirs).max() <= ROUNDED, name
