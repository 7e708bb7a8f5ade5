"""A performer's bones: puts a stance on a body of given lengths and says where every joint is."""

from dataclasses import dataclass
from math import cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from sample_videos.motion import Arm, Foot, Stance
from sample_videos.round_cones import Vector

Frame3 = NDArray[np.float64]  # (3, 3): columns are right, up and front of a bone, in the world

# Of one leg. The same for every body, which is what lets a dance go over without a sliding foot.
THIGH, SHIN, ANKLE, HALF_HIPS = 0.485, 0.515, 0.118, 0.112
HEEL, TOES = 0.075, 0.20  # behind and before the ankle, on the floor
TURNED_OUT, KNEES_OUT = 24.0, 10.0  # degrees: where feet and bent knees point

# On a head of half sizes 1: right, up. Order of BlazePose: nose, left eye's corners, right eye's, ears, mouth.
EYE, EYE_HEIGHT, EYE_WIDTH = 0.37, 0.09, 0.16
MOUTH, MOUTH_HEIGHT = 0.25, -0.42
_FACE = (
    (0.0, -0.11, 1.14),
    *((x, EYE_HEIGHT, 0.0) for x in (EYE - EYE_WIDTH, EYE, EYE + EYE_WIDTH)),
    *((-x, EYE_HEIGHT, 0.0) for x in (EYE - EYE_WIDTH, EYE, EYE + EYE_WIDTH)),
    (0.93, -0.02, 0.15),
    (-0.93, -0.02, 0.15),
    (MOUTH, MOUTH_HEIGHT, 0.0),
    (-MOUTH, MOUTH_HEIGHT, 0.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Lengths in metres."""

    leg: float  # hip joint to ankle
    spine: float  # middle of the hips to the line of the shoulders
    half_shoulders: float
    upper_arm: float
    forearm: float
    hand: float  # wrist to the tip of the fingers
    neck: float  # line of the shoulders to the chin's height
    head: tuple[float, float, float]  # half its width, height, depth
    girth: float = 1.0  # of limbs and torso


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The joints of one half of the body, world metres."""

    shoulder: Vector
    elbow: Vector
    wrist: Vector
    hand: Frame3  # towards the thumb, the finger tips, out of the palm or the back
    hip: Vector
    knee: Vector
    ankle: Vector
    foot: Frame3  # right, up, front (heel to toes)


@dataclass(frozen=True, slots=True, eq=False)
class Bones:
    """A body in a stance."""

    body: Body
    hips: Vector
    hips_frame: Frame3
    waist: Vector
    chest: Vector  # middle of the line of the shoulders
    chest_frame: Frame3
    head: Vector  # its middle
    head_frame: Frame3
    left: Side
    right: Side


def pose_body(body: Body, stance: Stance) -> Bones:
    """Forward kinematics for spine and arms; the legs reach for the feet; the floor is y = 0."""
    torso = stance.torso
    hips_frame = turn_y(torso.turn) @ turn_z(-torso.tilt)
    hips = body.leg * np.array((stance.hips, 0.0, 0.0))
    ankles = [_ankle(body, foot) for foot in (stance.left_foot, stance.right_foot)]
    sockets = [hips_frame @ np.array((side * HALF_HIPS * body.leg, 0.0, 0.0)) for side in (1, -1)]
    hips[1] = _hip_height(body, hips, sockets, ankles) - torso.sink * body.leg
    chest_frame = hips_frame @ turn_z(torso.tilt - torso.lean) @ turn_y(torso.twist) @ turn_x(torso.bend)
    waist = hips + hips_frame @ np.array((0.0, 0.42 * body.spine, 0.0))
    chest = waist + chest_frame @ np.array((0.0, 0.58 * body.spine, 0.0))
    head_frame = chest_frame @ turn_z(-torso.cock) @ turn_y(torso.look) @ turn_x(torso.nod)
    chin = chest + chest_frame @ np.array((0.0, body.neck, 0.0))
    head = chin + head_frame @ np.array((0.0, 0.9 * body.head[1], 0.18 * body.head[2]))
    arms, feet = (stance.left_arm, stance.right_arm), (stance.left_foot, stance.right_foot)
    left, right = (
        Side(
            *_arm(body, arms[n], mirror, chest, chest_frame),
            hip=hips + sockets[n],
            knee=_knee(body, hips + sockets[n], ankles[n], turn_y(torso.turn / 2) @ turn_y(mirror * KNEES_OUT)[:, 2]),
            ankle=ankles[n],
            foot=turn_y(mirror * TURNED_OUT + torso.turn / 2) @ turn_x(_droop(feet[n])),
        )
        for n, mirror in enumerate((1, -1))
    )
    return Bones(body, hips, hips_frame, waist, chest, chest_frame, head, head_frame, left, right)


def landmarks(bones: Bones) -> NDArray[np.float64]:
    """The 33 BlazePose joints, world metres (33, 3)."""
    points = [on_face(bones, *place) for place in _FACE]
    left, right = bones.left, bones.right
    points += [left.shoulder, right.shoulder, left.elbow, right.elbow, left.wrist, right.wrist]
    for across, up in ((-0.22, 0.50), (0.18, 0.54), (0.34, 0.34)):  # little finger, index, thumb
        points += [on_hand(bones.body, side, across, up) for side in (left, right)]
    points += [left.hip, right.hip, left.knee, right.knee, left.ankle, right.ankle]
    for front in (-HEEL, TOES):
        points += [on_foot(bones.body, side, front, -0.62 * ANKLE) for side in (left, right)]
    return np.stack(points)


def on_face(bones: Bones, right: float, up: float, front: float) -> Vector:
    """A place on the head in its half sizes; front 0 means on the surface."""
    depth = front or sqrt(max(0.0, 1 - right * right - up * up))
    return bones.head + bones.head_frame @ (np.array((right, up, depth)) * bones.body.head)


def on_hand(body: Body, side: Side, across: float, up: float) -> Vector:
    """A place on the flat hand in hand lengths: towards the thumb, towards the finger tips."""
    return np.asarray(side.wrist + side.hand @ np.array((across, up, 0.0)) * body.hand)


def on_foot(body: Body, side: Side, front: float, up: float) -> Vector:
    """A place on the foot, legs from the ankle."""
    return np.asarray(side.ankle + side.foot @ np.array((0.0, up, front)) * body.leg)


def turn_x(angle: float) -> Frame3:
    """Up turns to the front by `angle` degrees."""
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array(((1.0, 0.0, 0.0), (0.0, c, -s), (0.0, s, c)))


def turn_y(angle: float) -> Frame3:
    """The front turns to the right of the picture by `angle` degrees."""
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array(((c, 0.0, s), (0.0, 1.0, 0.0), (-s, 0.0, c)))


def turn_z(angle: float) -> Frame3:
    """The right of the picture turns up by `angle` degrees."""
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)))


