"""The face model on a real clip: the mesh lies on the face it was measured from."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipeline.face_landmarks import MESH_POINTS, OUTER_CANTHI, RIGID_POINTS
from pipeline.values import FacePerformance, FaceTrack
from stages.retargeting.face_model import FaceModel
from stages.retargeting.gaze import lid_openings
from stages.retargeting.head_pose import pose_heads
from stages.retargeting.illumination import measure_light
from stages.retargeting.measure_face import measure_face
from stages.tracking.face import track_face
from stages.tracking.face_triangles import face_triangles

CLIP = Path(__file__).parents[2].parent / "shared/clips/portrait/grimaces.mp4"
TRAINED = 380  # of 448 frames

pytestmark = pytest.mark.skipif(not CLIP.is_file(), reason="the shared clips are not on this machine")


@pytest.fixture(scope="module")
def grimaces() -> tuple[FaceTrack, FaceModel, FacePerformance]:
    track = track_face(CLIP)
    return track, *measure_face(track, face_triangles(filled=True), trained=TRAINED)


def test_the_mesh_drawn_again_lies_within_half_a_hundredth_of_the_eyes_distance(grimaces) -> None:
    track, model, performance = grimaces
    rotation = Rotation.from_rotvec(performance.rotation).as_matrix()
    mesh = (model.neutral + performance.expression).astype(np.float64)
    placed = np.einsum("nij,nvj->nvi", rotation, mesh) + performance.translation[:, None]
    off = np.linalg.norm(model.camera.project(placed)[..., :2] - track.points[:, :MESH_POINTS, :2], axis=-1)
    right, left = (track.points[:, corner, :2] for corner in OUTER_CANTHI)
    off /= np.linalg.norm(left - right, axis=-1)[:, None]
    assert off[:TRAINED].mean() < 0.005
    assert off[TRAINED:].mean() < 0.005  # frames it never learnt from
    assert off.mean(axis=1).max() < 0.015


def test_the_basis_keeps_every_blink(grimaces) -> None:
    track, model, performance = grimaces
    local = pose_heads(model.camera.lift(track.points), model.neutral).local[:, :MESH_POINTS]
    for tracked, kept in zip(lid_openings(local).T, performance.lids.T, strict=True):
        assert np.corrcoef(tracked, kept)[0, 1] > 0.98


def test_expressions_hold_no_motion_of_the_head(grimaces) -> None:
    assert np.abs(grimaces[2].expression[:, RIGID_POINTS].mean(axis=(0, 1))).max() < 0.05  # cm


def test_skin_in_this_light_has_the_colours_of_skin(grimaces) -> None:
    _, model, performance = grimaces
    lit = measure_light(CLIP, model, performance, trained=TRAINED)
    assert lit.light[0].min() > 5 * np.abs(lit.light[1:]).max()  # soft light from all sides
    red, green, blue = lit.albedo.mean(axis=0)
    assert red > green > blue
