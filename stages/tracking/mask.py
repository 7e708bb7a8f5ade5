"""person_masks: where in every picture the person is, 0 … 1, from the same network that reads the joints.

Of mediapipe's bundled segmenters (pose network in a region that follows the body, selfie on such a region, selfie on
the whole frame) the first was the only one to keep hands, forearms and feet on both real clips, and the only one that
did not take captions and door frames for people.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Frame, Status, Track
from stages.tracking.joints import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, pose_of
from stages.tracking.networks import PoseNetworks, Reading
from stages.tracking.region import Region

_BODY_CIRCLE = 1.05  # radius around the hips, in distances to the farthest joint: fingertips and hair lie beyond joints
_LEAST_CIRCLE = 1.6  # the same in torso lengths, for a crouching body


def person_masks(frames: Iterable[Frame], track: Track | None = None) -> Iterator[NDArray[np.float32]]:
    """One soft mask (height, width) for each frame: 0 background … 1 person; 0 everywhere where nobody is seen.

    Args:
        frames: in order; with a track, frames of the clip that it was made from.
        track: whose mask is wanted. Without one, and where it says MISSING, the surest person is sought and followed.

    Raises:
        TrackError: the track is of another size, or ends before the frames do.
    """
    with closing(PoseNetworks(masks=True)) as networks:
        following: Region | None = None
        for frame in frames:
            pose = None if track is None else pose_of(track, frame)
            if pose is not None and pose.status is not Status.MISSING:
                following = body_region(pose.points)
            reading = _read(networks, frame.image, following)
            following = None if reading is None else reading.region
            yield _mask(reading, frame.image)


def body_region(points: NDArray[np.float32]) -> Region:
    """The region that holds a body whose joints (33, 2) are known: around the hips, upright along the spine."""
    hips = points[[LEFT_HIP, RIGHT_HIP]].mean(axis=0)
    spine = points[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=0) - hips
    torso = max(float(np.hypot(*spine)), 1.0)
    radius = max(_BODY_CIRCLE * float(np.hypot(*(points - hips).T).max()), _LEAST_CIRCLE * torso)
    return Region.around(hips, hips + spine * (radius / torso))


def _read(networks: PoseNetworks, image: NDArray[np.uint8], following: Region | None) -> Reading | None:
    """In the region that is followed; anew from the detector's where that is empty."""
    reading = None if following is None else networks.read(image, following)
    if reading is None:
        people = networks.find_people(image)
        reading = networks.read(image, people[0].region) if people else None
    return reading


def _mask(reading: Reading | None, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    if reading is None or reading.mask is None:
        return np.zeros((height, width), dtype=np.float32)
    return np.clip(reading.seen_in.paste(reading.mask, width, height), 0.0, 1.0)
