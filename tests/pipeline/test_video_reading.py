"""Reading: every frame of every clip, once, in order, at its exact time, also from the middle."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from made_films import even_times, ffmpeg_makes, frames_at, number_in, save

from pipeline.errors import VideoError
from pipeline.streams import prefetched
from pipeline.values import Frame
from pipeline.video import Encoding, probe, read_video
from pipeline.video.wholeness import Count

DANCE = Path(__file__).parents[2] / "sample_videos" / "red_dance.mp4"
ODD_RATES = [0, 1, 1001, 1100, 4000, 4040, 9000, 9001, 20000, 33333]  # ticks of 1/30000 s


def read(path: Path, **span: int) -> list[Frame]:
    with read_video(path, **span) as video:
        return list(video)


def test_thirty_frames_go_in_and_the_same_thirty_come_out(film: Path) -> None:
    assert [number_in(frame.image) for frame in read(film)] == list(range(30))


def test_times_of_30000_1001_are_exact_fractions(film: Path) -> None:
    assert [frame.time for frame in read(film)] == [Fraction(1001 * i, 30000) for i in range(30)]


def test_variable_rate_stays_variable(tmp_path: Path) -> None:
    times = [Fraction(ticks, 30000) for ticks in ODD_RATES]
    path = save(tmp_path / "uneven.mp4", frames_at(times), encoding=Encoding(b_frames=3))
    assert [frame.time for frame in read(path)] == times


def test_info_says_what_the_container_and_the_first_picture_say(film: Path) -> None:
    info = probe(film)
    assert (info.width, info.height, info.frames, info.codec, info.pixel_format) == (64, 48, 30, "h264", "yuv420p")
    assert (info.frame_rate, info.time_base) == (Fraction(30000, 1001), Fraction(1, 30000))
    assert (info.start, info.duration, info.has_sound) == (0, Fraction(30 * 1001, 30000), False)
    with read_video(film) as video:
        assert video.info == info


def test_a_late_start_is_in_info_and_times_begin_at_zero(tmp_path: Path, film: Path) -> None:
    late = ffmpeg_makes(tmp_path / "late.ts", "-i", film, "-c", "copy", "-output_ts_offset", "5", "-muxdelay", "0")
    assert 5 <= probe(late).start < 6
    assert [frame.time for frame in read(late)][:2] == [0, Fraction(3003, 90000)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".mov"])
@pytest.mark.parametrize("start", [1, 9, 10, 11, 19, 29])
def test_a_start_in_the_middle_gives_the_frames_that_a_full_pass_gives(
    tmp_path: Path, film: Path, suffix: str, start: int
) -> None:
    path = ffmpeg_makes(tmp_path / f"copy{suffix}", "-i", film, "-c", "copy")
    whole, part = read(path), read(path, start_index=start, stop_index=start + 3)
    assert [frame.index for frame in part] == [frame.index for frame in whole[start : start + 3]]
    assert [frame.time for frame in part] == [frame.time for frame in whole[start : start + 3]]
    assert all(np.array_equal(one.image, other.image) for one, other in zip(part, whole[start:], strict=False))


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"),
        ("-c:v", "libx265", "-x265-params", "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0:log-level=none"),
        ("-c:v", "libx264", "-x264-params", "bframes=7:b-pyramid=normal:b-adapt=0:ref=4"),
        ("-c:v", "libx264", "-x264-params", "keyint=2:bframes=2"),
        ("-c:v", "mpeg4", "-bf", "2"),
    ],
    ids=["open H.264", "open HEVC", "a pyramid", "key pictures everywhere", "MPEG-4"],
)
def test_a_start_in_the_middle_is_right_for_other_orders_of_pictures(
    tmp_path: Path, film: Path, arguments: tuple[str, ...]
) -> None:
    path = ffmpeg_makes(tmp_path / "other.mp4", "-i", film, *arguments)
    whole = read(path)
    assert [number_in(frame.image) for frame in whole] == list(range(30))
    for start in (7, 8, 9, 15, 16, 17, 23):
        part = read(path, start_index=start)
        assert [number_in(frame.image) for frame in part] == list(range(start, 30))
        assert np.array_equal(part[0].image, whole[start].image)


def test_where_no_picture_is_whole_in_itself_a_start_in_the_middle_goes_back_to_the_clips_start(
    tmp_path: Path,
) -> None:
    """Intra refresh: a column of each picture is new, and its marks of recovery look like key pictures."""
    coding = ("-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=24")
    path = ffmpeg_makes(tmp_path / "refresh.mp4", "-i", DANCE, "-an", "-frames:v", "40", *coding)
    whole = read(path)
    part = read(path, start_index=31)
    assert [frame.index for frame in part] == list(range(31, 40))
    assert all(np.array_equal(one.image, other.image) for one, other in zip(part, whole[31:], strict=True))


def test_before_a_start_in_the_middle_pictures_that_no_other_leans_on_are_not_decoded(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoded as stored: 0, then 3 and by it 1 and 2, then 6 and by it 4 and 5, and so on."""
    path = ffmpeg_makes(
        tmp_path / "a.mp4", "-i", film, "-c:v", "libx264", "-x264-params", "bframes=2:b-adapt=0:b-pyramid=none"
    )
    whole, decoded, give = read(path), list[int](), Count.give

    def noted(count: Count, picture: VideoFrame) -> None:
        decoded.append(round(picture.time * 30000 / 1001))
        give(count, picture)

    monkeypatch.setattr(Count, "give", noted)
    part = read(path, start_index=13, stop_index=17)
    assert decoded[-9:] == [0, 3, 6, 9, 12, 13, 14, 15, 16]
    assert all(np.array_equal(one.image, other.image) for one, other in zip(part, whole[13:], strict=False))


