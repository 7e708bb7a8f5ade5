"""Which faces are in the picture, and which of them is meant: everybody seen, what they look like, the choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from pipeline.errors import TrackError, UnknownChoice
from pipeline.sampling import Picture, size_of
from stages.tracking.face_network import FACE_MARGIN, FaceNetworks, FaceReading, FaceSighting
from stages.tracking.people import tiles

LEAST_CONFIDENCE = 0.5  # of a reading, that it is of a face
SAME_FACE = 0.5  # two readings whose middles are nearer than this, in face sizes, are of one face
ABOUT_AS_LARGE = 0.6  # of the largest face's size: another this large could be meant as well

FaceWord = Literal["largest", "left", "right", "index"]


@dataclass(frozen=True, slots=True)
class FaceChoice:
    """Whom to follow when several faces are in the picture, decided in the first frame that shows any."""

    word: FaceWord = "largest"  # left and right as seen in the picture
    index: int = 0  # for "index": counts the faces from the picture's left, from 0


def parse_face_choice(word: str) -> FaceChoice:
    """From the command line: largest, left, right, or a number that counts from the left, beginning with 0.

    Raises:
        UnknownChoice: none of these.
    """
    words = [known for known in get_args(FaceWord) if known != "index"]
    if word in words:
        return FaceChoice(word=word)  # type: ignore[arg-type]  # just looked up
    if not (word.isascii() and word.isdigit()):
        raise UnknownChoice.among("face", word, [*words, "INDEX (0 is the leftmost)"])
    return FaceChoice(word="index", index=int(word))


def find_all_faces(networks: FaceNetworks, picture: Picture, *, thorough: bool) -> tuple[FaceReading, ...]:
    """Every face in the picture, each once, the largest first.

    Args:
        thorough: where the whole picture shows none, look at overlapping tiles too, for heads down to 30 pixels in a
            frame 720 high; about ten times the work.
    """
    faces = _distinct(networks, picture, networks.find_faces(picture))
    if not faces and thorough:
        sightings = [face for tile in tiles(*size_of(picture)) for face in networks.find_faces(picture, tile)]
        faces = _distinct(networks, picture, sightings)
    return tuple(sorted(faces, key=lambda face: -face_size(face)))


def choose_face(faces: Sequence[FaceReading], choice: FaceChoice | None, where: str) -> FaceReading:
    """The one that is meant among `faces` (not empty, the largest first).

    Raises:
        TrackError: several are about as large and no choice was made; or fewer faces than the index asks for.
    """
    if choice is None:
        return _clearly_largest(faces, where)
    from_left = sorted(faces, key=lambda face: face.region.x)
    if choice.word == "index":
        if choice.index >= len(faces):
            raise TrackError(
                where,
                f"there is no face {choice.index}: {_counted(len(faces))} seen",
                f"a number from 0 (the leftmost) to {len(faces) - 1}",
                "Name one of these, or largest, left, right.",
            )
        return from_left[choice.index]
    return {"largest": faces[0], "left": from_left[0], "right": from_left[-1]}[choice.word]


def face_size(face: FaceReading) -> float:
    """Pixels: the longer side of the skin."""
    return face.region.side / FACE_MARGIN


def distance_between(one: FaceReading, other: FaceReading) -> float:
    """Pixels between the middles of two faces."""
    return float(np.hypot(one.region.x - other.region.x, one.region.y - other.region.y))


def _clearly_largest(faces: Sequence[FaceReading], where: str) -> FaceReading:
    rivals = sum(face_size(face) >= ABOUT_AS_LARGE * face_size(faces[0]) for face in faces)
    if rivals > 1:
        raise TrackError(
            where,
            f"{_counted(len(faces))} seen, {rivals} of them about as large as each other",
            "one face that is clearly the largest, or a choice",
            "Say which by --face (a target's by --target-face, in `understudy track` by --performer): largest, left, "
            f"right, or a number from 0 (the leftmost) to {len(faces) - 1}.",
        )
    return faces[0]


def _distinct(networks: FaceNetworks, picture: Picture, sightings: Sequence[FaceSighting]) -> list[FaceReading]:
    """What the landmark network makes of the sightings, each face once.

    It looks twice: the detectors' box may be half as large again as the face, and a first look puts that right.
    """
    faces: list[FaceReading] = []
    for sighting in sorted(sightings, key=lambda one: -one.score):
        face = networks.read(picture, networks.read(picture, sighting.region).region.snapped())
        near = (distance_between(face, known) < SAME_FACE * max(face_size(face), face_size(known)) for known in faces)
        if face.confidence >= LEAST_CONFIDENCE and not any(near):
            faces.append(face)
    return faces


def _counted(faces: int) -> str:
    return "1 face was" if faces == 1 else f"{faces} faces were"
