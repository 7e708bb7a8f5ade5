"""measure_face, perform: from a clip's tracked face to the model of that face and to what it does."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.face_landmarks import IRIS_CENTRES, LEFT_IRIS, MESH_POINTS, RIGHT_IRIS
from pipeline.values import FacePerformance, FaceTrack, Status
from stages.retargeting.calm_moment import calm_moment
from stages.retargeting.expression_basis import ExpressionBasis, learn_basis
from stages.retargeting.face_identity import measure_identity
from stages.retargeting.face_model import FaceModel
from stages.retargeting.gaze import hold_while_closed, lid_openings, read_gaze
from stages.retargeting.head_pose import PlacedHeads, pose_heads
from stages.retargeting.illumination import PLAIN_LIGHT, plain_albedo
from stages.retargeting.metric_camera import MetricCamera
from stages.retargeting.neutral_face import in_relief, steadied
from stages.retargeting.slider_directions import find_sliders, mouth_openings

GAZE_SHARE = (0.01, 0.99)  # quantiles of the gaze that count as its range: single frames of it are often wrong


def measure_face(
    track: FaceTrack,
    triangles: NDArray[np.int32],
    *,
    trained: int | None = None,
    placed: PlacedHeads | None = None,
) -> tuple[FaceModel, FacePerformance]:
    """Learn a face from the tracked frames before `trained` (None: all), and tell what it does in all frames.

    The points are taken as they are: the track is smooth already, and smoothing the pose again would shift the mesh
    against the picture. Light and albedo are plain until `measure_light` finds them.

    Args:
        track: of any length; frames that are not TRACKED teach nothing.
        triangles: (t, 3) counter-clockwise from outside, eyes and mouth filled.
        trained: frames from here on are kept for testing.
        placed: where the head is in every frame, as `register_heads` finds it with the same `trained`; None: where the
            points say.

    Raises:
        TrackError: fewer than 24 tracked frames to learn from, or none of them anywhere near frontal.
    Source: methods 12.1 to 12.4.
    """
    learnt = np.flatnonzero(track.status[:trained] == Status.TRACKED)
    camera = MetricCamera(track.width, track.height)
    lifted = camera.lift(track.points[learnt])
    quiet = measure_identity(lifted).astype(np.float32)
    first = _perform(track, quiet, None, placed)
    neutral = steadied(quiet, first, learnt, calm_moment(first, learnt))
    if placed is not None:
        rays = camera.slopes(track.points[learnt, :MESH_POINTS, :2])
        neutral = in_relief(neutral, first, rays, placed.at(learnt), learnt)
    posed = pose_heads(lifted, neutral, None if placed is None else placed.at(learnt))
    basis = learn_basis(posed.local[:, :MESH_POINTS] - neutral)
    performance = _perform(track, neutral, basis, placed)
    return _model(track, performance, neutral, basis, triangles, learnt), performance


def perform(track: FaceTrack, model: FaceModel, placed: PlacedHeads | None = None) -> FacePerformance:
    """What a known face does in a clip of any size; frames without a face repeat the nearest one with their status.

    Its expression has passed the model's basis, so that drawing it again is exact; of the clip that the model was
    learnt from it is the performance that `measure_face` gave.

    Raises:
        TrackError: no frame shows the face.
    """
    return _perform(track, model.neutral, model.basis, placed)


def _perform(
    track: FaceTrack,
    neutral: NDArray[np.float32],
    basis: ExpressionBasis | None,
    placed: PlacedHeads | None,
) -> FacePerformance:
    """With expressions as they were tracked where there is no basis yet."""
    camera = MetricCamera(track.width, track.height)
    seen = _nearest_seen(track)
    points = track.points[seen]
    poses = pose_heads(camera.lift(points), neutral, None if placed is None else placed.at(seen))
    expression = (poses.local[:, :MESH_POINTS] - neutral).astype(np.float32)
    if basis is not None:
        expression = basis.expression_of(basis.project(expression))
    lids = lid_openings(neutral + expression)
    irises = camera.slopes(points[:, IRIS_CENTRES, :2])[:, :, None]
    gaze = read_gaze(neutral, irises, poses.rotation, poses.translation).reshape(-1, 4)
    return FacePerformance(
        width=track.width,
        height=track.height,
        times=track.times,
        rotation=Rotation.from_matrix(poses.rotation).as_rotvec().astype(np.float32),
        translation=poses.translation.astype(np.float32),
        expression=expression,
        gaze=hold_while_closed(gaze, lids, track.status != Status.MISSING).astype(np.float32),
        lids=lids.astype(np.float32),
        shoulders=track.shoulders,
        status=track.status,
        shot=track.shot,
    )


def _nearest_seen(track: FaceTrack) -> NDArray[np.intp]:
    """For every frame itself or, where nobody is seen, the nearest that shows the face: (n,)."""
    seen = np.flatnonzero(track.status != Status.MISSING)
    if not seen.size:
        raise TrackError("the face's track", "no frame shows the face", "a face", "Give a clip that shows one.")
    frames = np.arange(len(track))
    after = np.minimum(np.searchsorted(seen, frames), seen.size - 1)
    before = np.maximum(after - 1, 0)
    return np.asarray(np.where(frames - seen[before] < np.abs(seen[after] - frames), seen[before], seen[after]))


def _model(
    track: FaceTrack,
    performance: FacePerformance,
    neutral: NDArray[np.float32],
    basis: ExpressionBasis,
    triangles: NDArray[np.int32],
    learnt: NDArray[np.intp],
) -> FaceModel:
    """Gather what the learnt frames show."""
    calm = calm_moment(performance, learnt)
    rest = Rotation.from_rotvec(performance.rotation[calm]).mean().as_rotvec()
    expression = performance.expression[learnt]
    coefficients = basis.project(expression)
    gaze, lids = performance.gaze[learnt], performance.lids[learnt]
    mouth = mouth_openings(neutral + expression)
    return FaceModel(
        width=track.width,
        height=track.height,
        neutral=neutral,
        triangles=triangles.astype(np.int32),
        expression_mean=basis.mean,
        expression_basis=basis.components,
        expression_low=coefficients.min(axis=0),
        expression_high=coefficients.max(axis=0),
        expression_scale=coefficients.std(axis=0),
        rotation_low=performance.rotation[learnt].min(axis=0),
        rotation_high=performance.rotation[learnt].max(axis=0),
        translation_low=performance.translation[learnt].min(axis=0),
        translation_high=performance.translation[learnt].max(axis=0),
        gaze_low=np.quantile(gaze, GAZE_SHARE[0], axis=0).astype(np.float32),
        gaze_high=np.quantile(gaze, GAZE_SHARE[1], axis=0).astype(np.float32),
        gaze_mean=gaze.mean(axis=0),
        lids_low=lids.min(axis=0),
        lids_high=lids.max(axis=0),
        lids_open=np.median(lids, axis=0).astype(np.float32),
        mouth_low=float(mouth.min()),
        mouth_high=float(mouth.max()),
        iris_radius=_iris_radius(track, performance, neutral, learnt),
        reference=int(calm[len(calm) // 2]),
        reference_rotation=rest.astype(np.float32),
        reference_translation=np.median(performance.translation[calm], axis=0).astype(np.float32),
        sliders=find_sliders(neutral, expression),
        albedo=plain_albedo(),
        light=PLAIN_LIGHT,
    )


def _iris_radius(
    track: FaceTrack, performance: FacePerformance, neutral: NDArray[np.float32], learnt: NDArray[np.intp]
) -> float:
    """The usual distance of the rings from the irises' centres, over half an eye's width, where the eyes are open."""
    camera = MetricCamera(track.width, track.height)
    numbers = np.array([(centre, *ring) for centre, ring in zip(IRIS_CENTRES, (RIGHT_IRIS, LEFT_IRIS), strict=True)])
    slopes = camera.slopes(track.points[learnt][:, numbers, :2])
    rotation = Rotation.from_rotvec(performance.rotation[learnt]).as_matrix()
    seen = read_gaze(neutral, slopes, rotation, performance.translation[learnt])
    radii = np.linalg.norm(seen[:, :, 1:] - seen[:, :, :1], axis=-1).mean(axis=-1)
    open_ones = performance.lids[learnt] >= np.median(performance.lids[learnt], axis=0)
    return float(np.median(radii[open_ones]))