def test_a_clip_cut_before_a_key_picture_begins_at_it_and_counts_from_there(tmp_path: Path, film: Path) -> None:
    stream = ffmpeg_makes(tmp_path / "whole.ts", "-i", film, "-c", "copy").read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(stream[: 188 * 3] + stream[len(stream) // 4 // 188 * 188 :])
    numbers = [number_in(frame.image) for frame in read(cut)]
    assert numbers and numbers == list(range(numbers[0], 30))
    assert numbers[0] > 0
    assert [number_in(frame.image) for frame in read(cut, start_index=5)] == numbers[5:]


def test_frames_hidden_by_an_edit_list_are_not_shown(tmp_path: Path, film: Path) -> None:
    path = ffmpeg_makes(tmp_path / "edited.mp4", "-ss", "0.2", "-i", film, "-c", "copy")
    shown = read(path)
    assert [number_in(frame.image) for frame in shown] == list(range(6, 30))
    assert [number_in(frame.image) for frame in read(path, start_index=3, stop_index=5)] == [9, 10]


def test_avi_without_display_times_is_read_in_order(tmp_path: Path, film: Path) -> None:
    path = ffmpeg_makes(tmp_path / "old.avi", "-i", film, "-c:v", "mpeg4", "-q:v", "2")
    assert [number_in(frame.image) for frame in read(path)] == list(range(30))
    assert [number_in(frame.image) for frame in read(path, start_index=12)] == list(range(12, 30))


def test_the_stream_marked_default_is_read_else_the_largest(tmp_path: Path) -> None:
    small = save(tmp_path / "small.mp4", frames_at(even_times(3)))
    large = save(tmp_path / "large.mp4", frames_at(even_times(3), width=128, height=96))
    both = ("-i", small, "-i", large, "-map", "0", "-map", "1", "-c", "copy")
    marked = ffmpeg_makes(tmp_path / "a.mkv", *both, "-disposition:0", "default", "-disposition:1", "0")
    unmarked = ffmpeg_makes(tmp_path / "b.mkv", *both, "-disposition:0", "0", "-disposition:1", "0")
    assert probe(marked).width == 64
    assert probe(unmarked).width == 128
    assert probe(marked, stream=1).width == 128
    with pytest.raises(
        VideoError, match=r"stream 7 holds no moving pictures; expected one of 0 \(64x48\), 1 \(128x96\)"
    ):
        probe(marked, stream=7)


def test_a_cover_picture_is_never_taken_for_the_film(tmp_path: Path, film: Path) -> None:
    cover = ffmpeg_makes(tmp_path / "cover.png", "-f", "lavfi", "-i", "color=red:s=640x480", "-frames:v", "1")
    arguments = ("-i", cover, "-i", film, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    path = ffmpeg_makes(tmp_path / "covered.mp4", *arguments)
    assert probe(path).width == 64
    assert len(read(path)) == 30


def test_a_second_pass_is_an_error(film: Path) -> None:
    with read_video(film) as video:
        list(video)
        with pytest.raises(VideoError, match=r"film\.mp4: read a second time; expected one pass\. Open it again"):
            list(video)


def test_a_step_after_the_block_is_an_error_not_a_crash(film: Path) -> None:
    with read_video(film) as video:
        frames = iter(video)
        next(frames)
    with pytest.raises(VideoError, match=r"read after its with block ended.*Consume frames inside the block\."):
        next(frames)


def test_leaving_the_block_while_a_thread_reads_ahead_is_safe(film: Path) -> None:
    for _ in range(20):
        with read_video(film) as video:
            ahead = prefetched(video, 2)
            first = next(ahead)
        ahead.close()
        assert first.index == 0
        assert next(ahead, None) is None  # closed, and the interpreter lives


def test_an_image_stays_as_it_was_after_the_reader_has_gone_on(film: Path) -> None:
    with read_video(film) as video:
        frames = iter(video)
        kept = next(frames).image
        before = kept.copy()
        list(frames)
    assert kept.flags.c_contiguous
    assert np.array_equal(kept, before)


def test_a_start_after_the_last_frame_is_an_error(film: Path) -> None:
    with (
        pytest.raises(VideoError, match=r"has 30 frames, frame 30 was asked for"),
        read_video(film, start_index=30) as video,
    ):
        next(iter(video))


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (5, 5), (5, 2)])
def test_an_empty_or_negative_span_is_an_error(film: Path, start: int, stop: int | None) -> None:
    with (
        pytest.raises(ValueError, match="expected a span from 0 on, not empty"),
        read_video(film, start_index=start, stop_index=stop),
    ):
        pass


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path) -> None:
    path = save(tmp_path / "12:30 take.mp4", frames_at(even_times(2)))
    assert len(read(path)) == 2


