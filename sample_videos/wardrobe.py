"""Flesh and clothes: turns the bones of a performer into the solids that rays can hit."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_videos.figure import Body, Bones, Frame3, Side, on_face, on_foot, on_hand
from sample_videos.paint import Colour, Picture, bands, plain, projected
from sample_videos.round_cones import Paint, Solid, Vector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What a performer looks like. Colours are sRGB 0..255."""

    skin: Colour
    hair: Colour
    face: Picture  # thrown on the head's front, edge to edge
    shirt: Picture  # thrown on the chest's front
    sleeve: Colour
    cuff: Colour
    sleeve_length: float  # of the upper arm
    trousers: Colour
    seam: Colour
    trouser_length: float  # 0..1 of the thigh, 1..2 of the shin
    sock: Colour
    shoe: Colour
    sole: Colour
    hair_style: str  # "bun" or "curls"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Performer:
    """Somebody to render."""

    body: Body
    look: Look


def dress(performer: Performer, bones: Bones) -> Iterator[Solid]:
    """All solids of a performer in a stance."""
    body, look = performer.body, performer.look
    yield from _torso(body, look, bones)
    yield from _neck(body, look, bones)
    yield from _head(body, look, bones)
    yield from HAIR[look.hair_style](body, look, bones)
    for side in (bones.left, bones.right):
        yield from _arm(body, look, side)
        yield from _fingers(body, look, side)
        yield from _leg(body, look, side)
        yield from _shoe(body, look, side)


def _shaped(frame: Frame3, sizes: tuple[float, float, float]) -> NDArray[np.float64]:
    """Into a space with the frame's axes where `sizes` metres are 1."""
    return np.diag(1 / np.array(sizes)) @ frame.T


def _ellipsoid(centre: Vector, frame: Frame3, sizes: tuple[float, float, float], paint: Paint) -> Solid:
    return Solid(centre, centre, 1.0, 1.0, paint, into=_shaped(frame, sizes))


def _torso(body: Body, look: Look, bones: Bones) -> Iterator[Solid]:
    """Chest over waist over hips, in spaces flattened from front to back."""
    girth, broad = body.girth, body.half_shoulders
    chest_space = _shaped(bones.chest_frame, (1.0, 1.0, 0.68))
    hips_space = _shaped(bones.hips_frame, (1.0, 1.0, 0.68))
    seat = _shaped(bones.hips_frame, (1.0, 0.80, 0.68))
    right, up, low = bones.chest_frame[:, 0], bones.chest_frame[:, 1], bones.hips_frame[:, 1]
    shirt = _shirt(look, bones)
    cloth = plain(look.trousers)
    waist, hips = 0.118 * girth, 0.146 * girth
    rib = bones.chest - up * 0.34 * body.spine
    yield Solid(bones.chest - up * 0.105, rib, 0.70 * broad, 0.135 * girth, shirt, into=chest_space, melts=1)
    yield Solid(rib, bones.waist, 0.135 * girth, waist, shirt, into=chest_space, melts=1)
    for mirror, side in ((1, bones.left), (-1, bones.right)):
        pit = bones.chest + right * mirror * 0.57 * broad - up * 0.112
        flank = rib + right * mirror * 0.24 * broad
        yield Solid(pit, flank, 0.34 * broad + 0.012, 0.108 * girth, shirt, into=chest_space, melts=1)
        top = side.shoulder - up * 0.008
        yield Solid(pit + up * 0.03, top, 0.36 * broad, 0.058 * girth, shirt, into=chest_space, melts=1)
    yield Solid(bones.waist, bones.hips + low * 0.05, waist, hips, shirt, into=hips_space, melts=1)
    thick = 1.05 * hips
    yield Solid(bones.hips + low * 0.035, bones.hips + low * 0.01, thick, thick, cloth, into=seat, melts=2)


def _shirt(look: Look, bones: Bones) -> Paint:
    centre = bones.chest - bones.chest_frame[:, 1] * 0.26
    return projected(look.shirt, bones.chest_frame, centre, (0.26, 0.26))


