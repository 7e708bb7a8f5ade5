"""Whole-file work: sound where it was, films in step, and ffmpeg's own words when it fails."""

import subprocess
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
from made_films import even_times, ffmpeg_makes, frames_at, info_of, number_in, save

from pipeline.delivery import _run, carry_sound, ffmpeg_program, side_by_side, to_gif
from pipeline.errors import OutputExists, StorageError, VideoError
from pipeline.values import Frame
from pipeline.video import probe, probe_sound, read_video

SAMPLE_RATE = 48000
PACKET = 1024 / SAMPLE_RATE  # seconds: sound is cut to whole packets of AAC
HEARD = 0.003  # seconds: how sharply AAC keeps a click


def frames_in(path: Path) -> list[Frame]:
    with read_video(path) as video:
        return list(video)


def click_at(path: Path) -> float:
    """When the loudest moment is heard, in seconds on the film's clock, as a player counts."""
    program = ffmpeg_program()
    options = ("-copyts", "-i", str(path), "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-ac", "1")
    command = [program, "-v", "error", *options, "-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    samples = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)
    return float(np.argmax(np.abs(samples))) / SAMPLE_RATE


def clicking(path: Path, at: float, length: float, *codec: str) -> Path:
    """A sound file with one click."""
    wave = rf"if(between(t\,{at}\,{at}+0.001)\,0.9\,0)"
    return ffmpeg_makes(path, "-f", "lavfi", "-i", f"aevalsrc={wave}:s={SAMPLE_RATE}:d={length}", *codec)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Sixty frames (2.002 s) with a click at 1 s."""
    film = save(tmp_path / "pictures.mp4", frames_at(even_times(60)))
    sound = clicking(tmp_path / "sound.m4a", 1.0, 2.0)
    return ffmpeg_makes(tmp_path / "source.mp4", "-i", film, "-i", sound, "-c", "copy")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A film rendered from the source: the same times, other pictures, no sound."""
    return save(tmp_path / "made.mp4", frames_at(even_times(60)))


def test_the_click_is_heard_at_the_same_frame_as_before(tmp_path: Path, source: Path, made: Path) -> None:
    assert abs(click_at(source) - 1.0) < HEARD
    carry_sound(made, source, tmp_path / "out.mp4")
    assert abs(click_at(tmp_path / "out.mp4") - 1.0) < HEARD
    assert [sound.codec for sound in probe_sound(tmp_path / "out.mp4")] == ["aac"]


def test_every_frame_keeps_its_exact_time(tmp_path: Path, source: Path) -> None:
    times = [Fraction(ticks, 90000) for ticks in (0, 1, 3003, 9000, 9001, 90000, 150001)]
    frames = frames_at(times)
    film = save(tmp_path / "uneven.mp4", frames, info_of(frames, time_base=Fraction(1, 90000)))
    carry_sound(film, source, tmp_path / "out.mp4")
    assert [frame.time for frame in frames_in(tmp_path / "out.mp4")] == times


def test_a_source_whose_pictures_start_late_keeps_sound_and_pictures_together(tmp_path: Path, made: Path) -> None:
    pictures = save(tmp_path / "late.mp4", frames_at([Fraction(1, 2) + time for time in even_times(60)]))
    sound = clicking(tmp_path / "sound.m4a", 1.0, 2.0)
    late = ffmpeg_makes(tmp_path / "source.mp4", "-copyts", "-i", pictures, "-i", sound, "-c", "copy")
    assert probe(late).start == Fraction(1, 2)
    carry_sound(made, late, tmp_path / "out.mp4")  # the click lies half a second after the first picture
    assert abs(click_at(tmp_path / "out.mp4") - 0.5) < HEARD
    assert probe(tmp_path / "out.mp4").start == 0


def test_a_source_whose_sound_starts_late_keeps_sound_and_pictures_together(tmp_path: Path, made: Path) -> None:
    pictures = save(tmp_path / "pictures.mp4", frames_at(even_times(60)))
    sound = clicking(tmp_path / "sound.m4a", 0.5, 1.0)
    late = ffmpeg_makes(tmp_path / "source.mp4", "-i", pictures, "-itsoffset", "0.7", "-i", sound, "-c", "copy")
    carry_sound(made, late, tmp_path / "out.mp4")
    assert abs(click_at(tmp_path / "out.mp4") - 1.2) < HEARD


def test_a_source_that_starts_late_as_a_whole_loses_its_offset(tmp_path: Path, source: Path, made: Path) -> None:
    stream = ffmpeg_makes(tmp_path / "source.ts", "-i", source, "-c", "copy", "-output_ts_offset", "10")
    assert probe(stream).start > 10
    carry_sound(made, stream, tmp_path / "out.mp4")
    assert abs(click_at(tmp_path / "out.mp4") - 1.0) < HEARD


@pytest.mark.parametrize(
    ("sound", "codec", "output", "carried"),
    [
        ("sound.mka", "libvorbis", "out.mp4", "aac"),
        ("sound.wav", "pcm_s16le", "out.mp4", "aac"),
        ("sound.wav", "pcm_s16le", "out.mov", "pcm_s16le"),
        ("sound.mp3", "libmp3lame", "out.mp4", "mp3"),
    ],
)
def test_sound_is_copied_where_the_container_holds_it_else_made_aac(
    tmp_path: Path, made: Path, sound: str, codec: str, output: str, carried: str
) -> None:
    click = clicking(tmp_path / sound, 1.0, 2.0, "-c:a", codec)
    source = ffmpeg_makes(tmp_path / "source.mkv", "-i", made, "-i", click, "-c", "copy")
    carry_sound(made, source, tmp_path / output)
    assert [found.codec for found in probe_sound(tmp_path / output)] == [carried]
    assert abs(click_at(tmp_path / output) - 1.0) < HEARD


def test_all_sound_streams_are_carried(tmp_path: Path, clips: Path, made: Path) -> None:
    source = clips / "odd/multi_video_audio_streams.mp4"
    carry_sound(made, source, tmp_path / "out.mp4")
    assert len(probe_sound(tmp_path / "out.mp4")) == len(probe_sound(source)) > 1


def test_the_film_decides_the_length(tmp_path: Path, source: Path) -> None:
    short = save(tmp_path / "short.mp4", frames_at(even_times(15)))
    carry_sound(short, source, tmp_path / "out.mp4")
    (sound,) = probe_sound(tmp_path / "out.mp4")
    assert sound.duration is not None
    assert abs(sound.duration - Fraction(1001, 2000)) <= 2 * PACKET
    assert len(frames_in(tmp_path / "out.mp4")) == 15


def test_a_silent_source_makes_a_silent_film(tmp_path: Path, made: Path) -> None:
    carry_sound(made, made, tmp_path / "out.mp4")
    assert probe_sound(tmp_path / "out.mp4") == ()
    assert [number_in(frame.image) for frame in frames_in(tmp_path / "out.mp4")] == list(range(60))


def test_matroska_is_refused_where_it_would_round(tmp_path: Path, source: Path, made: Path) -> None:
    with pytest.raises(VideoError, match=r"out\.mkv: \.mkv counts time in 1/1000 s, which would round"):
        carry_sound(made, source, tmp_path / "out.mkv")


def test_a_taken_path_is_refused_unless_told(tmp_path: Path, source: Path, made: Path) -> None:
    (tmp_path / "out.mp4").write_text("mine")
    with pytest.raises(OutputExists):
        carry_sound(made, source, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_text() == "mine"
    carry_sound(made, source, tmp_path / "out.mp4", overwrite=True)
    assert probe(tmp_path / "out.mp4").has_sound


def test_a_failure_shows_ffmpegs_words_and_leaves_nothing(tmp_path: Path, source: Path) -> None:
    frames = frames_at(even_times(3))
    gif = ffmpeg_makes(tmp_path / "film.gif", "-i", save(tmp_path / "film.mp4", frames))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(VideoError, match=r"out\.mp4: ffmpeg failed: .*gif.*; expected films that ffmpeg can read"):
        carry_sound(gif, source, tmp_path / "out.mp4")
    assert sorted(tmp_path.iterdir()) == before


def flat(path: Path, level: int, count: int, width: int, height: int) -> Path:
    image = np.full((height, width, 3), level, np.uint8)
    return save(path, [Frame(image, time, i) for i, time in enumerate(even_times(count))])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file here that is always full")
def test_a_full_disk_is_said_in_our_words(made: Path) -> None:
    with pytest.raises(
        StorageError, match=r"/dev/full: the disk is full; expected room for the output\. Free some space"
    ):
        _run(ffmpeg.input(str(made)).output("/dev/full", format="matroska", c="copy"), Path("/dev/full"))


def test_films_stand_side_by_side_at_one_height(tmp_path: Path) -> None:
    left, right = flat(tmp_path / "l.mp4", 50, 6, 64, 48), flat(tmp_path / "r.mp4", 200, 6, 96, 192)
    side_by_side([left, right], tmp_path / "both.mp4", height=96)
    frames = frames_in(tmp_path / "both.mp4")
    assert frames[0].image.shape == (96, 128 + 48, 3)
    assert [frame.time for frame in frames] == even_times(6)
    assert np.abs(frames[0].image[48, [64, 152]].astype(int) - [[50], [200]]).max() <= 3
    assert probe(tmp_path / "both.mp4").colour.matrix == 1


def test_labels_are_drawn_above(tmp_path: Path) -> None:
    left, right = flat(tmp_path / "l.mp4", 0, 3, 64, 48), flat(tmp_path / "r.mp4", 0, 3, 64, 48)
    side_by_side([left, right], tmp_path / "both.mp4", labels=["source", ""], height=48)
    image = frames_in(tmp_path / "both.mp4")[0].image
    assert image.shape == (48 + 32, 128, 3)
    assert image[:32, :64].max() > 200
    assert image[:32, 64:].max() < 30
    assert image[32:].max() < 30


def test_the_sound_of_the_first_is_kept_in_step(tmp_path: Path, source: Path, made: Path) -> None:
    side_by_side([source, made], tmp_path / "both.mp4", labels=["a", "b"], height=48)
    assert abs(click_at(tmp_path / "both.mp4") - 1.0) < HEARD


def test_films_of_other_rates_and_starts_are_in_step_from_their_first_pictures(tmp_path: Path) -> None:
    late = save(tmp_path / "late.mp4", frames_at([3 + time for time in even_times(4, Fraction(15))]))
    film = save(tmp_path / "film.mp4", frames_at(even_times(8, Fraction(30))))
    side_by_side([late, film], tmp_path / "both.mp4", height=48)
    shown = [
        (number_in(frame.image[:, :64]), number_in(frame.image[:, 64:])) for frame in frames_in(tmp_path / "both.mp4")
    ]
    assert shown == [(index // 2, index) for index in range(8)]


@pytest.mark.parametrize(
    ("labels", "height", "message"),
    [
        (["one"], 48, "1 labels for 2 films"),
        (["one", "zwölf"], 48, "labels can be drawn in ASCII only, not zwölf"),
        (None, 47, "height 47, expected an even number above 0"),
    ],
)
def test_wrong_wishes_are_said(tmp_path: Path, made: Path, labels: list[str] | None, height: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        side_by_side([made, made], tmp_path / "both.mp4", labels=labels, height=height)


def test_a_gif_shows_the_film_smaller_and_slower(tmp_path: Path, made: Path) -> None:
    to_gif(made, tmp_path / "film.gif", width=32, frame_rate=Fraction(10))
    info = probe(tmp_path / "film.gif")
    assert (info.width, info.height, info.codec) == (32, 24, "gif")
    assert len(frames_in(tmp_path / "film.gif")) == 20
