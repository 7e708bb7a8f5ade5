"""Translate a film frame by frame: in batches, whole or in tiles, with a blend against flicker; all steps overlap.

Convolutions compute in the precision that the device is fastest in, on weights converted once; pictures lie channels
last. What is not a convolution keeps the precision it was given.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.compute import Compute
from pipeline.image import to_tensor
from pipeline.streams import batched, prefetched
from pipeline.values import Frame, VideoInfo
from pipeline.video import DEFAULT_ENCODING, Encoding, read_video, write_video
from stages.optical_flow import Flow
from stages.rendering.render import AHEAD, Stretch
from stages.rendering.steady import STRENGTH, Last, Motion, Steady, find_motion
from stages.rendering.tiles import TiledNetwork, Tiling, features_per_pixel, tiling_for
from stages.training.machine import memory_of

# Pixels that are translated at once, where frames are small; batches of 1 to 4 took equally long on a processor.
AT_ONCE = {"cpu": 4 * 256 * 256, "cuda": 16 * 256 * 256}
MOST_AT_ONCE = 8  # frames; batches are powers of two, so that chunks hold whole ones
LOOKED_AT = 64  # pixels of a picture's side by which a network's features are counted
ROOM = 0.5  # of all memory, that translating may take
ASSUMED_MEMORY = 8 << 30  # bytes, where the system does not say

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Translator:
    """A generator made ready for films."""

    network: nn.Module  # pictures (b, 3, h, w) -1..1 → the same; evaluation mode, on the device
    stride: int  # the network's pictures have sides that are multiples of it
    least: int  # and at least this many pixels
    compute: Compute


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How the frames of a film are translated; part of what a chunk is known by."""

    batch: int = 1  # frames at once; a stretch begins at a multiple
    tiling: Tiling | None = None  # None: whole frames
    steady: float | None = STRENGTH  # strength of the blend with the last picture, 0..1; None: each frame alone


@dataclass(frozen=True, slots=True, eq=False)
class Translated:
    """What a stretch leaves behind beside its segment of film."""

    frames: int  # that were written; fewer than asked for where the film has no more
    ends: bool  # the film has no frame after them
    last: Last | None  # the state for the next stretch; None where frames are translated alone


