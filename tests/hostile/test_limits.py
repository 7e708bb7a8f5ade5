"""What a stranger's file may be: limits on its size, and nothing opened but the file itself."""

import json
import os
import struct
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.films import make_film
from benchmarks.whole_files import made_dancer, made_film, made_track
from pipeline.compute import Compute
from pipeline.delivery import add_sound
from pipeline.errors import (
    EditError,
    FrameError,
    LimitExceeded,
    ModelError,
    TrackError,
    TrainingError,
    UnderstudyError,
    VideoError,
)
from pipeline.image import read_png
from pipeline.limits import Limits, bounded_bytes, limits
from pipeline.picture_size import picture_size
from pipeline.values import Frame, VideoInfo
from pipeline.video import probe, probe_sound, read_video, write_video
from stages.model_folder import copy_model, load_model
from stages.model_parts import refuse_giant
from stages.retargeting.edits_file import load_edits
from stages.tracking.openpose import read_openpose_folder
from stages.tracking.track_file import load_track, save_track
from stages.training.stills import read_still


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Six frames of 64x48 at 24 a second."""
    made_film(tmp_path / "film.mp4")
    return tmp_path / "film.mp4"


def png_of(width: int, height: int) -> bytes:
    """A grey picture that is all zeros, whose rows pack to a thousandth of their size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_the_usual_limits_hold_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERSTUDY_LIMITS", raising=False)
    assert limits() == Limits()
    assert (limits().side, limits().hours, limits().streams) == (16_384, 24, 64)


def test_the_environment_names_the_limits_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_LIMITS", "side=32768, hours=48")
    assert limits() == Limits(side=32_768, hours=48)


@pytest.mark.parametrize("words", ["sides=3", "side", "side=-3", "side=many", "side=1.5"])
def test_a_limit_that_is_none_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("UNDERSTUDY_LIMITS", words)
    with pytest.raises(UnderstudyError, match=r"UNDERSTUDY_LIMITS: '.*'; expected name=number, with one of side, pix"):
        limits()


def test_a_limit_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_LIMITS", "hours=0")
    with pytest.raises(UnderstudyError, match=r"hours is 0; expected 1 or more"):
        limits()


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("side=63", "pictures are 64x48; expected at most 63 pixels a side and 134217728 in all."),
        ("pixels=3071", "pictures are 64x48; expected at most 16384 pixels a side and 3071 in all."),
        ("frames=5", "has 6 frames or more; expected at most 5 frames."),
    ],
)
def test_a_film_beyond_a_limit_is_refused_and_told_how_to_raise_it(
    film: Path, monkeypatch: pytest.MonkeyPatch, limit: str, message: str
) -> None:
    monkeypatch.setenv("UNDERSTUDY_LIMITS", limit)
    with pytest.raises(VideoError) as caught:
        probe(film)
    name, value = limit.split("=")
    raised = f"If you trust the file, raise the limit: UNDERSTUDY_LIMITS={name}={2 * int(value)}"
    assert str(caught.value) == f"{film}: {message} {raised}"
    monkeypatch.setenv("UNDERSTUDY_LIMITS", f"{name}={2 * int(value)}")
    assert probe(film).frames == 6