def _neck(body: Body, look: Look, bones: Bones) -> Iterator[Solid]:
    """The slopes from the neck to the shoulders, a collar and the neck in it."""
    girth = body.girth
    right, up, front = bones.chest_frame.T
    shirt = _shirt(look, bones)
    yield Solid(bones.chest - up * 0.06, bones.chest + up * 0.02, 0.06, 0.060 * girth, shirt, melts=1)
    for mirror, side in ((1, bones.left), (-1, bones.right)):
        inner, outer = bones.chest + right * mirror * 0.03 + up * 0.018, side.shoulder - up * 0.008
        yield Solid(inner, outer, 0.050 * girth, 0.055 * girth, shirt, melts=1)
    ring = bones.chest + up * 0.048 + front * 0.006
    yield _ellipsoid(ring, bones.chest_frame, (0.076 * girth, 0.026, 0.070 * girth), plain(look.cuff))
    chin = bones.head - bones.head_frame[:, 1] * 0.4 * body.head[1]
    yield Solid(bones.chest + up * 0.012, chin, 0.056 * girth, 0.050 * girth, plain(look.skin))


def _head(body: Body, look: Look, bones: Bones) -> Iterator[Solid]:
    width, height, depth = body.head
    skin = plain(look.skin)
    frame = bones.head_frame
    face = projected(look.face, frame, bones.head, (width, height))
    yield _ellipsoid(bones.head, frame, body.head, face)
    nose = on_face(bones, 0.0, -0.10, 0.97), on_face(bones, 0.0, 0.12, 0.95)
    yield Solid(nose[0], nose[1], 0.155 * width, 0.06 * width, skin)
    for mirror in (1, -1):
        ear = on_face(bones, mirror * 0.99, -0.04, -0.05)
        yield _ellipsoid(ear, frame, (0.16 * width, 0.22 * height, 0.2 * depth), skin)


def _bun(body: Body, look: Look, bones: Bones) -> Iterator[Solid]:
    """Hair combed back from the brow and tied on the crown."""
    yield _cap(body, look, bones, larger=1.06, edge=0.36, gloss=0.25)
    yield _ellipsoid(on_face(bones, 0.0, 1.14, -0.25), bones.head_frame, (0.062, 0.058, 0.062), plain(look.hair))
    for mirror in (1, -1):
        temple = on_face(bones, mirror * 0.93, 0.36, 0.30)
        yield Solid(temple, on_face(bones, mirror * 1.0, -0.05, 0.22), 0.020, 0.009, plain(look.hair))


def _curls(body: Body, look: Look, bones: Bones) -> Iterator[Solid]:
    """Short, full curls: a cap and a wreath of balls."""
    hair = plain(look.hair)
    yield _cap(body, look, bones, larger=1.10, edge=0.30, gloss=0.0)
    for turn in np.linspace(-0.12, np.pi + 0.12, 9).tolist():
        at = on_face(bones, 1.0 * np.cos(turn), 0.42 + 0.62 * np.sin(turn), 0.12)
        size = 0.036 + 0.006 * np.sin(5 * turn)
        yield Solid(at, at, size, size, hair)
    for turn in np.linspace(0.15, np.pi - 0.15, 7).tolist():
        at = on_face(bones, 0.70 * np.cos(turn), 0.50 + 0.42 * np.sin(turn), 0.62 - 0.12 * np.sin(turn))
        yield Solid(at, at, 0.030, 0.030, hair)


_HAIR_LINE = np.array((0.0, -0.63, 0.77))  # out of the hair, down over the face
HAIR = {"bun": _bun, "curls": _curls}


def _cap(body: Body, look: Look, bones: Bones, *, larger: float, edge: float, gloss: float) -> Solid:
    """A shell over the head that ends at a slanted plane, `edge` from its middle: the line of the hair."""
    width, height, depth = (larger * size for size in body.head)
    centre = bones.head + bones.head_frame @ np.array((0.0, 0.02, -0.01))
    space = _shaped(bones.head_frame, (width, height, depth))
    return Solid(centre, centre, 1.0, 1.0, plain(look.hair), into=space, gloss=gloss, cut=(_HAIR_LINE, edge))


