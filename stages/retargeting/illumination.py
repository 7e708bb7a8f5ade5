"""The light upon a face as nine spherical harmonics and the skin's own colours, found from the clip."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.face_landmarks import MESH_POINTS
from pipeline.sampling import sampled
from pipeline.values import FacePerformance, Planes, Status
from pipeline.video import read_video
from stages.retargeting.face_model import FaceModel
from stages.retargeting.skeleton import Reals

LIGHT_TERMS = 9
FRAMES = 60  # looked at, spread over the trained part
ROUNDS = 5
RIDGE = 1e-3  # of the mean energy of the nine terms: holds back what the frames hardly tell
MEAN_ALBEDO = 0.4  # luminance, fixed: twice the light on half the albedo looks the same; leaves room for red skin
DARKEST = 0.02  # of albedo and of shading
FACING = 0.3  # cosine between normal and the way to the camera, below which colours come from behind the rim
OUTLIER = 3.0  # standard deviations: hair, hands and gloss are not skin in this light
_LUMINANCE = np.array((0.2126, 0.7152, 0.0722))

# Light from the camera, 0.3 + 0.7·max(0, n_z), as far as nine terms tell it: max(0, z) ≈ 1/4 + z/2 + 5/32·(3z² - 1).
_PLAIN_TERMS = {0: (0.3 + 0.7 / 4) / 0.282095, 2: 0.7 / 2 / 0.488603, 6: 0.7 * 5 / 32 / 0.315392}
PLAIN_LIGHT = np.array([[_PLAIN_TERMS.get(term, 0.0)] * 3 for term in range(LIGHT_TERMS)], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class SkinColours:
    """What the vertices of a face look like in some frames."""

    colours: NDArray[np.float64]  # (f, v, 3): RGB, 0..1, as displayed
    normals: NDArray[np.float64]  # (f, v, 3): camera frame
    seen: NDArray[np.bool_]  # (f, v): faces the camera, inside the picture


def plain_albedo() -> NDArray[np.float32]:
    """Skin of one colour, (468, 3), until the clip has been looked at."""
    return np.full((MESH_POINTS, 3), 0.7, np.float32)


def vertex_normals(points: Reals, triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    """Unit normals out of the face: (…, v, 3) and (t, 3) → (…, v, 3), faces weighted by their area."""
    a, b, c = (points[..., triangles[:, corner], :].astype(np.float64) for corner in range(3))
    faces = np.cross(b - a, c - a)
    count = len(triangles)
    where = (triangles.ravel(), np.repeat(np.arange(count), 3))
    around = csr_matrix((np.ones(3 * count), where), shape=(points.shape[-2], count))  # vertices by their faces
    sums = around @ np.moveaxis(faces, -2, 0).reshape(count, -1)
    normals = np.moveaxis(sums.reshape(-1, *points.shape[:-2], 3), 0, -2)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12))


def spherical_harmonics(normals: Reals) -> NDArray[np.float64]:
    """The nine basis functions of light at unit normals: (…, 3) camera frame → (…, 9).

    Source: Ramamoorthi & Hanrahan 2001, "An efficient representation for irradiance environment maps"; methods 12.5.
    """
    x, y, z = (normals[..., axis].astype(np.float64) for axis in range(3))
    terms = (
        np.full(x.shape, 0.282095),
        0.488603 * y,
        0.488603 * z,
        0.488603 * x,
        1.092548 * x * y,
        1.092548 * y * z,
        0.315392 * (3 * z**2 - 1),
        1.092548 * x * z,
        0.546274 * (x**2 - y**2),
    )
    return np.stack(terms, axis=-1)


def measure_light(clip: Path, model: FaceModel, performance: FacePerformance, *, trained: int) -> FaceModel:
    """The same model with the albedo and the light that about 60 of the tracked frames before `trained` show.

    Colours are taken as they are displayed, not linear: what is drawn with them is a hint for a network, and should
    look like its frames.

    Raises:
        TrackError: no tracked frame before `trained`, or the clip is not the one of the performance.
        VideoError, FrameError: the clip cannot be read.
    Source: methods 12.5.
    """
    tracked = np.flatnonzero(performance.status[:trained] == Status.TRACKED)
    if not tracked.size:
        raise TrackError(clip, "no frame to learn the light from shows the face", "a face", "Track the clip again.")
    wanted = tracked[np.unique(np.linspace(0, tracked.size - 1, FRAMES).round().astype(int))]
    points, normals = _in_camera(model, performance, wanted)
    pixels = model.camera.project(points)[..., :2]
    away = -points / np.linalg.norm(points, axis=-1, keepdims=True)
    inside = (pixels >= 0) & (pixels <= (model.width - 1, model.height - 1))
    seen = (np.einsum("fvc,fvc->fv", normals, away) > FACING) & inside.all(axis=-1)
    colours = np.stack(list(_colours(clip, model, wanted, pixels)))
    albedo, light = fit_light(SkinColours(colours, normals, seen), model.neutral)
    return replace(model, albedo=albedo, light=light)


def fit_light(skin: SkinColours, neutral: Reals) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Albedo (v, 3) and light (9, 3) whose product comes nearest to the colours, by alternation.

    It begins with skin of one colour, so that what can be light is light; the albedo gets what light cannot explain.

    Args:
        skin: what the vertices look like.
        neutral: (v, 3) where the vertices lie: those never seen take the colour of the nearest that is.
    """
    terms = spherical_harmonics(skin.normals)
    weights = skin.seen.astype(np.float64)
    usual = np.median(skin.colours[skin.seen], axis=0)
    albedo = np.tile(usual * (MEAN_ALBEDO / (_LUMINANCE @ usual)), (len(neutral), 1))
    for _ in range(ROUNDS):
        light = _fit_terms(skin.colours, albedo, terms, weights)
        shading = np.maximum(terms @ light, DARKEST)
        albedo, light = _balanced(_fit_albedo(skin.colours, shading, weights, neutral), light)
        off = np.abs(skin.colours - albedo * np.maximum(terms @ light, DARKEST)).max(axis=-1)
        spread = np.sqrt((off[skin.seen] ** 2).mean())
        weights = (skin.seen & (off <= OUTLIER * spread + 1e-6)).astype(np.float64)
    return albedo.astype(np.float32), light.astype(np.float32)