def test_a_film_that_does_not_say_how_long_it_is_is_stopped_at_the_limit(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_film("ts", ("-c:v", "mpeg2video", "-an"), tmp_path)  # 24 frames, of which the container says nothing
    monkeypatch.setenv("UNDERSTUDY_LIMITS", "frames=9")
    shown = []
    with read_video(tmp_path / "film.ts") as video, pytest.raises(VideoError, match="has 10 frames or more"):
        shown.extend(frame.index for frame in video)
    assert shown == list(range(10))


def test_a_film_that_says_it_lasts_for_more_than_a_day_is_refused(tmp_path: Path) -> None:
    later = "scale=96:-2,setpts=PTS+gt(N\\,10)*200000/TB"  # from the twelfth frame on, by 55.6 hours
    make_film("mkv", ("-c:v", "libx264", "-an", "-t", "200001", "-fps_mode", "passthrough", "-vf", later), tmp_path)
    with pytest.raises(VideoError, match=r"lasts 56 hours by its own account; expected at most 24 hours\. .*hours=56$"):
        probe(tmp_path / "film.mkv")


def test_a_film_that_lasts_for_more_than_a_day_and_does_not_say_so_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    times = (Fraction(0), Fraction(36 * 3600), Fraction(72 * 3600))
    with write_video(path, VideoInfo(path, 64, 48, Fraction(24), Fraction(1, 24))) as film:
        for index, time in enumerate(times):
            film.write(Frame(np.full((48, 64, 3), 90, np.uint8), time, index))
    with read_video(path) as video, pytest.raises(VideoError, match="lasts 36 hours"):
        list(video)


def test_more_streams_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_film("mp4", ("-c:v", "libx264", "-c:a", "aac"), tmp_path)
    monkeypatch.setenv("UNDERSTUDY_LIMITS", "streams=1")
    with pytest.raises(VideoError, match="holds 2 streams; expected at most 1 streams"):
        probe_sound(tmp_path / "film.mp4")


def test_pixels_that_are_said_to_be_a_hundred_times_as_wide_as_high_do_not_stretch_the_picture_beyond_limits(
    tmp_path: Path,
) -> None:
    make_film("mp4", ("-c:v", "libx264", "-an", "-vf", "scale=192:-2,setsar=100"), tmp_path)
    with pytest.raises(VideoError, match=r"pictures are 19200x\d+; expected at most 16384 pixels a side"):
        probe(tmp_path / "film.mp4")


def test_a_list_of_other_files_is_not_followed(film: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.mp4"
    listing.write_text(f"ffconcat version 1.0\nfile {film.name}\n")
    with pytest.raises(VideoError, match="cannot be opened as a video"):
        probe(listing)
    listing.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{film}\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError, match="cannot be opened as a video"):
        probe(listing)


def test_pictures_in_an_unknown_code_are_said_to_be_so(film: Path) -> None:
    film.write_bytes(film.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(VideoError, match="its pictures are coded in a way that is not known here"):
        probe(film)


def test_sound_in_an_unknown_code_does_not_hide_the_pictures(tmp_path: Path) -> None:
    make_film("mov", ("-c:v", "libx264", "-c:a", "pcm_s16le"), tmp_path)
    film = tmp_path / "film.mov"
    film.write_bytes(film.read_bytes().replace(b"sowt", b"zzzz"))
    assert probe(film).has_sound and probe_sound(film)[0].codec == "unknown"


def test_an_avi_with_empty_places_is_whole(tmp_path: Path) -> None:
    """Its second place holds no packet: the first picture is shown for two."""
    make_film("avi", ("-c:v", "mpeg4", "-g", "12", "-an", "-bf", "0"), tmp_path)
    with read_video(tmp_path / "film.avi") as video:
        times = [frame.time * 24 for frame in video]
    assert times[-1] - times[0] >= 23


def test_a_gif_cut_short_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    make_film("gif", ("-an",), tmp_path)
    film = tmp_path / "film.gif"
    with read_video(film) as video:
        assert len(list(video)) == 24
    data = film.read_bytes()
    for end in (len(data) - 1, len(data) // 2):
        film.write_bytes(data[:end])
        with read_video(film) as video, pytest.raises(FrameError, match=f"the file ends early, after {end} bytes"):
            list(video)
    film.write_bytes(data[:-1] + b"\x7f")  # in the place of the last byte, which says that there is no more
    with read_video(film) as video, pytest.raises(FrameError, match=f"breaks at byte {len(data) - 1} of {len(data)}"):
        list(video)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_size_of_a_picture_is_read_from_its_head(suffix: str, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 33, channels)).astype(np.uint8)
    data = cv2.imencode(f".{suffix}", image)[1].tobytes()
    assert picture_size(data) == (33, 24)
    assert picture_size(data[:10]) is None


def test_a_picture_that_would_unpack_to_a_gigabyte_is_refused_before(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(30_000, 300))
    with pytest.raises(LimitExceeded, match="the picture is 30000x300; expected at most 16384 pixels a side"):
        read_still(path)
    with pytest.raises(LimitExceeded, match="UNDERSTUDY_LIMITS=side=32768"):
        read_png(path)


def test_a_picture_of_no_size_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "nothing.png"
    path.write_bytes(png_of(0, 0))
    with pytest.raises(TrainingError, match="it holds no picture"):
        read_still(path)


def test_arrays_that_unpack_to_more_than_the_limit_are_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_LIMITS", "arrays=1")
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", bytes(3 << 20))
    assert path.stat().st_size < 5000
    with pytest.raises(LimitExceeded, match="arrays of 3 MiB; expected at most 1 MiB"):
        load_track(path)


def test_an_array_that_claims_more_than_it_holds_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000000,), }"
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kind.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    with pytest.raises(TrackError, match="the file cannot be read"):
        load_track(path)


