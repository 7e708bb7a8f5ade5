"""PoseNetworks: mediapipe's two body networks as functions without memory: people in a picture, joints in a region.

`mp.solutions.pose` keeps the last frame's region and low-passes it, follows one person of its own choice, and lags.
The same networks lie in the wheel and can be asked separately, so we own the region: we choose whose it is, cut it
with area averaging, and two workers that are given the same frame and region agree to the bit. And we leave out what
nobody asked for: the mask takes two fifths of the joint network's time.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import mediapipe.python.solutions.pose  # registers the messages that the graphs below speak
import numpy as np
from mediapipe.calculators.tensor.image_to_tensor_calculator_pb2 import ImageToTensorCalculatorOptions
from mediapipe.calculators.tensor.inference_calculator_pb2 import InferenceCalculatorOptions
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
from mediapipe.python.solution_base import SolutionBase
from numpy.typing import NDArray

from pipeline.sampling import Picture, averaged, shrinking, size_of
from pipeline.values import JOINTS, Box
from stages.tracking.region import CROP, Region
from stages.tracking.trimming import without_output

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
_MODEL = Path(mediapipe.__file__).parent / "modules/pose_landmark/pose_landmark_full.tflite"
_MASK_OUTPUT = 2  # of the model's five: joints, presence, mask, heat maps, joints in metres
_one_redirects = threading.Lock()  # file descriptor 2 is the process's: two threads would restore each other's


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
    crop: NDArray[np.uint8] | None  # (256, 256, 3): what the network looked at; None once it is put away
    mask: NDArray[np.float32] | None  # (256, 256) in the crop of `seen_in`: 0 background … 1 person


class PoseNetworks:
    """Both networks, loaded once; close them, or use them in a with block. One caller at a time.

    Args:
        masks: whether readings carry the person mask.
        presence: 0 … 1; a region where the network is less sure that a body is there gives no reading.
    """

    def __init__(self, *, masks: bool = False, presence: float = 0.5) -> None:
        threshold = "tensorstoposelandmarksandsegmentation__ThresholdingCalculator.threshold"
        with quiet_standard_error():
            self._detector = SolutionBase(graph_config=_DETECTOR, outputs=["people"])
            self._reader = SolutionBase(
                graph_config=_reader(),
                side_inputs={"model": _model(masks), "with_mask": masks},
                calculator_params={threshold: presence},
                outputs=["joints", "alignment", "world", "mask"],
            )
            blank = np.zeros((CROP, CROP, 3), dtype=np.uint8)
            self._detector.process(blank)  # the networks are built, and complain, at the first picture
            self._reader.process(blank)

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

    def find_people(self, picture: Picture, part: Box | None = None) -> tuple[Sighting, ...]:
        """Everybody the detector sees in a part of the picture, or in all of it; the surest first."""
        part = part or Box(0, 0, *size_of(picture))
        scale = min(1.0, DETECTOR_SIDE / max(part.height, part.width))
        size = (max(1, round(part.width * scale)), max(1, round(part.height * scale)))
        to_frame = shrinking(part.width, part.height, size)
        to_frame[:, 2] += part.left, part.top
        found = self._detector.process(averaged(picture, to_frame, size)).people
        return tuple(_sighting(person, part) for person in found or ())

    def read(self, picture: Picture, region: Region) -> Reading | None:
        """The joints of the body in `region` of the picture; None where the network sees no body."""
        crop = region.cut(picture)
        answer = self._reader.process(crop)
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
            crop=crop,
            mask=None if answer.mask is None else np.array(answer.mask, dtype=np.float32),
        )


def _reader() -> CalculatorGraphConfig:
    """From a crop to what the joint network reads in it.

    The same steps as mediapipe's PoseLandmarkByRoiCpu, without its regions; that one loads the model by itself, whole.
    """
    node = CalculatorGraphConfig.Node
    to_tensor = node(
        calculator="ImageToTensorCalculator", input_stream=["IMAGE:image"], output_stream=["TENSORS:input"]
    )
    shape = to_tensor.options.Extensions[ImageToTensorCalculatorOptions.ext]
    shape.output_tensor_width = shape.output_tensor_height = CROP
    shape.output_tensor_float_range.min, shape.output_tensor_float_range.max = 0, 1
    infer = node(
        calculator="InferenceCalculatorCpu",
        input_side_packet=["MODEL:network"],
        input_stream=["TENSORS:input"],
        output_stream=["TENSORS:output"],
    )
    infer.options.Extensions[InferenceCalculatorOptions.ext].delegate.xnnpack.SetInParent()
    return CalculatorGraphConfig(
        input_stream=["image"],
        input_side_packet=["model", "with_mask"],
        output_stream=["joints", "alignment", "world", "mask"],
        node=[
            node(
                calculator="TfLiteModelCalculator",
                input_side_packet=["MODEL_BLOB:model"],
                output_side_packet=["MODEL:network"],
            ),
            to_tensor,
            infer,
            node(
                calculator="TensorsToPoseLandmarksAndSegmentation",
                input_side_packet=["ENABLE_SEGMENTATION:with_mask"],
                input_stream=["TENSORS:output"],
                output_stream=[
                    "LANDMARKS:joints",
                    "AUXILIARY_LANDMARKS:alignment",
                    "WORLD_LANDMARKS:world",
                    "SEGMENTATION_MASK:mask",
                ],
            ),
        ],
    )


@cache
def _model(masks: bool) -> bytes:
    """The only pose model inside the wheel, of complexity 1; 0 and 2 would be downloaded."""
    model = _MODEL.read_bytes()
    return model if masks else without_output(model, _MASK_OUTPUT)


def _sighting(person: Any, part: Box) -> Sighting:
    """The detector's first two key points lie between the hips and on the rim of the body's circle."""
    points = np.array([(point.x, point.y) for point in person.location_data.relative_keypoints])
    hips, rim = points[:2] * (part.width, part.height) + (part.left - 0.5, part.top - 0.5)
    return Sighting(Region.around(hips, rim), float(person.score[0]))


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
def quiet_standard_error() -> Iterator[None]:
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