def _fit_terms(
    colours: NDArray[np.float64],
    albedo: NDArray[np.float64],
    terms: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The light for known skin, (9, 3): ridge regression, a colour at a time."""
    light = np.empty((LIGHT_TERMS, 3))
    for channel in range(3):
        paint = weights * albedo[:, channel]
        energy = np.einsum("fv,fvi,fvj->ij", paint * albedo[:, channel], terms, terms, optimize=True)
        ridge = RIDGE * np.trace(energy) / LIGHT_TERMS * np.diag([0.0] + [1.0] * (LIGHT_TERMS - 1))
        known = np.einsum("fv,fv,fvi->i", paint, colours[..., channel], terms, optimize=True)
        light[:, channel] = np.linalg.solve(energy + ridge, known)
    return light


def _fit_albedo(
    colours: NDArray[np.float64],
    shading: NDArray[np.float64],
    weights: NDArray[np.float64],
    neutral: Reals,
) -> NDArray[np.float64]:
    """The skin for known shading, (v, 3): least squares for each vertex."""
    counted = weights[..., None]
    energy = (counted * shading**2).sum(axis=0)
    known = weights.sum(axis=0) > 0
    albedo = (counted * colours * shading).sum(axis=0)[known] / energy[known]
    places = neutral.astype(np.float64)
    nearest = np.linalg.norm(places[:, None] - places[known], axis=-1).argmin(axis=1)
    return np.asarray(albedo[nearest])


def _balanced(
    albedo: NDArray[np.float64], light: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same product with the albedo's mean luminance where it is fixed."""
    gain = MEAN_ALBEDO / float((albedo @ _LUMINANCE).mean())
    return np.clip(albedo * gain, DARKEST, 1.0), light / gain


def _in_camera(
    model: FaceModel, performance: FacePerformance, frames: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vertices (f, 468, 3) in cm and their normals in some frames, camera frame."""
    mesh = model.neutral + performance.expression[frames].astype(np.float64)
    rotation = Rotation.from_rotvec(performance.rotation[frames]).as_matrix()
    points = np.einsum("fij,fvj->fvi", rotation, mesh) + performance.translation[frames][:, None]
    return points, np.einsum("fij,fvj->fvi", rotation, vertex_normals(mesh, model.triangles))


def _colours(
    clip: Path, model: FaceModel, frames: NDArray[np.intp], pixels: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """RGB (468, 3), 0..1, at every vertex of the frames looked at; of the others nothing is converted."""
    places = dict(zip(frames.tolist(), pixels, strict=True))
    with read_video(clip, stop_index=int(frames[-1]) + 1) as video:
        if (video.info.width, video.info.height) != (model.width, model.height):
            raise TrackError(
                clip,
                f"the clip is {video.info.width}x{video.info.height}",
                f"{model.width}x{model.height}, as tracked",
                "Give the clip that the face was measured in.",
            )
        for planes in video.planes():
            if planes.index in places:
                yield _at(planes, places.pop(planes.index))
    if places:
        raise TrackError(
            clip, f"frame {min(places)} is missing", "as many frames as were tracked", "Track the clip again."
        )


def _at(planes: Planes, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours between the nearest four pixels each, from the part of the picture that holds the face."""
    corner, end = np.floor(pixels.min(axis=0)), np.ceil(pixels.max(axis=0)) + 1
    size = (int(end[0] - corner[0]), int(end[1] - corner[1]))
    picture = sampled(planes, np.array([[1.0, 0.0, corner[0]], [0.0, 1.0, corner[1]]]), size)
    x, y = (pixels - corner).astype(np.float32).T[..., None]
    return np.asarray(cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR)[:, 0], np.float64) / 255
