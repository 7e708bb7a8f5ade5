"""Whole-file work by the ffmpeg program: carry sound over, set films side by side, make a GIF.

Segments are joined by `pipeline.video.join_segments`: there every packet's time is set exactly, which ffmpeg's own
concat reader, counting in microseconds, cannot promise.
"""

import errno
import re
import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np

from pipeline.artifacts import as_storage_error, atomic_file
from pipeline.errors import VideoError
from pipeline.values import VideoInfo
from pipeline.video import FORMATS, probe, probe_sound, refuse_rounding

# What each kind of film can hold and its players play; Matroska holds everything. The rest becomes AAC.
COPIED_SOUND = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    ".m4v": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32le"),
}
SOUND_BIT_RATE = "192k"
# What a file says beside its pictures and sound (place, device, owner, times, titles) stays behind, of the file and of
# each stream: ffmpeg carries both along unless told of either.
NO_TAGS = {"map_metadata": -1, "map_metadata:s:v": -1, "map_metadata:s:a": -1, "map_chapters": -1}

LABEL_ROWS = 32  # pixels above each panel
LAST_LINES = 6  # of what ffmpeg wrote, shown in an error
FULL = b"No space left on device"  # as ffmpeg says it


def carry_sound(film: Path, source: Path, output: Path, *, overwrite: bool = False) -> None:
    """Give a film the sound of the clip it was made from.

    All sound streams are carried, as they are where the output's container holds them, else as AAC. Sound that lay
    t seconds after the source's first picture lies t seconds after the film's (`Frame.time` 0), also where either
    started late. The film decides the length: sound before its first picture and after its last one is left out,
    to the packet (about 20 ms). Pictures are copied, every frame at its exact time. A silent source makes a silent
    copy. Of what files say beside that (place, device, times, titles, chapters) only each sound's language is carried.

    Args:
        film: pictures; any sound in it is left out.
        source: the clip whose sound is wanted.
        output: the film with sound; .mp4, .mov, .m4v, or .mkv where the film's times are whole milliseconds.
        overwrite: whether a file at `output` may be replaced.

    Raises:
        UnknownChoice: the suffix of `output` is no film's.
        VideoError: `film` or `source` is no video, the output would round the film's times, or ffmpeg fails.
        OutputExists: `output` is there and `overwrite` is False.
    """
    pictures, start = probe(film), probe(source).start
    refuse_rounding(output, pictures.time_base)
    sounds = probe_sound(source)
    codecs = {f"c:a:{number}": _sound_codec(sound.codec, output) for number, sound in enumerate(sounds)}
    languages = {f"metadata:s:a:{n}": f"language={sound.language}" for n, sound in enumerate(sounds) if sound.language}
    # copyts: ffmpeg would otherwise move each file's own start to zero, and with it sound against pictures.
    seen = _read(film)["v:0"]
    heard = _read(source, itsoffset=_seconds(-start))["a?"]
    with atomic_file(output, overwrite=overwrite) as beside:
        options: dict[str, Any] = {"c:v": "copy", **codecs, "b:a": SOUND_BIT_RATE, "avoid_negative_ts": "disabled"}
        if (end := _end(pictures)) is not None:
            options["t"] = _seconds(end)
        options |= {**NO_TAGS, **languages, **_clock(output, pictures)}
        _run(ffmpeg.output(seen, heard, _address(beside), copyts=None, **options), output)


def add_sound(film: Path, sound: Path, output: Path, *, overwrite: bool = False) -> None:
    """Give a film a sound file of its own, which begins with the first picture and is cut at the end of the last.

    Args:
        film: pictures; any sound in it is left out, every frame keeps its exact time.
        sound: a file without pictures, such as a WAV.
        output: the film with sound; AAC where its container does not hold the file's codec.
        overwrite: whether a file at `output` may be replaced.

    Raises:
        UnknownChoice: the suffix of `output` is no film's.
        VideoError: `film` is no video, the output would round the film's times, or ffmpeg fails.
        OutputExists: `output` is there and `overwrite` is False.
    """
    pictures = probe(film)
    refuse_rounding(output, pictures.time_base)
    seen = _read(film)["v:0"]
    heard = _read(sound, itsoffset=_seconds(pictures.start))["a:0"]
    codec = "copy" if output.suffix.lower() not in COPIED_SOUND else "aac"
    with atomic_file(output, overwrite=overwrite) as beside:
        options: dict[str, Any] = {"c:v": "copy", "c:a": codec, "b:a": SOUND_BIT_RATE, **NO_TAGS}
        if (end := _end(pictures)) is not None:
            options["t"] = _seconds(end)
        _run(ffmpeg.output(seen, heard, _address(beside), copyts=None, **options, **_clock(output, pictures)), output)


