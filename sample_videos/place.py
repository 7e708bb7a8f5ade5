"""Where somebody dances: a wall, a floor, a camera that stands still and a lamp."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.paint import Colour
from sample_videos.round_cones import Floats, View

WIDTH, HEIGHT = 360, 640  # pixels of every clip
FINER = 2  # performers are rendered so many times larger, and shrunk
_BACKDROP_FINER = 4
_LAMP = np.array((-1.25, 4.6, 2.7))
_LAMP_PIXELS = 420  # of the side of the lamp's picture of the shadows
WALL = -1.5  # z, metres

Surface = Callable[[Floats, Floats], Floats]  # metres right, metres up or to the front -> (n, 3) sRGB


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Where the camera stands and how it looks."""

    distance: float  # metres from the performer
    eye_height: float
    aim_height: float  # what lies in the middle of the picture
    focal: float  # pixels of the finished picture

    def view(self, finer: int) -> View:
        """The camera's rays at `finer` times the size of the finished picture."""
        eye, aim = np.array((0.0, self.eye_height, self.distance)), np.array((0.0, self.aim_height, 0.0))
        return View.looking(eye, aim, self.focal * finer, WIDTH * finer, HEIGHT * finer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A room: what its wall and its floor look like, and the camera in it."""

    camera: Camera
    wall: Surface
    floor: Surface
    floor_light: Colour  # what the floor throws back at a performer

    def backdrop(self) -> Floats:
        """The empty room (HEIGHT, WIDTH, 3), sRGB 0..1; the same every time."""
        view = self.camera.view(_BACKDROP_FINER)
        rays = view.rays.reshape(-1, 3)
        eye = view.eye.astype(np.float32)
        with np.errstate(divide="ignore"):
            to_floor = np.where(rays[:, 1] < 0, -eye[1] / rays[:, 1], np.inf)
        to_wall = (WALL - eye[2]) / rays[:, 2]
        low = to_floor < to_wall
        points = eye + rays * np.where(low, to_floor, to_wall)[:, None].astype(np.float32)
        picture = np.empty((len(rays), 3), np.float32)
        picture[low] = self.floor(points[low, 0], points[low, 2])
        picture[~low] = self.wall(points[~low, 0], points[~low, 1])
        picture *= _glow(points, low)[:, None]
        whole = picture.reshape(*view.rays.shape).clip(0, 1)
        return np.asarray(cv2.resize(whole, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


def lamp() -> View:
    """The lamp as a view: what it does not see lies in shadow."""
    return View.looking(_LAMP, np.array((0.0, 0.85, 0.0)), 1.9 * _LAMP_PIXELS, _LAMP_PIXELS, _LAMP_PIXELS)


def _glow(points: Floats, low: NDArray[np.bool_]) -> Floats:
    """A pool of light around the performer, and the dusk where floor and wall meet."""
    centre = np.array((-0.25, 1.1, 0.0), np.float32)
    distance = np.linalg.norm((points - centre) * np.array((1, 0.8, 0.55), np.float32), axis=1)
    pool = 1.06 - 0.16 * np.clip(distance / 1.9, 0, 1) ** 2
    corner = np.where(low, points[:, 2] - WALL, points[:, 1])
    return np.asarray(pool * (1 - 0.22 * np.exp(-np.abs(corner) / 0.11)), np.float32)


def _tinted(colour: Colour, strength: Floats) -> Floats:
    return (np.array(colour, np.float32) / 255 * strength[:, None]).astype(np.float32)


def _planks(across: Floats, front: Floats) -> Floats:
    """Oak boards that run towards the camera."""
    board = np.floor(across / 0.145).astype(int)
    shift = (board * 0.618) % 1.0 * 1.7
    piece = np.floor((front + shift) / 1.7).astype(int)
    tone = 0.94 + 0.10 * ((board * 7919 + piece * 104729) % 97 / 96)
    grain = 0.012 * np.sin(across * 210 + 2.2 * np.sin(front * 5 + board))
    joint = np.minimum(across / 0.145 % 1.0, (front + shift) / 1.7 % 1.0 * 8)
    return _tinted((196, 148, 104), (tone + grain) * np.where(joint < 0.03, 0.80, 1.0))


def _tiles(across: Floats, front: Floats) -> Floats:
    """Pale square tiles in two tones."""
    side = 0.34
    column, row = np.floor(across / side).astype(int), np.floor(front / side).astype(int)
    tone = np.where((column + row) % 2 == 0, 1.0, 0.925)
    joint = np.minimum(across / side % 1.0, front / side % 1.0) < 0.022
    return _tinted((206, 204, 198), tone * np.where(joint, 0.9, 1.0))


def _panelled_wall(across: Floats, up: Floats) -> Floats:
    """Sea green above, cream panels below a rail, and the light of a window."""
    wall = _tinted((132, 172, 166), np.ones_like(up))
    panel = _tinted((226, 220, 206), np.ones_like(up))
    inset = (np.abs(across % 0.52 - 0.26) < 0.20) & (up > 0.17) & (up < 0.62)
    edge = inset & ~((np.abs(across % 0.52 - 0.26) < 0.188) & (up > 0.182) & (up < 0.608))
    panel *= np.where(edge, 0.90, np.where(inset, 0.975, 1.0))[:, None].astype(np.float32)
    panel *= np.where((up > 0.74) | (up < 0.10), 1.03, 1.0)[:, None].astype(np.float32)
    panel *= np.where((np.abs(up - 0.74) < 0.006) | (np.abs(up - 0.10) < 0.005), 0.86, 1.0)[:, None].astype(np.float32)
    picture = np.where((up < 0.80)[:, None], panel, wall)
    slanted = across + 0.28 * up
    window = (up > 0.95) & (np.abs((slanted - 0.02) % 0.46 - 0.2) < 0.19) & (np.abs(slanted - 0.45) < 0.46)
    window &= np.abs((up - 0.95) % 0.62 - 0.29) < 0.275
    return np.asarray(picture * np.where(window, 1.085, 1.0)[:, None], np.float32)


def _mural_wall(across: Floats, up: Floats) -> Floats:
    """A warm wall with a painted sun over two hills, and a white skirting board."""
    picture = _tinted((240, 212, 186), np.ones_like(up))
    sun = np.hypot(across - 0.34, up - 1.72) < 0.42
    picture[sun] = np.array((248, 190, 120), np.float32) / 255
    far = up < 0.86 + 0.16 * np.sin(1.9 * across + 0.6)
    picture[far] = np.array((226, 168, 142), np.float32) / 255
    near = up < 0.52 + 0.13 * np.sin(2.3 * across + 2.9)
    picture[near] = np.array((204, 138, 118), np.float32) / 255
    picture[up < 0.11] = np.array((244, 238, 230), np.float32) / 255
    picture[np.abs(up - 0.11) < 0.004] *= 0.86
    return picture


RED_STUDIO = Place(
    camera=Camera(distance=4.6, eye_height=1.25, aim_height=1.02, focal=4.6 * 204),
    wall=_panelled_wall,
    floor=_planks,
    floor_light=(196, 148, 104),
)
BLUE_STUDIO = Place(
    camera=Camera(distance=3.7, eye_height=1.20, aim_height=0.93, focal=3.7 * 206),
    wall=_mural_wall,
    floor=_tiles,
    floor_light=(206, 204, 198),
)
