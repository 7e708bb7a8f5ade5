"""Render a stretch of a portrait: draw face images, paint the head, put it into what lies behind it, encode."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.performance import Memory
from pipeline.compute import Compute
from pipeline.image import crop, resize
from pipeline.streams import prefetched
from pipeline.values import Condition, FacePerformance, Frame, Status, VideoInfo
from pipeline.video import DEFAULT_ENCODING, Encoding, write_video
from stages.conditioning.face_images import CHANNELS, draw_face_images
from stages.portrait_model import LoadedPortrait
from stages.rendering.generate import Painted, Painter
from stages.rendering.head_compositor import OtherFrame, OwnFrame
from stages.rendering.head_places import Place
from stages.rendering.render import AHEAD, Rendered, Stretch
from stages.rendering.to_and_fro import pictures_at

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class IntoClip:
    """The target's own clip lies behind."""

    clip: Path
    follows: NDArray[np.int32]  # (n,): its frame behind each frame of the film


@dataclass(frozen=True, slots=True, eq=False)
class IntoStill:
    """One picture of the target lies behind all frames."""

    picture: Picture  # (height, width, 3) RGB, of the target's clip


@dataclass(frozen=True, slots=True, eq=False)
class IntoSource:
    """The source lies behind, frame by frame, and the target's head where its head is."""

    clip: Path
    places: tuple[Place, ...]


Setting = IntoClip | IntoStill | IntoSource


def portrait_info(model: LoadedPortrait, setting: Setting, source: VideoInfo) -> VideoInfo:
    """The film to come: the picture of what lies behind, the source's time."""
    framing = model.facts.framing
    own = source.width, source.height
    width, height = own if isinstance(setting, IntoSource) else (framing.frame_width, framing.frame_height)
    return VideoInfo(
        path=source.path, width=width, height=height, frame_rate=source.frame_rate, time_base=source.time_base
    )


def render_portrait_stretch(
    model: LoadedPortrait,
    performance: FacePerformance,
    stretch: Stretch,
    setting: Setting,
    info: VideoInfo,
    segment: Path,
    compute: Compute,
    *,
    memory: Memory | None = None,
    encoding: Encoding = DEFAULT_ENCODING,
    progress: Callable[[int], None] | None = None,
) -> Rendered:
    """Write one segment of the film; returns the recurrent state behind its last frame, and which frames began anew.

    Drawing, reading, inference and encoding run in threads with short queues between them, so memory does not depend on
    the length. A frame in which the performance shows no face passes: it shows what lies behind it, untouched.

    Args:
        performance: in the target's frame; with the shoulders of what lies behind, where that is the target.
        setting: what lies behind the head.
        info: of the film, see `portrait_info`.
        memory: the state behind the frame before; None at the film's start.
        progress: called with the number of frames of the film that are finished.

    Raises:
        StorageError, VideoError: the segment cannot be written, or what lies behind cannot be read; nothing is left.
    """
    painter = _painter(model, compute, memory)
    conditions = prefetched(_conditions(model, performance, stretch), AHEAD)
    painted = (_paint(painter, performance, condition) for condition in conditions)
    pictures = prefetched(_composed(model, setting, performance, stretch, painted), AHEAD)
    with write_video(segment, info, encoding=encoding, overwrite=True) as film, closing(conditions), closing(pictures):
        for index, picture in enumerate(pictures, stretch.start):
            film.write(Frame(picture, performance.times[index], index))
            if progress is not None:
                progress(index + 1)
    return Rendered(painter.memory, tuple(painter.keyframes))


def _painter(model: LoadedPortrait, compute: Compute, memory: Memory | None) -> Painter:
    framing = model.facts.framing
    plate = resize(crop(model.background, framing.window), framing.width, framing.height)
    limit = model.facts.drift_limit
    return Painter(model.performer, plate, compute, channels=CHANNELS, drift_limit=limit, memory=memory)


def _conditions(model: LoadedPortrait, performance: FacePerformance, stretch: Stretch) -> Iterator[Condition]:
    framing, style = model.facts.framing, model.facts.style
    for index in range(stretch.start, stretch.stop):
        image = draw_face_images(performance, index, model.face, framing.window, framing.width, framing.height, style)
        yield Condition(image, performance.times[index], index)


def _paint(painter: Painter, performance: FacePerformance, condition: Condition) -> Painted:
    index = condition.index
    if performance.status[index] == Status.MISSING:
        return painter.clear(index)
    if index and performance.shot[index] != performance.shot[index - 1]:
        painter.begin_anew()  # as in training: what was shown before a cut is not this frame's past
    return painter.paint(condition)


def _composed(
    model: LoadedPortrait,
    setting: Setting,
    performance: FacePerformance,
    stretch: Stretch,
    painted: Iterable[Painted],
) -> Iterator[Picture]:
    """Heads and what lies behind them, put together."""
    framing, span = model.facts.framing, slice(stretch.start, stretch.stop)
    if isinstance(setting, IntoSource):
        other = OtherFrame(framing.window, framing.width, framing.height)
        with closing(prefetched(pictures_at(setting.clip, range(span.start, span.stop)), AHEAD)) as frames:
            for head, frame, place in zip(painted, frames, setting.places[span], strict=True):
                yield other.paste(head, frame, place) if head.person else frame
        return
    own = OwnFrame(model.background, framing.window)
    if isinstance(setting, IntoStill):
        yield from _into(own, painted, repeat(setting.picture, stretch.stop - stretch.start))
    elif own.fills_frame and (performance.status[span] != Status.MISSING).all():
        yield from (own.paste(head, None) for head in painted)  # nothing behind would show
    else:
        with closing(prefetched(pictures_at(setting.clip, setting.follows[span].tolist()), AHEAD)) as frames:
            yield from _into(own, painted, frames)


def _into(own: OwnFrame, painted: Iterable[Painted], frames: Iterable[Picture]) -> Iterator[Picture]:
    for head, frame in zip(painted, frames, strict=True):
        yield own.paste(head, frame) if head.person else frame