def test_a_text_file_is_read_up_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_LIMITS", "text=1")
    path = tmp_path / "edits.yaml"
    path.write_bytes(b"#" * (1 << 20))
    assert len(bounded_bytes(path)) == 1 << 20
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(LimitExceeded, match="the file is larger than 1 MiB"):
        load_edits(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "edits.yaml")
    with pytest.raises(EditError, match="is no regular file"):
        load_edits(tmp_path / "edits.yaml")


def test_a_joint_at_no_place_is_refused_by_the_name_of_its_file(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "openpose"
    folder.mkdir()
    for index in range(6):
        joints = ["NaN", "3", "0.5"] * 25
        people = f'{{"people": [{{"pose_keypoints_2d": [{", ".join(joints)}]}}]}}'
        (folder / f"{index}.json").write_text(people)
    with pytest.raises(TrackError, match=r"0\.json: a joint lies at no place of a picture"):
        read_openpose_folder(folder, probe(film))


@pytest.mark.parametrize("config", [{"blocks": 10**9}, {"coarse": {"channels": [5000]}}, {"rate": float("nan")}])
def test_a_network_of_no_sane_size_is_not_built(config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="in a network's config, expected at most 4096"):
        refuse_giant(config)


def test_a_message_is_one_line_whatever_the_file_is_called(tmp_path: Path) -> None:
    error = TrackError("a\nb\x1b[2J.npz", "found", "expected", "Do.")
    assert str(error) == "a\\nb\\x1b[2J.npz: found; expected expected. Do."
    assert error.where == "a\nb\x1b[2J.npz"
    assert len(str(TrackError("x" * 5000, "found", "expected", "Do."))) < 1100


def test_what_is_within_the_limits_is_read_as_ever(tmp_path: Path) -> None:
    save_track(made_track(), tmp_path / "track.npz")
    assert np.array_equal(load_track(tmp_path / "track.npz").points, made_track().points)


def test_the_ffmpeg_program_follows_no_list_of_other_files_either(film: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.wav"
    listing.write_text(f"ffconcat version 1.0\nfile {film.name}\n")
    with pytest.raises(VideoError, match="ffmpeg failed"):
        add_sound(film, listing, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.fixture
def dancer(tmp_path: Path) -> Path:
    """A dancer's model folder, whole."""
    made_dancer(tmp_path / "model")
    return tmp_path / "model"


def told(folder: Path, place: tuple[str, ...], value: float) -> None:
    """Let model.json say something else in one place."""
    facts = json.loads((folder / "model.json").read_text())
    inside = facts
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    (folder / "model.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("network_config", "base_channels"), 10**9, "1e.09 in a network's config, expected at most 4096"),
        (("network_config", "blocks"), 4000, "it has more than .* weights"),
        (("network_config", "base_channels"), 64, "the weights do not fit"),
        (("framing", "width"), 60, "pictures of 60x48; expected multiples of 8, at least 16"),
        (("framing", "frame_width"), 10**6, "Framing's frame is 1000000x48, expected a picture within the limits"),
        (("framing", "frame_width"), 65, "background.png: the picture is 64x48; expected 65x48"),
        (("framing", "window", "left"), 64, "Framing's window is 0x48"),
        (("style", "limb_width"), 1e308, "StickFigureFormat's widths are 1e.308"),
        (("body", "body_height"), 0, "BodyStatistics has lengths"),
    ],
)
def test_a_model_that_describes_what_cannot_be_is_refused_before_anything_large_is_made(
    dancer: Path, place: tuple[str, ...], value: float, message: str
) -> None:
    told(dancer, place, value)
    with pytest.raises(ModelError, match=message):
        load_model(dancer, Compute("cpu", "float32", 0))


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_in_a_strangers_training_folder_is_not_copied(dancer: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")
    (dancer / "training").mkdir()
    (dancer / "training" / "curve.csv").write_text("step,loss\n")
    (dancer / "training" / "link.csv").symlink_to(secret)
    copy_model(dancer, tmp_path / "copy", overwrite=False)
    assert [path.name for path in (tmp_path / "copy" / "training").iterdir()] == ["curve.csv"]
