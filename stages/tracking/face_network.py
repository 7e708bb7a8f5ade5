"""FaceNetworks: mediapipe's face networks as functions without memory: faces in a picture, 478 points in a region.

`mp.solutions.face_mesh` keeps the last frame's region, follows faces of its own choice, does not say how sure it is,
and misses heads that are small in the picture. The same networks lie in the wheel and can be asked separately, so we
own the region, as `PoseNetworks` does for bodies: two callers with the same frame and region agree to the bit.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import mediapipe.python.solutions.face_mesh  # registers the messages that the graphs below speak
import numpy as np
from mediapipe.calculators.core.split_vector_calculator_pb2 import SplitVectorCalculatorOptions
from mediapipe.calculators.tensor.image_to_tensor_calculator_pb2 import ImageToTensorCalculatorOptions
from mediapipe.calculators.tensor.inference_calculator_pb2 import InferenceCalculatorOptions
from mediapipe.calculators.tensor.tensors_to_floats_calculator_pb2 import TensorsToFloatsCalculatorOptions
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
from mediapipe.python.solution_base import SolutionBase
from numpy.typing import NDArray

from pipeline.face_landmarks import FACE_POINTS, MESH_POINTS, OUTER_CANTHI
from pipeline.sampling import Map, Picture, averaged, joined, shrinking, size_of
from pipeline.values import Box
from stages.tracking.face_irises import find_irises
from stages.tracking.face_looks import FACE_CROP, FaceLooks, face_looks
from stages.tracking.networks import quiet_standard_error
from stages.tracking.region import CROP, Region

FACE_MARGIN = 1.5  # the square is this much wider than the face, as the network was trained
DETECTOR_SIDE = 384  # pixels; the detectors look at 192 and 128, and average less well than we do

_MODEL = Path(mediapipe.__file__).parent / "modules/face_landmark/face_landmark_with_attention.tflite"
_MARKS = 6  # the model's first outputs: mesh, lips, eyes, irises; the next says whether there is a face

Node = CalculatorGraphConfig.Node


@dataclass(frozen=True, slots=True)
class FaceSighting:
    """One face as a detector sees it."""

    region: Region
    score: float  # 0.5 … 1


@dataclass(frozen=True, slots=True, eq=False)
class FaceReading:
    """What the landmark network reads in one region."""

    points: NDArray[np.float32]  # (478, 3): x, y in pixels of the full frame; z in pixels, smaller is nearer
    confidence: float  # 0 … 1, that this is a face
    region: Region  # where the same face is to be looked for in the next frame
    looks: FaceLooks  # of what the network looked at
    irises: NDArray[np.uint8]  # (2,): values of `IrisSight`, right and left: what the points of the irises go by


class FaceNetworks:
    """The networks, loaded once; close them, or use them in a with block. One caller at a time."""

    def __init__(self) -> None:
        with quiet_standard_error():
            self._near = SolutionBase(graph_config=_detector("FaceDetectionShortRangeCpu"), outputs=["faces"])
            self._far = SolutionBase(graph_config=_detector("FaceDetectionFullRangeCpu"), outputs=["faces"])
            self._reader = SolutionBase(
                graph_config=_reader(), side_inputs={"model": _model()}, outputs=["face", "presence"]
            )
            blank = np.zeros((FACE_CROP, FACE_CROP, 3), dtype=np.uint8)
            for network in (self._near, self._far, self._reader):
                network.process(blank)  # the networks are built, and complain, at the first picture

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphs."""
        for network in (self._near, self._far, self._reader):
            network.close()

    def find_faces(self, picture: Picture, part: Box | None = None) -> tuple[FaceSighting, ...]:
        """Every face that one of two detectors sees in a part of the picture, or in all of it; the surest first.

        One is for faces near the camera, one for far ones; a face that both see is here twice.
        """
        part = part or Box(0, 0, *size_of(picture))
        scale = min(1.0, DETECTOR_SIDE / max(part.height, part.width))
        size = (max(1, round(part.width * scale)), max(1, round(part.height * scale)))
        to_frame = shrinking(part.width, part.height, size)
        to_frame[:, 2] += part.left, part.top
        small = averaged(picture, to_frame, size)
        found = [face for network in (self._near, self._far) for face in network.process(small).faces or ()]
        return tuple(sorted((_sighting(face, part) for face in found), key=lambda one: -one.score))

    def read(self, picture: Picture, region: Region) -> FaceReading:
        """The points of the face in `region` of the picture, and how sure the network is that there is one.

        The irises are measured in the picture, as the network's follow the lids: see `find_irises`.
        """
        to_frame = _crop_to_frame(region)
        crop = averaged(picture, to_frame, (FACE_CROP, FACE_CROP))
        answer = self._reader.process(crop)
        marks = np.array([(mark.x, mark.y, mark.z) for mark in answer.face.landmark])
        if len(marks) != FACE_POINTS:
            raise AssertionError(f"the network gave {len(marks)} points")
        points = np.empty((FACE_POINTS, 3), dtype=np.float32)
        points[:, :2] = (marks[:, :2] * FACE_CROP - 0.5) @ to_frame[:, :2].T + to_frame[:, 2]
        points[:, 2] = marks[:, 2] * region.side
        irises = find_irises(picture, points)
        looks = face_looks(crop)
        return FaceReading(irises.points, float(answer.presence), face_region(points), looks, irises.sights)


