"""Puts a performer into a place: light, shadows on body and floor, smooth edges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.figure import Bones, landmarks
from sample_videos.place import FINER, HEIGHT, WALL, WIDTH, Place, lamp
from sample_videos.round_cones import NEVER, Floats, Hits, View, cast, cast_depth
from sample_videos.wardrobe import Performer, dress

_GAMMA = 2.2
_KEY = np.array((1.00, 0.96, 0.90), np.float32) * 0.86
_SKY = np.array((0.82, 0.90, 1.00), np.float32) * 0.50
_BIAS = 0.025  # metres in front of a surface that do not shade it
_TAPS = tuple((0.75 * right, 0.75 * down) for right in range(-2, 3) for down in range(-2, 3) if abs(right * down) < 4)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A place made ready to render in: what does not change from frame to frame."""

    view: View  # at FINER times the finished size
    lamp: View
    backdrop: Floats  # (HEIGHT, WIDTH, 3) sRGB 0..1
    floor: Floats  # (HEIGHT, WIDTH, 3): the floor's point under each pixel, NaN on the wall
    floor_seen: Floats  # (HEIGHT, WIDTH, 2): where the lamp sees that point
    bounce: Floats  # (3,) linear light from the floor

    @classmethod
    def of(cls, place: Place) -> "Stage":
        """Prepare a place."""
        view, light = place.camera.view(1), lamp()
        reach = -view.eye[1] / np.minimum(view.rays[..., 1], -1e-3)
        floor = view.eye + view.rays * reach[..., None]
        floor[(view.rays[..., 1] >= -1e-3) | (floor[..., 2] < WALL)] = np.nan
        seen = light.project(floor)[..., :2].astype(np.float32)
        bounce = (np.array(place.floor_light, np.float32) / 255) ** _GAMMA * 0.42
        return cls(place.camera.view(FINER), light, place.backdrop(), floor.astype(np.float32), seen, bounce)


def render(performer: Performer, bones: Bones, stage: Stage) -> NDArray[np.uint8]:
    """One frame (HEIGHT, WIDTH, 3), RGB 0..255."""
    solids = list(dress(performer, bones))
    hits = cast(solids, stage.view)
    seen_by_lamp = cast_depth(solids, stage.lamp)
    met = hits.depth < NEVER
    colour = np.zeros_like(hits.colour)
    colour[met] = _shade(hits, met, seen_by_lamp, stage)
    size = (WIDTH, HEIGHT)
    body = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(met.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    ground = stage.backdrop * _floor_shadow(bones, seen_by_lamp, stage)[..., None]
    picture = body + (1 - cover) * ground
    return np.asarray((picture * 255 + 0.5).clip(0, 255), np.uint8)


def joint_pixels(bones: Bones, view: View) -> NDArray[np.float64]:
    """The 33 joints where a camera with the finished frame's size sees them (33, 2), pixels."""
    return view.project(landmarks(bones))[:, :2]


def _shade(hits: Hits, met: NDArray[np.bool_], seen_by_lamp: Floats, stage: Stage) -> Floats:
    """Colours (n, 3) sRGB 0..1 of the pixels that show the performer."""
    rays, normal = stage.view.rays[met], hits.normal[met]
    points = np.asarray(rays * hits.depth[met, None] + stage.view.eye, np.float32)
    to_lamp = stage.lamp.eye.astype(np.float32) - points
    to_lamp /= np.linalg.norm(to_lamp, axis=1, keepdims=True)
    back = -rays / np.linalg.norm(rays, axis=1, keepdims=True)
    facing = np.einsum("ij,ij->i", normal, to_lamp)
    lit = np.clip((facing + 0.22) / 1.22, 0, 1) * (
        0.25 + 0.75 * _lamp_reaches(points, normal, seen_by_lamp, stage.lamp)
    )
    up = 0.5 + 0.5 * normal[:, 1:2]
    ambient = stage.bounce * (1 - up) + _SKY * up
    edge = (1 - np.clip(np.einsum("ij,ij->i", normal, back), 0, 1)) ** 3
    half = to_lamp + back
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shine = np.clip(np.einsum("ij,ij->i", normal, half), 0, 1) ** 30 * hits.gloss[met]
    linear = hits.colour[met] ** _GAMMA * (ambient + lit[:, None] * _KEY)
    linear += (0.10 * edge[:, None] * up) * _SKY + 0.5 * (shine * lit)[:, None]
    return np.asarray(np.clip(linear, 0, 1) ** (1 / _GAMMA), np.float32)


def _lamp_reaches(points: Floats, normal: Floats, seen_by_lamp: Floats, light: View) -> Floats:
    """0 in shadow, 1 in light, between at the soft edge (n,)."""
    seen = light.project((points + normal * _BIAS).astype(np.float64)).astype(np.float32)
    limit = seen_by_lamp.shape[0] - 1
    total = np.zeros(len(points), np.float32)
    for right, down in _TAPS:
        column = np.clip(np.rint(seen[:, 0] + right), 0, limit).astype(np.intp)
        row = np.clip(np.rint(seen[:, 1] + down), 0, limit).astype(np.intp)
        total += seen_by_lamp[row, column] > seen[:, 2] - _BIAS
    return total / len(_TAPS)


def _floor_shadow(bones: Bones, seen_by_lamp: Floats, stage: Stage) -> Floats:
    """What is left of the floor's light (HEIGHT, WIDTH): the body's soft shadow, and a dark spot under each shoe."""
    covered = cv2.GaussianBlur((seen_by_lamp < NEVER).astype(np.float32), (0, 0), 5.0)
    shadow = cv2.remap(covered, stage.floor_seen[..., 0], stage.floor_seen[..., 1], cv2.INTER_LINEAR)
    before_wall = np.clip((stage.floor[..., 2] - WALL) / 0.8, 0, 1)  # it does not climb the wall: fade it out
    left = 1 - 0.26 * shadow * before_wall
    for side in (bones.left, bones.right):
        middle = side.ankle + side.foot[:, 2] * 0.05 * bones.body.leg
        apart = np.hypot(stage.floor[..., 0] - middle[0], stage.floor[..., 2] - middle[2])
        above = max(0.0, float(middle[1]) - 0.085 * bones.body.leg)
        left *= 1 - 0.42 * np.exp(-0.5 * (apart / (0.085 + 0.3 * above)) ** 2) * np.exp(-above / 0.10)
    return np.where(np.isnan(stage.floor[..., 0]), 1.0, left).astype(np.float32)
