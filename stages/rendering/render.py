"""Render a stretch of frames: draw conditions, paint, composite, encode, each overlapping with the next."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from models.performance import Memory
from pipeline.compute import Compute
from pipeline.streams import prefetched
from pipeline.values import Box, Condition, Frame, Pose, Track, VideoInfo
from pipeline.video import DEFAULT_ENCODING, Encoding, write_video
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure, draw_stick_figures
from stages.model_folder import DanceModel, LoadedModel
from stages.rendering.composite import Compositor
from stages.rendering.generate import Generation
from stages.rendering.panning import Pan, pan_of

AHEAD = 4  # frames waiting between two steps that overlap


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames start … stop-1 of a track."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """What a stretch leaves behind beside its segment of film."""

    memory: Memory  # for the next stretch
    keyframes: tuple[int, ...]  # frames painted without memory because the film had drifted


def film_info(model: DanceModel, source: VideoInfo) -> VideoInfo:
    """The film to come: the target's picture, the source's time."""
    framing = model.framing
    return VideoInfo(
        path=source.path,
        width=framing.frame_width,
        height=framing.frame_height,
        frame_rate=source.frame_rate,
        time_base=source.time_base,
    )


def render_stretch(
    model: LoadedModel,
    track: Track,
    stretch: Stretch,
    info: VideoInfo,
    segment: Path,
    compute: Compute,
    *,
    memory: Memory | None = None,
    encoding: Encoding = DEFAULT_ENCODING,
    progress: Callable[[int], None] | None = None,
) -> Rendered:
    """Write one segment of the film; returns the recurrent state behind its last frame, and which frames began anew.

    Drawing, inference and encoding run in three threads with short queues between them, so memory does not depend on
    the length.

    Args:
        track: retargeted to the model's frame.
        info: of the film, see `film_info`.
        memory: the state behind the frame before; None at the film's start.
        progress: called with the number of frames of the film that are finished.

    Raises:
        StorageError, VideoError: the segment cannot be written; nothing half-written is left.
    """
    before = pan_of(track[stretch.start - 1], model.facts) if stretch.start else None
    generation = Generation(model, compute, memory, before)
    compositor = Compositor(model.background, model.facts.framing.window)
    steps = prefetched(_steps(model, track, stretch), AHEAD)
    frames = prefetched(_frames(generation, compositor, steps), AHEAD)
    with write_video(segment, info, encoding=encoding, overwrite=True) as film, closing(steps), closing(frames):
        for frame in frames:
            film.write(frame)
            if progress is not None:
                progress(frame.index + 1)
    return Rendered(generation.memory, tuple(generation.keyframes))


def write_conditioning(
    track: Track, style: StickFigureFormat, info: VideoInfo, path: Path, *, encoding: Encoding = DEFAULT_ENCODING
) -> None:
    """Write the stick figures as a film of the track's size: what the generator is told to follow.

    Raises:
        StorageError, VideoError: the film cannot be written.
    """
    whole = Box(0, 0, track.width, track.height)
    figures = draw_stick_figures(track, whole, track.width, track.height, style)
    with (
        write_video(path, info, encoding=encoding, overwrite=True) as film,
        closing(prefetched(figures, AHEAD)) as ready,
    ):
        for figure in ready:
            film.write(Frame(figure.image, figure.time, figure.index))


def _steps(model: LoadedModel, track: Track, stretch: Stretch) -> Iterator[tuple[Condition, Pose, Pan]]:
    facts = model.facts
    framing = facts.framing
    for index in range(stretch.start, stretch.stop):
        pose = track[index]
        pan = pan_of(pose, facts)
        image = draw_stick_figure(pose, pan.window, framing.width, framing.height, facts.style)
        yield Condition(image, pose.time, pose.index), pose, pan


def _frames(
    generation: Generation, compositor: Compositor, steps: Iterable[tuple[Condition, Pose, Pan]]
) -> Iterator[Frame]:
    for condition, pose, pan in steps:
        painted = generation.paint(condition, pose, pan)
        yield Frame(compositor.paste(painted, pan.window), condition.time, condition.index)