def ready(generator: nn.Module, compute: Compute, *, stride: int, least: int | None = None) -> Translator:
    """Copy a generator to the device, its convolutions in the precision that is fastest there.

    Args:
        least: pixels that a side has at least; None: twice the stride, for a mirrored border needs a neighbour.
    """
    network = deepcopy(generator).eval().requires_grad_(False).to(compute.device)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.to(dtype=compute.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
            layer.register_forward_pre_hook(_in_its_precision)
    return Translator(network, stride, least or 2 * stride, compute)


def _in_its_precision(layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """As autocast does, which casts the weights too, every time, and took 3 % longer."""
    dtype = next(layer.parameters()).dtype
    return tuple(one.to(dtype) for one in given)


def plan_rendering(
    translator: Translator, width: int, height: int, *, tile: int | None = None, steady: float | None = STRENGTH
) -> Rendering:
    """How to translate frames of a size on this machine. The same on every run: memory in all counts, not what is free.

    Args:
        tile: pixels of a tile's side, where tiles are wanted whatever fits; None: as memory demands.
    """
    memory = memory_of(translator.compute) or ASSUMED_MEMORY
    looked_at = -(-max(translator.least, LOOKED_AT) // translator.stride) * translator.stride
    held = features_per_pixel(translator.network, looked_at)
    tiling = tiling_for(height * width, held, int(ROOM * memory))
    if tile is not None:
        tiling = replace(tiling or Tiling(), side=tile)
    return Rendering(batch=1 if tiling else batch_for(width, height, translator.compute), tiling=tiling, steady=steady)


def batch_for(width: int, height: int, compute: Compute) -> int:
    """Frames to translate at once: a power of two."""
    batch = 1
    while batch < MOST_AT_ONCE and 2 * batch * width * height <= AT_ONCE[compute.device]:
        batch *= 2
    return batch


def translate_pictures(pictures: U8, translator: Translator) -> F32:
    """Translate (b, h, w, 3) RGB of any size; returns the same shape in 0..255, not rounded.

    Sides are padded by reflection to what the network takes, and cut back.
    """
    height, width = pictures.shape[1:3]
    given = to_tensor(pictures, translator.compute.device)
    with torch.inference_mode():
        made = translator.network(_padded(given, translator))[..., :height, :width]
        scaled = (made.float().clamp(-1, 1) + 1) * 127.5
        return np.ascontiguousarray(scaled.permute(0, 2, 3, 1).cpu().numpy())


def _padded(pictures: Tensor, translator: Translator) -> Tensor:
    """More rows below and columns at the right, mirrored where there are enough to mirror."""
    height, width = pictures.shape[-2:]
    stride = translator.stride
    down, right = (-(-max(side, translator.least) // stride) * stride - side for side in (height, width))
    if down or right:
        mode = "reflect" if down < height and right < width else "replicate"
        pictures = F.pad(pictures, (0, right, 0, down), mode=mode)
    return pictures.contiguous(memory_format=torch.channels_last)


def translate_frames(
    frames: Iterable[Frame], translator: Translator, rendering: Rendering, *, last: Last | None = None
) -> Generator[tuple[Frame, Last | None], None, None]:
    """Translate a stream of frames of one size; every step reads ahead in a thread of its own.

    Yields: the frame in the other look, its index and time kept, and the state behind it, for whoever goes on there.

    Args:
        frames: the first has an index that is a multiple of `rendering.batch`, or chunks would be batched otherwise.
        last: the state behind the frame before; None at the film's start.
    """
    if rendering.tiling is not None:
        network = TiledNetwork(translator.network, rendering.tiling, stride=translator.stride, least=translator.least)
        translator = replace(translator, network=network)
    steady = None if rendering.steady is None else Steady(rendering.steady, last)
    with (
        closing(prefetched(frames, AHEAD)) as decoded,
        closing(prefetched(_moving(decoded, last, steady is not None), AHEAD)) as looked_at,
        closing(prefetched(_translated(looked_at, translator, rendering.batch), AHEAD)) as painted,
    ):
        for frame, motion, raw in painted:
            shown = raw if steady is None else steady.blend(raw, frame.image, motion)
            image = np.rint(shown).astype(np.uint8)
            yield Frame(image, frame.time, frame.index), None if steady is None else steady.last


def _moving(frames: Iterable[Frame], last: Last | None, wanted: bool) -> Iterator[tuple[Frame, Motion | None]]:
    """Each frame and how the film moved to it."""
    flow, before = Flow(), None if last is None else last.filmed
    for frame in frames:
        yield frame, find_motion(flow, frame.image, before) if wanted and before is not None else None
        before = frame.image


def _translated(
    frames: Iterable[tuple[Frame, Motion | None]], translator: Translator, batch: int
) -> Iterator[tuple[Frame, Motion | None, F32]]:
    for group in batched(frames, batch):
        raws = translate_pictures(np.stack([frame.image for frame, _ in group]), translator)
        for (frame, motion), raw in zip(group, raws, strict=True):
            yield frame, motion, raw


def translated_info(source: VideoInfo) -> VideoInfo:
    """The film to come: the clip's size, its time."""
    return VideoInfo(
        path=source.path,
        width=source.width,
        height=source.height,
        frame_rate=source.frame_rate,
        time_base=source.time_base,
    )


def translate_stretch(
    clip: Path,
    translator: Translator,
    rendering: Rendering,
    stretch: Stretch,
    segment: Path,
    *,
    last: Last | None = None,
    encoding: Encoding = DEFAULT_ENCODING,
    progress: Callable[[int], None] | None = None,
) -> Translated:
    """Write one segment of the film: frames of the clip from `stretch.start` on, up to `stretch.stop` or its end.

    One frame more is decoded, to see whether the film goes on. Memory does not depend on the length.

    Args:
        last: the state behind the frame before; None at the film's start.
        progress: called with the number of frames of the film that are finished.

    Raises:
        VideoError, FrameError: the clip cannot be read.
        StorageError, VideoError: the segment cannot be written; nothing half-written is left.
        ValueError: the stretch does not begin at a whole batch.
    """
    if stretch.start % rendering.batch:
        raise ValueError(f"the stretch begins at {stretch.start}, expected a multiple of the batch, {rendering.batch}")
    done = stretch.start
    with read_video(clip, start_index=stretch.start, stop_index=stretch.stop + 1) as video:
        taken = _Until(video, stretch.stop)
        with (
            write_video(segment, translated_info(video.info), encoding=encoding, overwrite=True) as film,
            closing(translate_frames(taken, translator, rendering, last=last)) as frames,
        ):
            for frame, behind in frames:
                last = behind
                film.write(frame)
                done = frame.index + 1
                if progress is not None:
                    progress(done)
    return Translated(done - stretch.start, not taken.goes_on, last)


class _Until:
    """Frames before `stop`; whether there was one after them is known when they are through."""

    def __init__(self, frames: Iterable[Frame], stop: int) -> None:
        self._frames, self._stop = frames, stop
        self.goes_on = False

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            if frame.index >= self._stop:
                self.goes_on = True
                return
            yield frame
