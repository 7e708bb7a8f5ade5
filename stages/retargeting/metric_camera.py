"""The camera that all faces are seen through: an assumed field of view, from pixels to centimetres and back."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import MESH_POINTS
from stages.retargeting.skeleton import Reals

FIELD_OF_VIEW = math.radians(63)  # vertical; a wrong one bends perspective alike in source and target


@dataclass(frozen=True, slots=True)
class MetricCamera:
    """A pinhole at the origin that looks along -z: x right, y up, z towards the viewer, centimetres.

    px = f·X/(-Z) + W/2 - 0.5 and py = -f·Y/(-Z) + H/2 - 0.5: pixel centres lie at integers.
    Source: mediapipe's geometry pipeline (methods 11.6).
    """

    width: int  # pixels
    height: int

    @property
    def focal(self) -> float:
        """Focal length, pixels: f = H / (2·tan(31.5°))."""
        return self.height / (2 * math.tan(FIELD_OF_VIEW / 2))

    def project(self, points: Reals) -> NDArray[np.float64]:
        """Camera frame to picture: (…, 3) cm → (…, 3): x and y in pixels, depth in cm, positive before the camera."""
        points = points.astype(np.float64)
        depth = -points[..., 2]
        x = self.focal * points[..., 0] / depth + self.width / 2 - 0.5
        y = -self.focal * points[..., 1] / depth + self.height / 2 - 0.5
        return np.stack((x, y, depth), axis=-1)

    def slopes(self, pixels: Reals) -> NDArray[np.float64]:
        """The ray through a pixel as (X/-Z, Y/-Z): (…, 2) pixels → (…, 2), right and up."""
        pixels = pixels.astype(np.float64)
        x = (pixels[..., 0] - self.width / 2 + 0.5) / self.focal
        y = -(pixels[..., 1] - self.height / 2 + 0.5) / self.focal
        return np.stack((x, y), axis=-1)

    def lift(self, points: Reals) -> NDArray[np.float64]:
        """Tracked points in space but for their size: (n, 478, 3) pixels → (n, 478, 3), the head's mean depth is 1.

        The tracker's z has the scale of x at the head's own depth, so that depth over mean depth is 1 + (z - mean)/f.
        The size of the head then follows from a mesh of known size: its distance is one over the scale.
        Source: methods 11.6, steps 1 and 3; the two passes there are one, as step 3 only divides by the scale.
        """
        z = points[..., 2].astype(np.float64)
        depth = 1 + (z - z[:, :MESH_POINTS].mean(axis=1, keepdims=True)) / self.focal
        return np.concatenate((self.slopes(points[..., :2]) * depth[..., None], -depth[..., None]), axis=-1)
