"""From a decoded picture to a displayed one: square pixels, right colours, upright."""

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy import uint8
from numpy.typing import NDArray

from pipeline.errors import VideoError
from pipeline.values import ColourTags
from pipeline.video.colour import MATRICES, ToRgb, resolved, tags_of


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a picture down: rows and columns swapped or not, then mirrored or not."""

    transposed: bool = False
    mirrored_x: bool = False  # left and right
    mirrored_y: bool = False  # top and bottom

    @classmethod
    def of(cls, picture: VideoFrame) -> "Orientation":
        """From the display matrix a picture carries, to the nearest quarter turn; as stored where it carries none.

        The matrix is (a b u, c d v, x y w) in fixed point, and sends a stored point (p, q) to
        (a p + c q, b p + d q) on the display (ISO/IEC 14496-12, 6.2.2).
        """
        side_data = cast(SideDataContainer, picture.side_data)
        if Type.DISPLAYMATRIX not in side_data:
            return cls()
        numbers = np.frombuffer(bytes(side_data[Type.DISPLAYMATRIX]), f"{'<' if sys.byteorder == 'little' else '>'}i4")
        a, b, _, c, d = (int(number) for number in numbers[:5])
        if abs(a) >= abs(b):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def __call__(self, image: NDArray[uint8]) -> NDArray[uint8]:
        """The image as displayed, contiguous."""
        if self.transposed:
            image = np.asarray(cv2.transpose(image), dtype=np.uint8)
        if self.mirrored_x or self.mirrored_y:
            axis = -1 if self.mirrored_x and self.mirrored_y else int(self.mirrored_x)
            image = np.asarray(cv2.flip(image, axis), dtype=np.uint8)
        return image

    def to_stored(self, width: int, height: int) -> NDArray[np.float64]:
        """(2, 3): from a pixel of the displayed picture, `width` x `height`, to the pixel that is shown there."""
        x = (-1.0, 0.0, width - 1) if self.mirrored_x else (1.0, 0.0, 0.0)
        y = (0.0, -1.0, height - 1) if self.mirrored_y else (0.0, 1.0, 0.0)
        return np.array([y, x] if self.transposed else [x, y])


@dataclass(frozen=True, slots=True)
class Display:
    """How the pictures of a clip are shown, taken from its first one."""

    stored_width: int  # in square pixels, before turning
    stored_height: int
    orientation: Orientation
    colour: ColourTags  # as tagged
    pixel_format: str

    @classmethod
    def of(cls, stream: VideoStream, picture: VideoFrame) -> "Display":
        """Pixels that are not square keep their rows and have their columns resampled, as players do."""
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        return cls(
            stored_width=max(1, round(picture.width * aspect)) if aspect > 0 else picture.width,
            stored_height=picture.height,
            orientation=Orientation.of(picture),
            colour=tags_of(picture),
            pixel_format=picture.format.name,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as displayed."""
        turned = self.orientation.transposed
        return (self.stored_height, self.stored_width) if turned else (self.stored_width, self.stored_height)

    def coded(self, path: Path) -> ColourTags:
        """The colours' tags, with a matrix to compute with.

        Raises:
            VideoError: the colours are coded by a matrix that cannot be undone here.
        """
        colour = resolved(self.colour, self.stored_height)
        if colour.matrix not in MATRICES:
            raise VideoError(
                path,
                f"colours are coded by matrix {colour.matrix} of ISO/IEC 23091-2",
                f"one of {', '.join(str(matrix) for matrix in MATRICES)}",
                "Export it in BT.709.",
            )
        return colour

    def converter(self, path: Path) -> ToRgb:
        """Pictures to RGB, not yet turned upright.

        Raises:
            VideoError: the colours are coded by a matrix that cannot be undone here.
        """
        return ToRgb(width=self.stored_width, height=self.stored_height, colour=self.coded(path))