def _arm(body: Body, look: Look, side: Side) -> Iterator[Solid]:
    girth = body.girth
    skin = plain(look.skin)
    yield Solid(side.shoulder, side.elbow, 0.050 * girth, 0.041 * girth, skin, melts=3)
    yield Solid(side.elbow, side.wrist, 0.041 * girth, 0.029 * girth, skin, melts=3)
    hem = side.shoulder + (side.elbow - side.shoulder) * look.sleeve_length
    sleeve = bands(look.sleeve, look.cuff, (0.86, 1.0))
    yield Solid(side.shoulder, hem, 0.060 * girth, 0.058 * girth, sleeve, open_end=True)


def _fingers(body: Body, look: Look, side: Side) -> Iterator[Solid]:
    """A palm, four fingers and a thumb."""
    skin = plain(look.skin)
    size = body.hand
    palm = on_hand(body, side, 0.0, 0.30)
    yield _ellipsoid(palm, side.hand, (0.25 * size, 0.33 * size, 0.13 * size), skin)
    for across, tip in ((-0.17, 0.84), (-0.06, 0.97), (0.06, 1.0), (0.17, 0.92)):
        base = on_hand(body, side, across, 0.45)
        yield Solid(base, on_hand(body, side, across * 1.7, tip - 0.05), 0.065 * size, 0.052 * size, skin)
    yield Solid(on_hand(body, side, 0.16, 0.18), on_hand(body, side, 0.44, 0.50), 0.085 * size, 0.06 * size, skin)


def _leg(body: Body, look: Look, side: Side) -> Iterator[Solid]:
    girth = body.girth
    skin = plain(look.skin)
    thigh, knee, ankle = 0.082 * girth, 0.055 * girth, 0.037 * girth
    yield Solid(side.hip, side.knee, thigh, knee, skin, melts=4)
    yield Solid(side.knee, side.ankle, knee, ankle, skin, melts=4)
    sock = side.ankle + (side.knee - side.ankle) * 0.18
    yield Solid(side.ankle, sock, ankle * 1.12, ankle * 1.18, plain(look.sock), open_end=True)
    yield from _trouser_leg(look, side, thigh, knee, ankle)


def _trouser_leg(look: Look, side: Side, thigh: float, knee: float, ankle: float) -> Iterator[Solid]:
    cloth = plain(look.trousers)
    if look.trouser_length <= 1:
        hem = side.hip + (side.knee - side.hip) * look.trouser_length
        hemmed = bands(look.trousers, look.seam, (0.90, 1.0))
        yield Solid(side.hip, hem, thigh * 1.10, thigh * 1.04, hemmed, open_end=True, melts=2)
        return
    yield Solid(side.hip, side.knee, thigh * 1.08, knee * 1.14, cloth, melts=2)
    hem = side.knee + (side.ankle - side.knee) * (look.trouser_length - 1)
    hemmed = bands(look.trousers, look.seam, (0.90, 1.0))
    yield Solid(side.knee, hem, knee * 1.14, ankle * 1.34, hemmed, open_end=True, melts=2)


def _shoe(body: Body, look: Look, side: Side) -> Iterator[Solid]:
    """An upper on a sole; both flattened so that they stand on the floor."""
    unit = body.leg
    flat = _shaped(side.foot, (1.0, 0.85, 1.0))
    heel, ball = on_foot(body, side, -0.025, -0.055), on_foot(body, side, 0.145, -0.070)
    yield Solid(heel, ball, 0.057 * unit, 0.052 * unit, plain(look.shoe), into=flat, gloss=0.15)
    thin = _shaped(side.foot, (1.0, 0.42, 1.0))
    heel, ball = on_foot(body, side, -0.025, -0.092), on_foot(body, side, 0.147, -0.092)
    yield Solid(heel, ball, 0.061 * unit, 0.058 * unit, plain(look.sole), into=thin)
