"""Light and albedo: a known light on known skin is found again, and the film is looked at in the right places."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from posed_heads import CAMERA, filmed, made_acting, made_head, made_triangles
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.values import Frame, VideoInfo
from pipeline.video import LOSSLESS, write_video
from stages.retargeting.illumination import (
    PLAIN_LIGHT,
    SkinColours,
    fit_light,
    measure_light,
    spherical_harmonics,
    vertex_normals,
)
from stages.retargeting.measure_face import measure_face

HEAD = made_head()
TRIANGLES = made_triangles(HEAD)
LIGHT = np.zeros((9, 3))
LIGHT[0], LIGHT[1], LIGHT[2], LIGHT[3] = (2.4, 2.2, 2.0), (0.3, 0.2, 0.1), (0.4, 0.4, 0.5), (-0.5, -0.4, -0.3)
LUMINANCE = np.array((0.2126, 0.7152, 0.0722))


def lit(albedo: np.ndarray, frames: int = 30) -> SkinColours:
    """A head that turns under `LIGHT`, every vertex in sight."""
    turns = np.random.default_rng(6).uniform(-0.6, 0.6, (frames, 3))
    normals = np.einsum("fij,vj->fvi", Rotation.from_rotvec(turns).as_matrix(), vertex_normals(HEAD, TRIANGLES))
    colours = albedo * (spherical_harmonics(normals) @ LIGHT)
    return SkinColours(colours, normals, np.ones(colours.shape[:2], np.bool_))


def test_normals_of_a_flat_piece_point_to_the_viewer() -> None:
    square = np.array(((0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)))
    normals = vertex_normals(square, np.array(((0, 1, 2), (0, 2, 3)), np.int32))
    np.testing.assert_allclose(normals, np.tile((0, 0, 1), (4, 1)))
    two = vertex_normals(np.stack((square, square * (-1, 1, 1))), np.array(((0, 1, 2), (0, 2, 3)), np.int32))
    np.testing.assert_allclose(two[:, :, 2], ((1, 1, 1, 1), (-1, -1, -1, -1)))


def test_the_nine_terms_are_orthonormal_over_the_sphere() -> None:
    directions = np.random.default_rng(7).normal(size=(200_000, 3))
    terms = spherical_harmonics(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    np.testing.assert_allclose(4 * np.pi * terms.T @ terms / len(terms), np.eye(9), atol=0.03)


def test_plain_light_comes_from_the_camera() -> None:
    shading = spherical_harmonics(np.array(((0.0, 0, 1), (1, 0, 0)))) @ PLAIN_LIGHT[:, 0]
    np.testing.assert_allclose(shading, (1.0, 0.3), atol=0.08)  # nine terms round the edge of max(0, z)


def test_a_known_light_on_skin_of_one_colour_is_found() -> None:
    skin = np.array((0.6, 0.48, 0.4))
    albedo, light = fit_light(lit(np.tile(skin, (len(HEAD), 1))), HEAD)
    gain = 0.4 / (skin @ LUMINANCE)  # the mean luminance of the albedo is fixed; the hue of skin and light is shared
    np.testing.assert_allclose(albedo * (light[0] / LIGHT[0]), np.tile(skin, (len(HEAD), 1)), rtol=0.02)
    np.testing.assert_allclose((albedo @ LUMINANCE).mean(), (skin * gain) @ LUMINANCE, rtol=1e-3)
    np.testing.assert_allclose(light / light[0], LIGHT / LIGHT[0], atol=0.03)  # the ridge holds the light back a little


def test_a_known_light_on_blotched_skin_gives_the_colours_back() -> None:
    skin = np.random.default_rng(8).uniform(0.35, 0.6, (len(HEAD), 3))
    seen = lit(skin)
    albedo, light = fit_light(seen, HEAD)
    drawn = albedo * (spherical_harmonics(seen.normals) @ light)
    assert np.abs(drawn - seen.colours).mean() < 0.01
    np.testing.assert_allclose(light / light[0], LIGHT / LIGHT[0], atol=0.1)


def test_vertices_never_seen_take_the_nearest_colour_and_hair_over_the_face_is_no_skin() -> None:
    skin = lit(np.tile((0.6, 0.48, 0.4), (len(HEAD), 1)))
    skin.seen[:, 100] = False
    skin.colours[3:5, 200:260] = 0.0
    albedo, _ = fit_light(skin, HEAD)
    np.testing.assert_allclose(albedo, np.broadcast_to(albedo[0], albedo.shape), rtol=0.1)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The left half red, the right half blue, for 48 frames."""
    path = tmp_path_factory.mktemp("films") / "halves.mp4"
    picture = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    picture[:, : CAMERA.width // 2], picture[:, CAMERA.width // 2 :] = (180, 40, 40), (40, 40, 180)
    info = VideoInfo(path, CAMERA.width, CAMERA.height, Fraction(25), Fraction(1, 25))
    with write_video(path, info, encoding=LOSSLESS) as output:
        for index in range(48):
            output.write(Frame(picture, Fraction(index, 25), index))
    return path


def test_skin_takes_the_colour_of_the_pixels_it_covers(film: Path) -> None:
    acting = replace(made_acting(), turns=np.zeros((48, 3)), places=np.tile((0.0, 0.0, -40.0), (48, 1)))
    model, performance = measure_face(filmed(HEAD, acting), TRIANGLES)
    model = measure_light(film, model, performance, trained=40)
    drawn = model.albedo * (spherical_harmonics(vertex_normals(HEAD, TRIANGLES)) @ model.light)
    left, right = (np.abs(HEAD[:, 0] - middle) < 2 for middle in (-3, 3))
    assert (drawn[left, 0] > 2 * drawn[left, 2]).mean() > 0.9  # but for what is turned away
    assert (drawn[right, 2] > 2 * drawn[right, 0]).mean() > 0.9


def test_another_film_than_the_measured_one_is_refused(film: Path) -> None:
    model, performance = measure_face(filmed(HEAD, made_acting(60)), TRIANGLES)
    with pytest.raises(TrackError, match="the clip is 512x384; expected 256x384, as tracked"):
        measure_light(film, replace(model, width=256), performance, trained=40)
    with pytest.raises(TrackError, match=r"frame \d+ is missing; expected as many frames as were tracked"):
        measure_light(film, model, performance, trained=60)
