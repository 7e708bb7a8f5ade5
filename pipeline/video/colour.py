"""Which numbers in a video mean which colours: code points and ranges, and the scalers from pictures to RGB and back.

Code points are those of ISO/IEC 23091-2 (the same in H.264, HEVC, AV1 and the MP4 `colr` box). Only matrix and range
decide how RGB becomes YCbCr; primaries and transfer are carried along as tags and never applied: an HDR clip keeps its
HDR coding, it is not tone mapped. Alpha is dropped.
"""

from dataclasses import dataclass, field, replace
from typing import cast

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy import uint8
from numpy.typing import NDArray

from pipeline.values import ColourTags

RGB = 0
BT709 = 1
BT601 = 6
UNTAGGED = (RGB, 2, 3)  # RGB on YCbCr samples, unspecified, reserved: none says how to compute
# By code point, the constant swscale knows the matrix by.
MATRICES = {BT709: 1, 4: 4, 5: 5, BT601: 5, 7: 7, 9: 9}
# By code point, Kr and Kb: the shares of red and blue in brightness.
WEIGHTS = {
    BT709: (0.2126, 0.0722),
    4: (0.3, 0.11),
    5: (0.299, 0.114),
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
HIGH_DEFINITION = 720  # rows from which untagged video is taken for BT.709, below it for BT.601, as players do

# Rounded, and chroma interpolated for every pixel. swscale's default repeats the nearest chroma sample, which makes
# saturated edges jagged, and truncates: measured against the formula, every colour comes out 1.2 levels too dark on
# average and up to 2.9, where this is off by 0.5 at most (libswscale 9.5, BT.709, limited range).
ACCURATE = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def is_rgb(pixel_format: str) -> bool:
    """Whether a pixel format holds RGB, for which no matrix applies."""
    return pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr"))


def resolved(colour: ColourTags, height: int) -> ColourTags:
    """The tags with a YCbCr matrix to compute with: where none is given, BT.709 from 720 rows on, BT.601 below."""
    if colour.matrix not in UNTAGGED:
        return colour
    return replace(colour, matrix=BT709 if height >= HIGH_DEFINITION else BT601)


def tags_of(picture: VideoFrame) -> ColourTags:
    """The colour tags a decoded picture carries; RGB and the old `yuvj` formats are full range by their name."""
    name = picture.format.name
    return ColourTags(
        primaries=int(picture.color_primaries),
        transfer=int(picture.color_trc),
        matrix=int(picture.colorspace),
        full_range=picture.color_range == ColorRange.JPEG or name.startswith("yuvj") or is_rgb(name),
    )


def black_of(colour: ColourTags) -> int:
    """Luma's level of black in 8 bits."""
    return 0 if colour.full_range else 16


def to_rgb_matrix(colour: ColourTags) -> NDArray[np.float64]:
    """(3, 4): what turns (Y, Cb, Cr, 1) of 8 bits into RGB, 0..255 (ITU-R BT.709, items 3.2 to 3.4, inverted).

    Args:
        colour: with a matrix to compute with.
    """
    red, blue = WEIGHTS[colour.matrix]
    green = 1 - red - blue
    luma, chroma = (1.0, 1.0) if colour.full_range else (255 / 219, 255 / 224)
    from_blue, from_red = 2 * (1 - blue) * chroma, 2 * (1 - red) * chroma
    linear = np.array(
        [[luma, 0, from_red], [luma, -from_blue * blue / green, -from_red * red / green], [luma, from_blue, 0]]
    )
    return np.column_stack([linear, -linear @ (black_of(colour), 128, 128)])


@dataclass(slots=True)
class ToRgb:
    """Decoded pictures to RGB arrays of one size; holds the scaler, so that it is set up once a clip."""

    width: int  # of the array, before it is turned upright
    height: int
    colour: ColourTags  # with a matrix to compute with
    scaler: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, picture: VideoFrame) -> NDArray[uint8]:
        """RGB, (height, width, 3), 0..255, in memory of its own.

        By way of planes, which swscale computes with SIMD: twice as fast as straight to packed RGB, the same numbers.
        """
        converted = self.scaler.reformat(
            picture,
            width=self.width,
            height=self.height,
            format="gbrp",
            interpolation=ACCURATE,
            src_colorspace=MATRICES[self.colour.matrix],
            src_color_range=ColorRange.JPEG if self.colour.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
        )
        green, blue, red = (rows_of(plane)[:, : self.width] for plane in converted.planes)
        return np.asarray(cv2.merge([red, green, blue]), dtype=np.uint8)


@dataclass(slots=True)
class FromRgb:
    """RGB arrays to pictures in an encoder's pixel format and size; holds the scaler."""

    pixel_format: str
    width: int  # of the picture; an array that is smaller has its last column and row repeated
    height: int
    colour: ColourTags  # with a matrix to compute with, unless the format is RGB
    scaler: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, image: NDArray[uint8]) -> VideoFrame:
        """A picture in its own memory: the array may be written to again."""
        picture = self._copied(image)
        if self.pixel_format == "rgb24":
            return picture
        return self.scaler.reformat(
            picture,
            format=self.pixel_format,
            interpolation=ACCURATE,
            dst_colorspace=MATRICES.get(self.colour.matrix),
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self.colour.full_range else ColorRange.MPEG,
        )

    def _copied(self, image: NDArray[uint8]) -> VideoFrame:
        """In memory padded for SIMD: swscale reads past the end of a bare array, and the program may die of it."""
        picture = VideoFrame(self.width, self.height, "rgb24")
        (plane,) = picture.planes
        samples = rows_of(plane)[:, : 3 * self.width].reshape(self.height, self.width, 3)
        height, width, _ = image.shape
        samples[:height, :width] = image
        samples[:height, width:] = image[:, -1:]
        samples[height:] = samples[height - 1]
        return picture


def rows_of(plane: VideoPlane) -> NDArray[uint8]:
    """A plane's rows with their padding."""
    rows = np.frombuffer(cast(memoryview, plane), np.uint8)  # PyAV's stubs do not say that planes are buffers
    return rows.reshape(plane.height, plane.line_size)
