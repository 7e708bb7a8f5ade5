"""Renders one frame of a portrait: a head in a moment, before its wall."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sample_videos import bust, mouth
from sample_videos.complexion import Values, eye_opening, face_paint
from sample_videos.depth_buffer import Seen, find_seen
from sample_videos.expression import Moment, moved
from sample_videos.eyes import eye_surface
from sample_videos.hair import build_hair, hair_paint
from sample_videos.head_shape import build_head
from sample_videos.likeness import Likeness
from sample_videos.portrait_room import FOCAL, SIZE, Room, open_room, project
from sample_videos.rings import Points, Skin

_FINER = 2  # rendered so many times larger, and shrunk
_PIVOT = np.array((0.0, -0.22, -0.09))  # where a head turns on its neck, in its distances from the camera
_TORSO_TURNS, _TORSO_SHIFTS = 0.18, 0.55  # what the torso does of what the head does
_WRAP = np.array((0.34, 0.20, 0.16))  # light that creeps round into the skin, red the furthest
FACE, EAR, HAIR, NECK, CLOTH, HOLLOW, UPPER, LOWER, TONGUE = range(9)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where something is in the camera frame: a resting point p lies at turn · p + place, centimetres."""

    turn: Rotation
    place: NDArray[np.float64]

    def of(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (…, 3) of the head frame in the camera frame."""
        return np.asarray(self.turn.apply(points.reshape(-1, 3)).reshape(points.shape) + self.place)


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """Somebody made ready to be filmed: what does not change from frame to frame."""

    person: Likeness
    room: Room
    head: Skin
    hair: tuple[Skin, ...]
    mouth: mouth.Mouth
    neck: Skin
    shoulders: Skin
    ears: tuple[Skin, Skin]

    @classmethod
    def of(cls, person: Likeness) -> "Sitter":
        """Build all skins of a person."""
        return cls(
            person=person,
            room=open_room(person.wall),
            head=build_head(person.shape),
            hair=build_hair(person),
            mouth=mouth.build_mouth(person),
            neck=bust.build_neck(person),
            shoulders=bust.build_shoulders(person),
            ears=bust.build_ears(person),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One skin in the camera frame."""

    kind: int
    skin: Skin
    points: Points


def head_place(person: Likeness, moment: Moment) -> Placed:
    """The head's pose: it turns about its neck and shifts in shares of its distance, so that anybody can do it."""
    rest = Rotation.from_euler("YXZ", (person.rest_turn[0], -person.rest_turn[1], person.rest_turn[2]), degrees=True)
    place = np.array(person.rest_place)
    distance = -place[2]
    shift = np.array((moment.across, moment.up, moment.nearer)) + _PIVOT - moment.turn.apply(_PIVOT)
    return Placed(moment.turn * rest, place + distance * shift)


def torso_place(person: Likeness, moment: Moment) -> Placed:
    """Where the torso is: it follows the head a little."""
    turn = Rotation.from_euler("YZ", (_TORSO_TURNS * moment.yaw, _TORSO_TURNS * moment.roll), degrees=True)
    place = np.array(person.rest_place)
    shift = _TORSO_SHIFTS * np.array((moment.across, 0.6 * moment.up, moment.nearer))
    return Placed(turn, place - place[2] * shift)


def render_portrait(sitter: Sitter, moment: Moment) -> NDArray[np.uint8]:
    """One frame (SIZE, SIZE, 3), RGB 0..255."""
    size = _FINER * SIZE
    pieces = list(_pieces(sitter, moment))
    counts = [piece.points.shape[0] * piece.points.shape[1] for piece in pieces]
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    points = np.concatenate([piece.points.reshape(-1, 3) for piece in pieces])
    triangles = np.concatenate([piece.skin.triangles + start for piece, start in zip(pieces, starts, strict=True)])
    normals = np.concatenate([piece.skin.normals(piece.points).reshape(-1, 3) for piece in pieces])
    rest = np.concatenate([piece.skin.rest.reshape(-1, 3) for piece in pieces])
    kinds = np.repeat([piece.kind for piece in pieces], [len(piece.skin.triangles) for piece in pieces])
    seen = find_seen(project(points, _FINER), triangles.astype(np.int32), size, size)
    carried = seen.mix(np.concatenate((rest, normals), axis=1).astype(np.float32), triangles).astype(np.float64)
    light = _light(sitter, moment, seen, carried, kinds[seen.triangle])
    return _developed(sitter.room, seen, light)


def _pieces(sitter: Sitter, moment: Moment) -> Iterator[_Piece]:
    head, torso = head_place(sitter.person, moment), torso_place(sitter.person, moment)
    yield _Piece(FACE, sitter.head, head.of(moved(sitter.head.rest, sitter.person.shape, moment)))
    for ear in sitter.ears:
        yield _Piece(EAR, ear, head.of(ear.rest))
    for part in sitter.hair:
        yield _Piece(HAIR, part, head.of(part.rest))
    share = bust.with_head(sitter.neck.rest)[..., None]
    neck = share * head.of(sitter.neck.rest) + (1 - share) * torso.of(sitter.neck.rest)
    yield _Piece(NECK, sitter.neck, neck)
    yield _Piece(CLOTH, sitter.shoulders, torso.of(sitter.shoulders.rest))
    lower, tongue = mouth.jaw_parts(sitter.mouth, moment)
    yield _Piece(HOLLOW, sitter.mouth.hollow, head.of(sitter.mouth.hollow.rest))
    yield _Piece(UPPER, sitter.mouth.upper, head.of(sitter.mouth.upper.rest))
    yield _Piece(LOWER, sitter.mouth.lower, head.of(lower))
    yield _Piece(TONGUE, sitter.mouth.tongue, head.of(tongue))


def _paint(sitter: Sitter, moment: Moment, kind: int, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,)."""
    person = sitter.person
    painters = {
        FACE: lambda: face_paint(person, moment, rest),
        EAR: lambda: bust.ear_paint(person, rest),
        HAIR: lambda: hair_paint(person, rest),
        NECK: lambda: bust.neck_paint(person, rest),
        CLOTH: lambda: bust.cloth_paint(person, rest),
        HOLLOW: lambda: mouth.hollow_paint(rest),
        UPPER: lambda: mouth.teeth_paint(person, moment, rest, mouth.UPPER),
        LOWER: lambda: mouth.teeth_paint(person, moment, rest, mouth.LOWER),
        TONGUE: lambda: mouth.tongue_paint(moment, rest),
    }
    return painters[kind]()


def _light(sitter: Sitter, moment: Moment, seen: Seen, carried: Values, kinds: NDArray[np.intp]) -> Values:
    """Linear light (n, 3) of the pixels that show something."""
    rays = _rays(seen.pixels)
    rest, normals = carried[:, :3], carried[:, 3:]
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    light = np.zeros((len(rest), 3))
    for kind in np.unique(kinds).tolist():
        chosen = np.flatnonzero(kinds == kind)
        albedo, gloss = _paint(sitter, moment, kind, rest[chosen])
        light[chosen] = _shade(sitter.room, albedo, normals[chosen], gloss, 26, rays[chosen])
    _show_eyes(sitter, moment, light, rest, rays, np.flatnonzero(kinds == FACE))
    return light


def _show_eyes(
    sitter: Sitter, moment: Moment, light: Values, rest: Values, rays: Values, face: NDArray[np.intp]
) -> None:
    """Between the lids the eyeball shows."""
    cover, side = eye_opening(sitter.person, moment, rest[face])
    head = head_place(sitter.person, moment)
    camera = head.turn.inv().apply(-head.place)
    for eye in (1, -1):
        chosen = face[(cover > 0) & (side == eye)]
        if not len(chosen):
            continue
        share = cover[(cover > 0) & (side == eye)][:, None]
        inward = head.turn.inv().apply(rays[chosen])
        albedo, normals, gloss = eye_surface(sitter.person, moment, eye, camera, inward)
        shown = _shade(sitter.room, albedo, head.turn.apply(normals), gloss, 160, rays[chosen])
        light[chosen] += share * (shown - light[chosen])


def _rays(pixels: NDArray[np.intp]) -> Values:
    """Unit vectors from the camera through these pixels (n, 3)."""
    row, column = np.divmod(pixels, _FINER * SIZE)
    middle = _FINER * SIZE / 2 - 0.5
    rays = np.stack((column - middle, middle - row, np.full(len(row), -_FINER * FOCAL)), axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _shade(room: Room, albedo: Values, normals: Values, gloss: Values, sharp: float, rays: Values) -> Values:
    facing = normals @ room.lamp
    lit = np.clip((facing[:, None] + _WRAP) / (1 + _WRAP), 0, 1) ** 1.25
    up = (0.5 + 0.5 * normals[:, 1])[:, None]
    half = room.lamp - rays
    half = half / np.linalg.norm(half, axis=1, keepdims=True)
    shine = gloss * np.clip((normals * half).sum(1), 0, 1) ** sharp * np.clip(facing + 0.2, 0, 1)
    edge = gloss * np.clip(1 + (normals * rays).sum(1), 0, 1) ** 3 * up[:, 0]
    around = room.sky * up + room.floor * (1 - up)
    return np.asarray(
        albedo * (around + lit * room.lamp_light) + 0.45 * shine[:, None] + 0.25 * edge[:, None] * room.sky
    )


def _developed(room: Room, seen: Seen, light: Values) -> NDArray[np.uint8]:
    """The pixels shrunk onto the wall."""
    size = _FINER * SIZE
    picture, cover = np.zeros((size * size, 3), np.float32), np.zeros(size * size, np.float32)
    picture[seen.pixels] = np.clip(light, 0, 1) ** (1 / 2.2)
    cover[seen.pixels] = 1
    body = cv2.resize(picture.reshape(size, size, 3), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    solid = cv2.resize(cover.reshape(size, size), (SIZE, SIZE), interpolation=cv2.INTER_AREA)[..., None]
    return np.asarray(((body + (1 - solid) * room.wall) * 255 + 0.5).clip(0, 255), np.uint8)