def _sound_codec(codec: str, output: Path) -> str:
    held = COPIED_SOUND.get(output.suffix.lower())
    return "copy" if held is None or codec in held else "aac"


def _end(film: VideoInfo) -> Fraction | None:
    """When the last picture ends, on the film's clock."""
    return None if film.duration is None else film.start + film.duration


def _clock(output: Path, film: VideoInfo) -> dict[str, Any]:
    """Options that keep every time exact: a movie's clock is free, also the one that late starts are kept by."""
    if output.suffix.lower() not in COPIED_SOUND:
        return {}
    ticks = film.time_base.denominator
    return {"video_track_timescale": ticks, "movie_timescale": ticks, "movflags": "+faststart"}


def side_by_side(
    films: Sequence[Path],
    output: Path,
    *,
    labels: Sequence[str] | None = None,
    height: int = 480,
    overwrite: bool = False,
) -> None:
    """Show films next to each other, in step from their first pictures on, with the sound of the first.

    Frames are those of all films' times together; a film that ends before the others holds its last picture.

    Args:
        films: from left to right.
        output: the film to make, H.264.
        labels: one for each film, drawn above it, in ASCII (OpenCV has no other letters); None for no labels.
        height: of each film in the picture, even, pixels; widths follow.
        overwrite: whether a file at `output` may be replaced.

    Raises:
        ValueError: no films, an odd height, or labels that do not match the films or cannot be drawn.
        VideoError: a file is no video, or ffmpeg fails.
        OutputExists: `output` is there and `overwrite` is False.
    """
    _refuse_misfits(films, labels, height)
    widths = [2 * max(1, round(info.width * height / info.height / 2)) for info in map(probe, films)]
    with atomic_file(output, overwrite=overwrite) as beside, tempfile.TemporaryDirectory() as folder:
        panels = [_panel(film, width, height) for film, width in zip(films, widths, strict=True)]
        if labels is not None:
            strips = [_label(text, width, Path(folder)) for text, width in zip(labels, widths, strict=True)]
            panels = [_labelled(panel, strip) for panel, strip in zip(panels, strips, strict=True)]
        picture = panels[0] if len(panels) == 1 else ffmpeg.filter(panels, "hstack", inputs=len(panels))
        silent = Path(folder) / "silent.mp4"
        _run(_encoded(picture, silent), output)
        carry_sound(silent, films[0], beside, overwrite=True)


def _refuse_misfits(films: Sequence[Path], labels: Sequence[str] | None, height: int) -> None:
    if not films:
        raise ValueError("side_by_side was given no films")
    if height < 2 or height % 2:
        raise ValueError(f"side_by_side was given height {height}, expected an even number above 0")
    if labels is None:
        return
    if len(labels) != len(films):
        raise ValueError(f"side_by_side was given {len(labels)} labels for {len(films)} films")
    if strange := [text for text in labels if not text.isascii()]:
        raise ValueError(f"labels can be drawn in ASCII only, not {', '.join(strange)}")


def _panel(film: Path, width: int, height: int) -> Any:
    return (
        _read(film)["v:0"]
        .filter("setpts", "PTS-STARTPTS")
        .filter("scale", width, height, flags="bicubic+accurate_rnd", out_color_matrix="bt709", out_range="tv")
        .filter("setsar", 1)
        .filter("format", "yuv420p")
    )


