"""From a decoded picture to its planes, as they lie in the decoder's memory, and how they are meant."""

from dataclasses import dataclass, field
from fractions import Fraction

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from pipeline.values import ColourTags, Planes
from pipeline.video.colour import ACCURATE, MATRICES, black_of, rows_of, to_rgb_matrix
from pipeline.video.picture import Display

AS_STORED = ("yuv420p", "yuvj420p")  # nearly every film; what is stored otherwise is brought into this form first


@dataclass(slots=True)
class ToPlanes:
    """Decoded pictures to planes of 8 bits with halved chroma; holds the scaler for those stored otherwise."""

    display: Display
    colour: ColourTags  # with a matrix to compute with
    scaler: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, picture: VideoFrame, time: Fraction, index: int) -> Planes:
        """Views of the picture's memory, which they keep alive; nothing is copied where the form is right already."""
        if picture.format.name not in AS_STORED:
            picture = self._reformed(picture)
        luma, blue, red = (rows_of(plane)[:, : plane.width] for plane in picture.planes)
        width, height = self.display.size
        to_stored = self.display.orientation.to_stored(width, height)
        # Columns of pixels that are not square, and pictures whose size changes within the film, as RGB frames have it.
        for row, shown, stored in (
            (0, self.display.stored_width, picture.width),
            (1, self.display.stored_height, picture.height),
        ):
            to_stored[row] *= stored / shown
            to_stored[row, 2] += (stored / shown - 1) / 2
        return Planes(
            luma=luma,
            blue=blue,
            red=red,
            black=black_of(self.colour),
            to_stored=to_stored,
            to_rgb=to_rgb_matrix(self.colour),
            width=width,
            height=height,
            time=time,
            index=index,
        )

    def _reformed(self, picture: VideoFrame) -> VideoFrame:
        matrix, colours = MATRICES[self.colour.matrix], ColorRange.JPEG if self.colour.full_range else ColorRange.MPEG
        return self.scaler.reformat(
            picture,
            format="yuv420p",
            interpolation=ACCURATE,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=colours,
            dst_color_range=colours,
        )