def face_region(points: NDArray[np.float32]) -> Region:
    """The square around a face (478, 3), turned as its eyes are, half wider than the skin's longer side."""
    right, left = (points[corner, :2] for corner in OUTER_CANTHI)
    angle = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # across, along the face
    turned = points[:MESH_POINTS, :2] @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = (low + high) / 2 @ axes
    return Region(float(x), float(y), FACE_MARGIN * max(float((high - low).max()), 1.0), angle)


def _crop_to_frame(region: Region) -> Map:
    return joined(region.to_frame(), shrinking(CROP, CROP, (FACE_CROP, FACE_CROP)))


def _detector(name: str) -> CalculatorGraphConfig:
    return CalculatorGraphConfig(
        input_stream=["image"],
        output_stream=["faces"],
        node=[Node(calculator=name, input_stream=["IMAGE:image"], output_stream=["DETECTIONS:faces"])],
    )


def _reader() -> CalculatorGraphConfig:
    """From a crop to its points and the presence of a face.

    The same steps as mediapipe's FaceLandmarkCpu without its region; that one keeps the presence to itself.
    """
    split = Node(calculator="SplitTensorVectorCalculator", input_stream=["output"], output_stream=["marks", "flag"])
    ranges = split.options.Extensions[SplitVectorCalculatorOptions.ext].ranges
    ranges.add(begin=0, end=_MARKS)
    ranges.add(begin=_MARKS, end=_MARKS + 1)
    sure = Node(calculator="TensorsToFloatsCalculator", input_stream=["TENSORS:flag"], output_stream=["FLOAT:presence"])
    options = TensorsToFloatsCalculatorOptions
    sure.options.Extensions[options.ext].activation = options.SIGMOID
    load = Node(
        calculator="TfLiteModelCalculator",
        input_side_packet=["MODEL_BLOB:model"],
        output_side_packet=["MODEL:network"],
    )
    operators = Node(calculator="TfLiteCustomOpResolverCalculator", output_side_packet=["OP_RESOLVER:operators"])
    place = Node(
        calculator="TensorsToFaceLandmarksWithAttention",
        input_stream=["TENSORS:marks"],
        output_stream=["LANDMARKS:face"],
    )
    return CalculatorGraphConfig(
        input_stream=["image"],
        input_side_packet=["model"],
        output_stream=["face", "presence"],
        node=[load, operators, *_inference(), split, sure, place],
    )


def _inference() -> list[CalculatorGraphConfig.Node]:
    to_tensor = Node(
        calculator="ImageToTensorCalculator", input_stream=["IMAGE:image"], output_stream=["TENSORS:input"]
    )
    shape = to_tensor.options.Extensions[ImageToTensorCalculatorOptions.ext]
    shape.output_tensor_width = shape.output_tensor_height = FACE_CROP
    shape.output_tensor_float_range.min, shape.output_tensor_float_range.max = 0, 1
    infer = Node(
        calculator="InferenceCalculatorCpu",
        input_side_packet=["MODEL:network", "OP_RESOLVER:operators"],
        input_stream=["TENSORS:input"],
        output_stream=["TENSORS:output"],
    )
    infer.options.Extensions[InferenceCalculatorOptions.ext].delegate.xnnpack.SetInParent()
    return [to_tensor, infer]


@cache
def _model() -> bytes:
    return _MODEL.read_bytes()


def _sighting(face: Any, part: Box) -> FaceSighting:
    """The detectors' box, turned as their first two key points, the eyes."""
    place = face.location_data
    box, eyes = place.relative_bounding_box, place.relative_keypoints
    across, down = box.width * part.width, box.height * part.height
    x = (box.xmin + box.width / 2) * part.width + part.left - 0.5
    y = (box.ymin + box.height / 2) * part.height + part.top - 0.5
    lean = np.arctan2((eyes[1].y - eyes[0].y) * part.height, (eyes[1].x - eyes[0].x) * part.width)
    return FaceSighting(Region(x, y, FACE_MARGIN * max(across, down, 1.0), float(lean)), float(face.score[0]))