REAL = {  # name: frames, size, time of the last frame
    "odd/vfr_yuv444_128px.mp4": (300, (128, 128), Fraction(224, 15)),
    "odd/h265_10bit.mp4": (30, (200, 200), Fraction(29, 30)),
    "odd/av1.mkv": (125, (640, 360), Fraction(124, 25)),
    "odd/multi_video_audio_streams.mp4": (390, (480, 270), 389 * Fraction(1001, 30000)),
    "odd/full_range_yuvj420.mp4": (30, (1280, 720), Fraction(29, 30)),
}


@pytest.mark.parametrize("name", REAL)
def test_real_odd_clips_are_read_whole_and_from_the_middle(clips: Path, name: str) -> None:
    count, (width, height), last = REAL[name]
    with read_video(clips / name) as video:
        assert (video.info.width, video.info.height) == (width, height)
        kept = None
        for frame in video:
            assert frame.image.shape == (height, width, 3)
            kept = frame if frame.index == count - 5 else kept
    assert (frame.index, frame.time) == (count - 1, last)
    part = read(clips / name, start_index=count - 5, stop_index=count - 4)
    assert kept is not None and np.array_equal(part[0].image, kept.image)


def test_info_of_a_silent_film_and_one_with_sound_differ(clips: Path) -> None:
    assert probe(clips / "portrait/glasses.mp4").has_sound
    assert not probe(clips / "odd/h265_10bit.mp4").has_sound


def test_what_is_read_can_be_written_with_the_readers_own_info(tmp_path: Path, clips: Path) -> None:
    frames = read(clips / "odd/vfr_yuv444_128px.mp4", stop_index=40)
    with read_video(clips / "odd/vfr_yuv444_128px.mp4", stop_index=1) as video:
        info = video.info
    path = save(tmp_path / "again.mp4", frames, info)
    assert [frame.time for frame in read(path)] == [frame.time for frame in frames]