def _label(text: str, width: int, folder: Path) -> Path:
    """A strip with a text in its middle, shrunk where it is too long."""
    strip = np.zeros((LABEL_ROWS, width, 3), np.uint8)
    face, scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1
    (wide, _), _ = cv2.getTextSize(text, face, scale, thickness)
    scale *= min(1.0, (width - 8) / max(wide, 1))
    (wide, tall), _ = cv2.getTextSize(text, face, scale, thickness)
    place = ((width - wide) // 2, (LABEL_ROWS + tall) // 2)
    cv2.putText(strip, text, place, face, scale, (255, 255, 255), thickness, cv2.LINE_AA)
    path = Path(tempfile.mkstemp(suffix=".png", dir=folder)[1])
    path.write_bytes(cv2.imencode(".png", strip)[1].tobytes())
    return path


def _labelled(panel: Any, strip: Path) -> Any:
    room = panel.filter("pad", "iw", f"ih+{LABEL_ROWS}", 0, LABEL_ROWS)
    return ffmpeg.overlay(room, _read(strip), x=0, y=0, eof_action="repeat")


def _encoded(picture: Any, output: Path) -> Any:
    """H.264 at the filters' own times: neither rounded to a rate nor dropped to fit one."""
    return ffmpeg.output(
        picture,
        _address(output),
        vcodec="libx264",
        crf=18,
        preset="medium",
        pix_fmt="yuv420p",
        colorspace="bt709",
        color_range="tv",
        fps_mode="passthrough",
        enc_time_base="filter",
        **NO_TAGS,
    )


def to_gif(
    film: Path, output: Path, *, width: int = 480, frame_rate: Fraction = Fraction(12), overwrite: bool = False
) -> None:
    """Make a GIF that loops, with a palette of its own; for pages that play no film.

    Raises:
        VideoError: `film` is no video, or ffmpeg fails.
        OutputExists: `output` is there and `overwrite` is False.
    """
    probe(film)
    pictures = _read(film)["v:0"].filter("fps", str(frame_rate)).filter("scale", width, -2).split()
    palette = pictures[0].filter("palettegen", stats_mode="diff")
    with atomic_file(output, overwrite=overwrite) as beside:
        drawn = ffmpeg.filter([pictures[1], palette], "paletteuse", dither="bayer", bayer_scale=4)
        _run(ffmpeg.output(drawn, _address(beside), f="gif", loop=0), output)


def ffmpeg_program() -> str:
    """The ffmpeg to run: IMAGEIO_FFMPEG_EXE, else the one that came with us, whose version we know, else the system's.

    Raises:
        VideoError: there is none.
    """
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise VideoError(
            "ffmpeg",
            "the program is not on this machine",
            "ffmpeg 7 or later",
            "Install it, or set IMAGEIO_FFMPEG_EXE.",
        ) from error


def ffmpeg_licence() -> str:
    """The licence of the program that is run, by how it was built.

    Raises:
        VideoError: there is none, or it does not run.
    """
    program = ffmpeg_program()
    try:
        said = subprocess.run([program, "-hide_banner", "-L"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise VideoError(program, f"does not run ({error})", "ffmpeg", "Install it again.") from error
    words = " ".join(said.stdout.split())
    if "nonfree" in words or "not legally redistributable" in words:
        return "proprietary: built so that nobody may pass it on"
    version = re.search(r"version (\d(?:\.\d)?) of the License", words)
    kind = "LGPL" if "Lesser General Public" in words else "GPL" if "General Public" in words else ""
    return f"{kind}-{version.group(1)}-or-later" if kind and version else "unknown"


def _run(command: Any, output: Path) -> None:
    """Run a command built by ffmpeg-python.

    Raises:
        StorageError: the disk is full.
        VideoError: ffmpeg fails; its last lines are in the message.
    """
    command = command.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    try:
        ffmpeg.run(command, cmd=ffmpeg_program(), capture_stdout=True, capture_stderr=True, overwrite_output=True)
    except ffmpeg.Error as error:
        if FULL in error.stderr:
            raise as_storage_error(output, OSError(errno.ENOSPC, FULL.decode())) from error
        lines = error.stderr.decode(errors="replace").strip().splitlines()[-LAST_LINES:]
        raise VideoError(
            output,
            f"ffmpeg failed: {' / '.join(lines)}",
            "films that ffmpeg can read and an output that it can write",
            "Check the input files; free space if the disk is full.",
        ) from error


def _read(path: Path, **options: Any) -> Any:
    """An input of ffmpeg, held to what `pipeline.video` opens: formats that name no other files."""
    return ffmpeg.input(_address(path), protocol_whitelist="file", format_whitelist=",".join(FORMATS), **options)


def _address(path: Path) -> str:
    return f"file:{path}"


def _seconds(time: Fraction) -> str:
    """Decimal seconds, to the microsecond above: what ffmpeg's options take."""
    return f"{ceil(time * 1_000_000)}us"
