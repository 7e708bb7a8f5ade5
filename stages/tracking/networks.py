"""PoseNetworks: mediapipe's two body networks as functions without memory: people in a picture, joints in a region.

`mp.solutions.pose` keeps the last frame's region and low-passes it, follows one person of its own choice, and lags.
The same networks lie in the wheel as subgraphs that can be asked separately, so we own the region: we choose
whose it is, cut it with area averaging, and two workers that are given the same frame and region agree to the bit.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import cv2
import mediapipe.python.solutions.pose  # noqa: F401  registers the messages that the graphs below speak
import numpy as np
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
from mediapipe.framework.formats.rect_pb2 import NormalizedRect
from mediapipe.python.solution_base import SolutionBase
from numpy.typing import NDArray

from pipeline.values import JOINTS
from stages.tracking.region import CROP, Region

DETECTOR_SIDE = 448  # pixels; the detector looks at 224, and averages less well than we do

_DETECTOR = CalculatorGraphConfig(
    input_stream=["image"],
    output_stream=["people"],
    node=[
        CalculatorGraphConfig.Node(
            calculator="PoseDetectionCpu", input_stream=["IMAGE:image"], output_stream=["DETECTIONS:people"]
        )
    ],
)
_READER = CalculatorGraphConfig(
    input_stream=["image", "region"],
    input_side_packet=["complexity", "with_mask"],
    output_stream=["joints", "alignment", "world", "mask"],
    node=[
        CalculatorGraphConfig.Node(
            calculator="PoseLandmarkByRoiCpu",
            input_side_packet=["MODEL_COMPLEXITY:complexity", "ENABLE_SEGMENTATION:with_mask"],
            input_stream=["IMAGE:image", "ROI:region"],
            output_stream=[
                "LANDMARKS:joints",
                "AUXILIARY_LANDMARKS:alignment",
                "WORLD_LANDMARKS:world",
                "SEGMENTATION_MASK:mask",
            ],
        )
    ],
)
_BUNDLED_COMPLEXITY = 1  # the only pose model inside the wheel; 0 and 2 would be downloaded
_one_redirects = threading.Lock()  # file descriptor 2 is the process's: two threads would restore each other's
_WHOLE_CROP = NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person as the detector sees it: a face, a pair of hips, a circle around the body."""

    region: Region
    score: float  # 0.5 … 1


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the joint network reads in one region."""

    points: NDArray[np.float32]  # (33, 2): x, y in pixels of the full frame
    visibility: NDArray[np.float32]  # (33,): 0 … 1, present and not occluded
    world: NDArray[np.float32]  # (33, 3): metres, origin between the hips, y down, z away from the camera
    region: Region  # where the same body is to be looked for in the next frame
    seen_in: Region  # where this reading was made
    mask: NDArray[np.float32] | None  # (256, 256) in the crop of `seen_in`: 0 background … 1 person


class PoseNetworks:
    """Both networks, loaded once; close them, or use them in a with block. One caller at a time.

    Args:
        masks: whether readings carry the person mask.
        presence: 0 … 1; a region where the network is less sure that a body is there gives no reading.
    """

    def __init__(self, *, masks: bool = False, presence: float = 0.5) -> None:
        threshold = "poselandmarkbyroicpu__tensorstoposelandmarksandsegmentation__ThresholdingCalculator.threshold"
        with _quiet_standard_error():
            self._detector = SolutionBase(graph_config=_DETECTOR, outputs=["people"])
            self._reader = SolutionBase(
                graph_config=_READER,
                side_inputs={"complexity": _BUNDLED_COMPLEXITY, "with_mask": masks},
                calculator_params={threshold: presence},
                outputs=["joints", "alignment", "world", "mask"],
            )
            blank = np.zeros((CROP, CROP, 3), dtype=np.uint8)
            self._detector.process(blank)  # the networks are built, and complain, at the first picture
            self._reader.process({"image": blank, "region": _WHOLE_CROP})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free both graphs."""
        self._detector.close()
        self._reader.close()

    def find_people(self, image: NDArray[np.uint8]) -> tuple[Sighting, ...]:
        """Everybody the detector sees in `image` (h, w, 3), the surest first; regions in pixels of `image`."""
        height, width = image.shape[:2]
        scale = min(1.0, DETECTOR_SIDE / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        found = self._detector.process(cv2.resize(image, size, interpolation=cv2.INTER_AREA)).people
        return tuple(_sighting(person, width, height) for person in found or ())

    def read(self, image: NDArray[np.uint8], region: Region) -> Reading | None:
        """The joints of the body in `region` of `image` (h, w, 3); None where the network sees no body."""
        answer = self._reader.process({"image": region.cut(image), "region": _WHOLE_CROP})
        if answer.joints is None:
            return None
        joints = np.array([(mark.x, mark.y, mark.visibility) for mark in answer.joints.landmark])
        alignment = np.array([(mark.x, mark.y) for mark in answer.alignment.landmark])
        world = np.array([(mark.x, mark.y, mark.z) for mark in answer.world.landmark], dtype=np.float32)
        if len(joints) != JOINTS:
            raise AssertionError(f"the network gave {len(joints)} joints")
        return Reading(
            points=_to_frame(joints[:, :2], region).astype(np.float32),
            visibility=joints[:, 2].astype(np.float32),
            world=_upright_to_camera(world, region.angle),
            region=Region.around(*_to_frame(alignment, region)),
            seen_in=region,
            mask=None if answer.mask is None else np.array(answer.mask, dtype=np.float32),
        )


def _sighting(person: Any, width: int, height: int) -> Sighting:
    """The detector's first two key points lie between the hips and on the rim of the body's circle."""
    points = np.array([(point.x * width, point.y * height) for point in person.location_data.relative_keypoints])
    return Sighting(Region.around(points[0] - 0.5, points[1] - 0.5), float(person.score[0]))


def _to_frame(points: NDArray[np.floating[Any]], region: Region) -> NDArray[np.float64]:
    """(k, 2) from 0 … 1 across the crop to pixels of the full frame."""
    matrix = region.to_frame()
    placed = (points * CROP - 0.5) @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(placed, dtype=np.float64)


def _upright_to_camera(world: NDArray[np.float32], angle: float) -> NDArray[np.float32]:
    """Turn metres read in an upright crop back to how the body leans before the camera."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], dtype=np.float32)
    return (world @ turn).astype(np.float32)


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Keep the libraries' start-up lines off the terminal: they go past Python, straight to file descriptor 2."""
    with _one_redirects:
        sys.stderr.flush()
        saved = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(nowhere)
