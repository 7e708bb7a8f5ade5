"""Draw what a portrait's generator is told to follow: the lit face, which point lies where, eyes and mouth, the head.

The first three come from the face's mesh, without hair and neck, and from one z-buffer, so that they agree to a part of
a pixel and what the nose hides is hidden in all of them. Their pixels are the mean of several samples and lines have
fractions of a pixel: what moves by little changes the picture by little. Widths are fractions of the picture's height.
The fourth gives hair and ears their places, on a shell around the head.

Source: Kim et al. 2018, "Deep Video Portraits", sec. 5 (colour rendering, correspondence and eye gaze images); Koujan
et al. 2020, "Head2Head" (normalised coordinates of the neutral face as correspondence). Mouth, shoulders and head are
ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.errors import ModelError
from pipeline.face_landmarks import INNER_LIPS, LEFT_EYE, RIGHT_EYE
from pipeline.values import Box, FacePerformance, Status
from stages.conditioning.head_shell import HeadShell
from stages.conditioning.rasterise import Raster, rasterise
from stages.retargeting.face_model import FaceModel
from stages.retargeting.gaze import eye_frames, iris_centres
from stages.retargeting.illumination import spherical_harmonics, vertex_normals
from stages.retargeting.metric_camera import MetricCamera

VERSION = 2  # of the drawing itself: raise it when the same face would give other pictures
CHANNELS = 12  # four pictures of three

_SAMPLED_ROWS = 576  # about, whatever the picture's height: pixels are the mean of at least two by two samples
_IRIS_CORNERS = 24
_CIRCLE = 2 * np.pi * np.arange(_IRIS_CORNERS) / _IRIS_CORNERS
_CIRCLE_WAYS = np.cos(_CIRCLE), np.sin(_CIRCLE)  # of its corners, across and up
_Brush = Callable[[NDArray[np.uint8], NDArray[np.float64]], None]
_SMOOTH = 2.0  # samples that smoothed edges reach beyond what is drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceImagesFormat:
    """What the pictures look like; saved with a model, which refuses conditioning of another format."""

    version: int = VERSION
    shoulder_width: float = 0.015  # of the picture's height: the line between the shoulders
    shut: float = 0.3  # of the usual opening of the lids: an eye open no further is not drawn
    open: float = 0.5  # of the usual opening: from here on it is drawn in full

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ModelError(
                "conditioning", f"face images format {self.version}", f"format {VERSION}", "Train the model again."
            )
        if not 0 <= self.shut < self.open:
            raise ValueError(
                f"FaceImagesFormat.shut is {self.shut} and open {self.open}, expected 0 <= shut < open: "
                "an eye appears between the two."
            )


def draw_face_images(
    performance: FacePerformance,
    index: int,
    model: FaceModel,
    window: Box,
    width: int,
    height: int,
    style: FaceImagesFormat,
) -> NDArray[np.uint8]:
    """Draw frame `index` of a performance, with a model's face, as seen through `window` of the full frame.

    Returns:
        (height, width, 12) uint8, on black: the face's diffuse colour, RGB; its place on the neutral face, x, y, z,
        each 0..255 from one end of that face to the other; eyes white, irises blue, open mouth red, line of the
        shoulders green; its place on the head's shell, as `HeadShell.draw` has it. A missing face gives black.
    """
    if performance.status[index] == Status.MISSING:
        return np.zeros((height, width, CHANNELS), np.uint8)
    head = model.neutral + performance.expression[index]
    view = _View(performance, index, window, width, height)
    *surface, eyes, mouth = cv2.split(_draw_face(view, head, model, _openness(performance.lids[index], model, style)))
    iris = _draw_irises(view, model.neutral, performance.gaze[index], model.iris_radius)
    line = _draw_shoulders(view, performance.shoulders[index], style.shoulder_width)
    whites = cv2.min(eyes, cv2.bitwise_not(iris))
    features = [cv2.max(whites, mouth), cv2.max(whites, line), eyes]
    return np.ascontiguousarray(cv2.merge([*surface, *features, *cv2.split(_draw_shell(view, model))]))


class _View:
    """From the head of one frame to the samples of the picture."""

    def __init__(self, performance: FacePerformance, index: int, window: Box, width: int, height: int) -> None:
        self.width, self.height = width, height  # pixels of the picture
        self.samples = max(2, round(_SAMPLED_ROWS / height))  # of a pixel, along each side
        self.rotation = Rotation.from_rotvec(performance.rotation[index].astype(np.float64)).as_matrix()
        self.translation = performance.translation[index].astype(np.float64)
        self._camera = MetricCamera(performance.width, performance.height)
        self._corner = np.array([window.left, window.top]) - 0.5
        self._scale = np.array([width / window.width, height / window.height]) * self.samples
        self._per_pixel = np.array([window.width / width, window.height / height])

    def place(self, head: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(v, 3) in the head frame, cm → (v, 3): x and y in samples, depth in cm."""
        points = self._camera.project(head @ self.rotation.T + self.translation)
        points[:, :2] = self.sample(points[:, :2])
        return points

    def sample(self, pixels: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(v, 2) in pixels of the full frame → (v, 2) in samples of the picture."""
        return np.asarray((pixels - self._corner) * self._scale - 0.5)

    def slopes(self, part: Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rays through the pixels of a part: slopes of its columns (w,), and of its rows (h,)."""
        across, down = (
            (np.arange(first, end) + 0.5) * self._per_pixel[axis] + self._corner[axis]
            for axis, (first, end) in enumerate(((part.left, part.right), (part.top, part.bottom)))
        )
        columns = self._camera.slopes(np.column_stack([across, np.zeros_like(across)]))[:, 0]
        return columns, self._camera.slopes(np.column_stack([np.zeros_like(down), down]))[:, 1]

    def around(self, places: NDArray[np.float64], beyond: float = 0) -> Box:
        """The pixels that hold what lies up to `beyond` from places (v, 2+), in samples; none where all is outside."""
        pixels = (places[:, :2] + 0.5) / self.samples
        size, edge = np.array([self.width, self.height]), beyond / self.samples
        left, top = np.clip(np.floor(pixels.min(axis=0) - edge), 0, size).astype(int)
        right, bottom = np.clip(np.ceil(pixels.max(axis=0) + edge), 0, size).astype(int)
        return Box(int(left), int(top), int(right), int(bottom))

    def mask(self, outline: NDArray[np.float64], beyond: float, draw: _Brush) -> NDArray[np.uint8]:
        """(h, w): what `draw` paints along an outline (v, 2), samples, on a black canvas of samples around it.

        Args:
            beyond: how far it paints from the outline's box, samples.
            draw: is given the canvas, and where it begins, (2,) samples.
        """
        picture = np.zeros((self.height, self.width), np.uint8)
        part = self.around(outline, beyond + _SMOOTH)
        if part.width > 0 and part.height > 0:
            canvas = np.zeros((part.height * self.samples, part.width * self.samples), np.uint8)
            draw(canvas, np.array((part.left, part.top)) * float(self.samples))
            picture[part.top : part.bottom, part.left : part.right] = self.reduce(canvas)
        return picture

    def reduce(self, samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels as the means of their samples."""
        size = samples.shape[1] // self.samples, samples.shape[0] // self.samples
        return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA), np.uint8)


def _draw_face(
    view: _View, head: NDArray[np.float32], model: FaceModel, openness: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """(h, w, 8): diffuse RGB, correspondence XYZ, eyes, mouth. Only the part around the face is worked on."""
    picture = np.zeros((view.height, view.width, 8), np.uint8)
    points = view.place(head)
    part = view.around(points)
    if part.width > 0 and part.height > 0:
        corner = np.array([part.left, part.top, 0]) * view.samples
        size = part.width * view.samples, part.height * view.samples
        raster = rasterise(points - corner, model.triangles, *size)
        face = view.reduce(_sample_face(raster, head, view.rotation, model, openness))
        picture[part.top : part.bottom, part.left : part.right] = face
    return picture


def _sample_face(
    raster: Raster,
    head: NDArray[np.float32],
    rotation: NDArray[np.float64],
    model: FaceModel,
    openness: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """(rows, columns, 8) of samples."""
    normals = vertex_normals(head, model.triangles) @ rotation.T
    diffuse = np.clip(model.albedo * (spherical_harmonics(normals) @ model.light), 0, 1)
    lowest, highest = model.neutral.min(axis=0), model.neutral.max(axis=0)
    codes = (model.neutral - lowest) / (highest - lowest)
    surface = np.hstack([diffuse, codes])[model.triangles]
    corners = np.concatenate([surface, _openings(model.triangles, openness)], axis=2)
    return raster.spread(raster.values_between((255 * corners + 0.5).astype(np.float32)).astype(np.uint8))


def _openings(triangles: NDArray[np.int32], openness: NDArray[np.float32]) -> NDArray[np.float32]:
    """(t, 3, 2): 1 at corners of triangles that fill an open eye, the mouth: those that have all three on its ring."""
    right, left, mouth = (np.isin(triangles, ring).all(axis=1) for ring in (RIGHT_EYE, LEFT_EYE, INNER_LIPS))
    opened = np.column_stack([right * openness[0] + left * openness[1], mouth])
    return np.repeat(opened[:, None].astype(np.float32), 3, axis=1)


def _openness(lids: NDArray[np.float32], model: FaceModel, style: FaceImagesFormat) -> NDArray[np.float32]:
    """(2,): right and left eye, 0 shut … 1: as lids shut the mesh leaves a slit, which fades."""
    share = lids / np.maximum(model.lids_open, 1e-3)
    return np.asarray(np.clip((share - style.shut) / (style.open - style.shut), 0, 1).astype(np.float32))


def _draw_shell(view: _View, model: FaceModel) -> NDArray[np.uint8]:
    """(h, w, 3): the head's shell, one sample a pixel: between two places there may be none."""
    picture = np.zeros((view.height, view.width, 3), np.uint8)
    shell = HeadShell.around(model.neutral)
    part = view.around(view.place(shell.corners))
    if part.width > 0 and part.height > 0:
        drawn = shell.draw(*view.slopes(part), view.rotation, view.translation)
        picture[part.top : part.bottom, part.left : part.right] = drawn
    return picture


def _draw_irises(view: _View, head: NDArray[np.float32], gaze: NDArray[np.float32], radius: float) -> NDArray[np.uint8]:
    """(h, w): a disc in the plane of each eye; what lies outside the lids is cut off later."""
    eyes = eye_frames(head)
    across, up = (np.multiply.outer(_CIRCLE_WAYS[axis], way) for axis, way in enumerate((eyes.right, eyes.up)))
    reach = radius * eyes.half[:, None]
    rims = iris_centres(head, gaze) + (across + up) * reach  # (corners, eyes, 3)
    discs = view.place(rims.reshape(-1, 3))[:, :2].reshape((*rims.shape[:2], 2))

    def fill(canvas: NDArray[np.uint8], start: NDArray[np.float64]) -> None:
        for eye in range(discs.shape[1]):
            cv2.fillConvexPoly(canvas, _fixed_point(discs[:, eye] - start), (255.0,), cv2.LINE_AA, shift=4)

    return view.mask(discs.reshape(-1, 2), 0, fill)


def _draw_shoulders(view: _View, shoulders: NDArray[np.float32], width: float) -> NDArray[np.uint8]:
    """(h, w): from the lower rim to one shoulder, to the other, and down; as bright as the less sure of them is."""
    rows, bright = view.height * view.samples, 255 * float(shoulders[:, 2].min())
    right, left = view.sample(shoulders[:, :2])
    floor = max(rows, right[1], left[1])
    path, thick = np.array([(right[0], floor), right, left, (left[0], floor)]), max(1, round(width * rows))

    def draw(canvas: NDArray[np.uint8], start: NDArray[np.float64]) -> None:
        cv2.polylines(canvas, [_fixed_point(path - start)], False, (bright,), thick, cv2.LINE_AA, shift=4)

    return view.mask(path, thick, draw)


def _fixed_point(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """OpenCV draws at sixteenths of a pixel, given as integers; far-off points are pulled in to fit its 32 bits."""
    return np.asarray(np.round(np.clip(points, -8192, 8192) * 16), dtype=np.int32)
