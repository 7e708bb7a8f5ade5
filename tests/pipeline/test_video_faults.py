"""Files that are not what they should be: each has its own message, and no frame is lost without a word."""

import pickle
import random
from pathlib import Path

import pytest
from made_films import ffmpeg_makes

from pipeline.errors import FrameError, VideoError
from pipeline.video import probe, read_video

TONE = ("-f", "lavfi", "-i", "sine=d=0.5")


def count(path: Path) -> int:
    with read_video(path) as video:
        return sum(1 for _ in video)


@pytest.fixture
def detailed(tmp_path: Path) -> Path:
    """Fifty frames of about a kilobyte and a half."""
    source = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2")
    return ffmpeg_makes(tmp_path / "detailed.mp4", *source, "-c:v", "libx264", "-g", "25", "-movflags", "+faststart")


def damaged(path: Path, at: float, size: int = 3000) -> Path:
    """Long enough to hit headers: within one picture of H.264 any bits decode to something, and nothing can tell."""
    data, chance = bytearray(path.read_bytes()), random.Random(1)
    begin = int(len(data) * at)
    data[begin : begin + size] = chance.randbytes(size)
    broken = path.with_name(f"broken-{path.name}")
    broken.write_bytes(data)
    return broken


def shortened(path: Path, to: float) -> Path:
    data = path.read_bytes()
    short = path.with_name(f"short-{path.name}")
    short.write_bytes(data[: int(len(data) * to)])
    return short


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"none\.mp4: there is no such file; expected a video file\. Check the path\."):
        probe(tmp_path / "none.mp4")


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"is a folder; expected a video file\. Give one of the files in it\."):
        probe(tmp_path)


def test_an_empty_file_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match=r"empty\.mp4: the file is empty; .* Copy or export it again\."):
        probe(tmp_path / "empty.mp4")


def test_text_called_mp4_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("Dear diary, today I danced.\n" * 50)
    with pytest.raises(VideoError, match=r"notes\.mp4: cannot be opened as a video \(Invalid data found"):
        probe(tmp_path / "notes.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = ffmpeg_makes(tmp_path / "song.m4a", *TONE)
    with pytest.raises(VideoError, match=r"song\.m4a: holds no moving pictures, only sound; expected a video file"):
        probe(path)


def test_sound_with_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    cover = ffmpeg_makes(tmp_path / "cover.png", "-f", "lavfi", "-i", "color=red:s=64x48", "-frames:v", "1")
    arguments = (*TONE, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    path = ffmpeg_makes(tmp_path / "song.m4a", *arguments)
    with pytest.raises(VideoError, match=r"holds no moving pictures, only a cover picture and sound"):
        probe(path)


def test_a_film_without_frames_is_no_video(tmp_path: Path, film: Path) -> None:
    path = ffmpeg_makes(tmp_path / "nothing.avi", "-i", film, "-vf", "select=0")
    with pytest.raises(
        VideoError, match=r"nothing\.avi: the picture stream holds no frame; expected at least one frame"
    ):
        probe(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_a_broken_packet_is_an_error_near_its_frame(tmp_path: Path, detailed: Path, suffix: str) -> None:
    codec = ("-c:v", "mpeg4", "-q:v", "3") if suffix == ".avi" else ("-c", "copy")
    path = damaged(ffmpeg_makes(tmp_path / f"copy{suffix}", "-i", detailed, *codec), at=0.6)
    with pytest.raises(FrameError, match=r"near frame \d+: .*let ffmpeg patch it") as caught:
        count(path)
    near = int(caught.value.where.rsplit(" ", 1)[1])
    assert 15 <= near <= 50  # of fifty, the damage lies about three fifths in; Matroska's is seen at the end


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_a_file_that_ends_early_is_an_error_after_its_last_whole_frame(
    tmp_path: Path, detailed: Path, suffix: str
) -> None:
    codec = ("-c:v", "mpeg4", "-q:v", "3") if suffix == ".avi" else ("-c", "copy")
    index_first = ("-movflags", "+faststart") if suffix == ".mp4" else ()
    path = shortened(ffmpeg_makes(tmp_path / f"copy{suffix}", "-i", detailed, *codec, *index_first), to=0.6)
    with pytest.raises(FrameError, match=r"near frame \d+: .*(short|early|ends after|cannot be decoded)"):
        count(path)


def test_a_file_cut_between_two_packets_is_an_error(tmp_path: Path, film: Path) -> None:
    path = ffmpeg_makes(tmp_path / "film.mkv", "-i", film, "-c", "copy")
    with pytest.raises(FrameError, match=r"the file ends \d+ bytes early"):
        count(shortened(path, 0.9))


def test_a_broken_skeleton_that_hides_whole_frames_is_an_error(tmp_path: Path, film: Path) -> None:
    path = ffmpeg_makes(tmp_path / "film.mkv", "-i", film, "-c", "copy", "-cluster_time_limit", "100")
    data = bytearray(path.read_bytes())
    second = data.index(b"\x1f\x43\xb6\x75", data.index(b"\x1f\x43\xb6\x75") + 4)
    data[second : second + 4] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(FrameError, match=rf"the file's structure breaks at byte {second} of {len(data)}"):
        count(path)


def test_a_live_recording_that_left_its_sizes_open_is_whole(tmp_path: Path, film: Path) -> None:
    path = ffmpeg_makes(tmp_path / "live.mkv", "-i", film, "-c", "copy", "-live", "1")
    assert count(path) == 30


def test_a_film_whose_index_never_was_written_cannot_be_opened(tmp_path: Path, detailed: Path) -> None:
    path = ffmpeg_makes(tmp_path / "plain.mp4", "-i", detailed, "-c", "copy")  # its index lies at the end
    with pytest.raises(VideoError, match=r"cannot be opened as a video \(Invalid data.*export it as \.mp4"):
        probe(shortened(path, 0.6))


def test_errors_survive_the_trip_from_a_worker_process() -> None:
    error = FrameError("a.mp4, frame 3", "damaged", "a whole picture", "Copy it again.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_damage_after_a_start_in_the_middle_is_placed_in_the_whole_clip(tmp_path: Path, detailed: Path) -> None:
    path = damaged(detailed, at=0.85)
    with pytest.raises(FrameError) as caught, read_video(path, start_index=28) as video:
        list(video)
    assert 35 <= int(caught.value.where.rsplit(" ", 1)[1]) <= 50


def test_damage_before_the_span_wanted_does_not_matter(tmp_path: Path, detailed: Path) -> None:
    path = damaged(detailed, at=0.2)
    with read_video(path, start_index=25, stop_index=50) as video:
        assert [frame.index for frame in video] == list(range(25, 50))


def test_a_clip_cut_where_pictures_build_up_bit_by_bit_is_read_from_where_they_are_whole(tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4", "-c:v", "libx264", "-bf", "0")
    stream = ffmpeg_makes(tmp_path / "refresh.ts", *source, "-x264-params", "intra-refresh=1:keyint=20").read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(stream[: 188 * 3] + stream[len(stream) // 3 // 188 * 188 :])
    assert 20 < count(cut) < 80