def _arm(body: Body, arm: Arm, side: int, chest: Vector, chest_frame: Frame3) -> tuple[Vector, Vector, Vector, Frame3]:
    """Shoulder, elbow, wrist and the hand's axes. The collar bone lifts the shoulder of a raised arm."""
    mirror = np.diag((float(side), 1.0, 1.0))
    lift = np.clip((arm.raised - 50) / 120, 0, 1)
    lift = lift * lift * (3 - 2 * lift)
    socket = body.half_shoulders * np.array((side * (1 - 0.14 * lift), 0.30 * lift, 0.0))
    upper = turn_y(-arm.forward) @ turn_z(arm.raised) @ turn_y(arm.twist)
    lower = upper @ turn_x(-arm.elbow)
    shoulder = chest + chest_frame @ socket
    elbow = shoulder + chest_frame @ mirror @ upper @ np.array((0.0, -body.upper_arm, 0.0))
    wrist = elbow + chest_frame @ mirror @ lower @ np.array((0.0, -body.forearm, 0.0))
    return shoulder, elbow, wrist, chest_frame @ _hand(side, mirror @ lower @ np.array((0.0, -1.0, 0.0)))


def _hand(side: int, fingers: Vector) -> Frame3:
    """The hand of a forearm that points along `fingers`: hanging, the thumb is in front; raised, the palm is."""
    front = np.array((0.0, 0.0, 1.0)) - fingers[2] * fingers + np.array((0.0, 0.05, 0.0))
    front -= (front @ fingers) * fingers
    front /= np.linalg.norm(front)
    across = side * np.cross(front, fingers)
    hanging = float(np.clip((0.35 - fingers[1]) / 1.35, 0, 1))
    roll = radians(105.0) * hanging * hanging * (3 - 2 * hanging)
    thumb = cos(roll) * across + sin(roll) * front
    return np.column_stack((thumb, fingers, np.cross(thumb, fingers)))


def _ankle(body: Body, foot: Foot) -> Vector:
    return body.leg * np.array((foot.x, ANKLE + foot.lift, foot.z))


def _droop(foot: Foot) -> float:
    """Toes hang from a lifted foot, degrees."""
    return 34.0 * float(np.tanh(foot.lift / 0.16)) ** 2


def _hip_height(body: Body, hips: Vector, sockets: list[Vector], ankles: list[Vector]) -> float:
    """As high as the shorter reach of the two legs allows, rounded where they change over; a trace of bend is left."""
    reach = []
    for socket, ankle in zip(sockets, ankles, strict=True):
        x, _, z = ankle - hips - socket
        reach.append(ankle[1] - socket[1] + sqrt((0.992 * body.leg) ** 2 - x * x - z * z))
    softness = 0.012 * body.leg
    low, high = min(reach), max(reach)
    return float(low - softness * np.log1p(np.exp((low - high) / softness)))


def _knee(body: Body, hip: Vector, ankle: Vector, outward: Vector) -> Vector:
    """The knee of a leg from `hip` to `ankle` that bends towards `outward`."""
    thigh, shin = THIGH * body.leg, SHIN * body.leg
    line = ankle - hip
    length = float(np.linalg.norm(line))
    line /= length
    along = (length * length + thigh * thigh - shin * shin) / (2 * length)
    bend = outward - (outward @ line) * line
    bend /= np.linalg.norm(bend)
    return np.asarray(hip + along * line + sqrt(thigh * thigh - along * along) * bend)
