"""person_silhouettes: where in every picture the person is, hair and shoulders included, 0 … 1."""

from collections.abc import Iterable, Iterator
from contextlib import closing

import cv2
import numpy as np
from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation
from numpy.typing import NDArray

from pipeline.sampling import averaged, shrinking
from pipeline.values import Frame
from stages.tracking.networks import quiet_standard_error

_SIDE = 256  # pixels: the network's input and its answer
_SQUARE = 0  # mediapipe's number of the network for pictures about as wide as high


def person_silhouettes(frames: Iterable[Frame]) -> Iterator[NDArray[np.float32]]:
    """One soft mask (height, width) for each frame: 0 background … 1 person.

    For portraits: the network (mediapipe's selfie segmentation) knows people near the camera, and each frame is looked
    at by itself. For whole bodies see `person_masks`.
    """
    with quiet_standard_error():
        network = SelfieSegmentation(model_selection=_SQUARE)
        network.process(np.zeros((_SIDE, _SIDE, 3), dtype=np.uint8))  # it is built, and complains, at the first picture
    with closing(network):
        for frame in frames:
            yield _silhouette(network, frame.image)


def _silhouette(network: SelfieSegmentation, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Fetched with averaging, which mediapipe leaves out, in the network's own size; its answer is enlarged once."""
    height, width = image.shape[:2]
    small = averaged(image, shrinking(width, height, (_SIDE, _SIDE)), (_SIDE, _SIDE))
    mask = network.process(small).segmentation_mask
    whole = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(whole, 0, 1), dtype=np.float32)
