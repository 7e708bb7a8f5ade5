"""Take the flicker out of frames translated one by one: each is blended with the last, moved as the film moves.

out_t = raw_t (1 - k c) + k c warp(out_{t-1}, flow): c says where the film's motion is believed, so what comes into
sight, leaves the picture or changes its light is shown as it was painted. Nothing is blended across a cut.

Source: the recurrent blend of Chen et al. 2017, "Coherent Online Video Style Transfer"; confidence as in `returns` and
the photometric one of Wang et al. 2018, "Video-to-Video Synthesis", softened.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.checkpoint import read_tensors, write_tensors
from pipeline.errors import ModelError
from pipeline.image import resize
from stages.optical_flow import Flow, moved, returns, squared_length
from stages.tracking.cuts import CUT_DISTANCE, picture_signature, signature_distance

STRENGTH = 0.7  # k: how much of the last picture stays where the motion is believed
SEARCHED = 540  # pixels of the shorter side, at most, at which motion is looked for
# Squared difference of a film's colours along the motion, summed over them, pictures in 0..1, at which belief is
# halfway gone. Wang et al. believe nothing beyond 0.005; a soft edge there left a fifth more flicker than one here.
PHOTOMETRIC = 0.02
SOFTENED = 1.0  # pixels (sigma) over which belief fades at the edge of what is hidden

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How a film moved from the frame before to this one."""

    flow: F32  # (h, w, 2) pixels (x, y), from this frame to the one before
    belief: F32  # (h, w): 0 not to be believed … 1


@dataclass(frozen=True, slots=True, eq=False)
class Last:
    """The state between two frames: what is remembered of the one before."""

    painted: F32  # (h, w, 3) RGB, 0..255: as it was shown, not rounded
    filmed: U8  # (h, w, 3) RGB: the film's own frame


def find_motion(flow: Flow, now: U8, before: U8) -> Motion | None:
    """How the film moved between two frames (h, w, 3); None across a cut, or where the size changed.

    Looked for at a reduced size where frames are large.
    """
    if now.shape != before.shape or signature_distance(*map(picture_signature, (before, now))) > CUT_DISTANCE:
        return None
    height, width = now.shape[:2]
    scale = min(1.0, SEARCHED / min(height, width))
    small = [resize(picture, round(width * scale), round(height * scale)) for picture in (now, before)]
    back, forth = flow.both_ways(small[0], small[1])
    seen = returns(back, forth).astype(np.float32)
    if scale < 1:
        across, down = width / back.shape[1], height / back.shape[0]
        back, seen = (np.asarray(cv2.resize(part, (width, height)), np.float32) for part in (back, seen))
        back = back * np.array([across, down], np.float32)
    apart = squared_length(_unit(now) - moved(_unit(before), back))
    belief = np.minimum(seen, cv2.GaussianBlur(seen, (0, 0), SOFTENED)) / (1 + np.square(apart / PHOTOMETRIC))
    return Motion(back, belief.astype(np.float32))


class Steady:
    """Blends frame after frame; `last` is its whole state, to be handed to the next chunk."""

    def __init__(self, strength: float = STRENGTH, last: Last | None = None) -> None:
        """Begin a film, or go on with one.

        Raises: ValueError where `strength` is not in 0..1, 1 excluded: nothing new would ever be shown.
        """
        if not 0 <= strength < 1:
            raise ValueError(f"Steady.strength is {strength}, expected 0 or more and less than 1.")
        self._strength = strength
        self.last = last

    def blend(self, raw: F32, filmed: U8, motion: Motion | None) -> F32:
        """The picture to show, (h, w, 3) 0..255.

        Args:
            raw: (h, w, 3) 0..255: the frame as it was translated.
            filmed: (h, w, 3): the frame it was translated from.
            motion: of the film, from the frame before; None: it is not known, and the raw picture is shown.
        """
        shown = raw
        if motion is not None and self.last is not None:
            fetched = np.clip(moved(self.last.painted, motion.flow, sharp=True), 0, 255)
            shown = raw + (self._strength * motion.belief)[..., None] * (fetched - raw)
        self.last = Last(shown, filmed)
        return shown


def save_last(path: Path, last: Last) -> None:
    """Write the state, exactly.

    Raises: StorageError.
    """
    write_tensors(path, {"painted": torch.from_numpy(last.painted), "filmed": torch.from_numpy(last.filmed)}, {})


def load_last(path: Path) -> Last:
    """Read it back.

    Raises: ModelError: the file is missing, damaged or of another kind.
    """
    tensors, _ = read_tensors(path)
    if sorted(tensors) != ["filmed", "painted"]:
        raise ModelError(path, "no state of a translation", "one that translating saved", "Translate the film again.")
    return Last(tensors["painted"].numpy(), tensors["filmed"].numpy())


def _unit(picture: U8) -> F32:
    return picture.astype(np.float32) / 255
