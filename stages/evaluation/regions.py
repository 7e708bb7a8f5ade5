"""Parts of a picture that are scored by themselves: the person, the face, the hands, from the tracker's joints."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.values import Box, Pose, Status

Mask = NDArray[np.float32]

OUTLINE = 0.01  # of the picture's height: the person's region is wider than the mask by this, so that edges count
SEEN = 0.5  # confidence of joints that a region is laid around
SMALLEST = 4  # pixels a side
NOSE, EYES, EARS, MOUTH = 0, (2, 5), (7, 8), (9, 10)
HANDS = ((15, 17, 19), (16, 18, 20))  # left, right: wrist, knuckles of the little and the first finger
FACE_BY_EARS, FACE_BY_EYES = 1.0, 2.0  # half a side of the face's square: ears apart, or eyes to mouth, whichever more
HAND = 1.2  # half a side of a hand's square, in distances from the wrist to the knuckles


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A box in a picture, and which of its pixels count."""

    box: Box
    mask: Mask | None = None  # (height, width) of the box: 0 … 1; None: all


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """What one picture shows of a person, each as the patches that make it: none where it is not seen."""

    person: tuple[Patch, ...] = ()
    face: tuple[Patch, ...] = ()
    hands: tuple[Patch, ...] = ()


def regions_of(pose: Pose, mask: Mask) -> Regions:
    """A person's regions, from their joints and their mask (h, w)."""
    height, width = mask.shape
    person, face = person_patch(mask), face_patch(pose, width, height)
    return Regions(
        person=() if person is None else (person,),
        face=() if face is None else (face,),
        hands=hand_patches(pose, width, height),
    )


def whole_picture(width: int, height: int) -> Patch:
    """Everything."""
    return Patch(Box(0, 0, width, height))


def person_patch(mask: Mask) -> Patch | None:
    """Where a person's mask (h, w) is, made wider by 1 % of the height; None where nobody is."""
    reach = max(1, round(OUTLINE * mask.shape[0]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = np.asarray(cv2.dilate(mask, disc), np.float32)
    rows, columns = np.flatnonzero(wide.max(axis=1)), np.flatnonzero(wide.max(axis=0))
    if not len(rows):
        return None
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Patch(box, np.ascontiguousarray(wide[box.top : box.bottom, box.left : box.right]))


def face_patch(pose: Pose, width: int, height: int) -> Patch | None:
    """A square around eyes, ears and mouth, about half as wide again as the head; None where the face is unseen."""
    joints = [NOSE, *EYES, *EARS, *MOUTH]
    if pose.status is Status.MISSING or pose.confidence[joints].min() < SEEN:
        return None
    points = pose.points.astype(np.float64)
    eyes, mouth = points[list(EYES)].mean(axis=0), points[list(MOUTH)].mean(axis=0)
    across = float(np.hypot(*(points[EARS[0]] - points[EARS[1]])))
    half = max(FACE_BY_EARS * across, FACE_BY_EYES * float(np.hypot(*(eyes - mouth))))
    return _square(points[joints].mean(axis=0), half, width, height)


def hand_patches(pose: Pose, width: int, height: int) -> tuple[Patch, ...]:
    """A square around each hand that is seen: none, one or two."""
    if pose.status is Status.MISSING:
        return ()
    found = []
    for joints in HANDS:
        if pose.confidence[list(joints)].min() < SEEN:
            continue
        wrist, *knuckles = pose.points[list(joints)].astype(np.float64)
        ahead = np.mean(knuckles, axis=0) - wrist
        found.append(_square(wrist + ahead, HAND * float(np.hypot(*ahead)), width, height))
    return tuple(patch for patch in found if patch is not None)


def _square(centre: NDArray[np.float64], half: float, width: int, height: int) -> Patch | None:
    """Cut to the frame; None where less than four pixels a side are left."""
    low, high = np.floor(centre - half), np.ceil(centre + half) + 1
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(width, int(high[0])), min(height, int(high[1]))
    return Patch(Box(left, top, right, bottom)) if min(right - left, bottom - top) >= SMALLEST else None
