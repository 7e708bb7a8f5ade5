"""The face model: what a clip teaches of a face, and that parameters, mesh and track are one thing."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from posed_heads import (
    CAMERA,
    IRIS_RADIUS,
    LOWER_LIP,
    UPPER_LIP,
    Acting,
    filmed,
    made_acting,
    made_head,
    made_triangles,
    motion,
)
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.face_landmarks import LEFT_BROW, MOUTH_CORNERS, NOSE_TIP, OUTER_CANTHI, RIGHT_BROW
from pipeline.values import FacePerformance, FaceTrack, Status
from stages.retargeting.calm_moment import calm_moment
from stages.retargeting.expression_basis import learn_basis
from stages.retargeting.face_identity import MIRRORED, measure_identity, upright
from stages.retargeting.face_model import FaceModel
from stages.retargeting.gaze import lid_openings
from stages.retargeting.head_pose import PlacedHeads
from stages.retargeting.measure_face import measure_face, perform
from stages.retargeting.motion_range import range_of_motion
from stages.retargeting.neutral_face import steadied
from stages.retargeting.slider_directions import find_sliders, mouth_openings

HEAD = made_head()
TRIANGLES = made_triangles(HEAD)
TRACKED = 2e-3  # cm and radians: pixels of a track are float32


@pytest.fixture(scope="module")
def measured() -> tuple[FaceTrack, FaceModel, FacePerformance]:
    track = filmed(HEAD, made_acting())
    return track, *measure_face(track, TRIANGLES)


def still(frames: int, turn: tuple[float, float, float] = (0, 0, 0)) -> Acting:
    return Acting(
        turns=np.tile(np.radians(turn), (frames, 1)),
        places=np.tile((0.0, 0.0, -40.0), (frames, 1)),
        expressions=np.zeros((frames, *HEAD.shape)),
        gaze=np.zeros((frames, 4)),
    )


def test_the_outer_corners_of_the_eyes_are_8_9_cm_apart(measured) -> None:
    right, left = measured[1].neutral[list(OUTER_CANTHI)]
    assert np.linalg.norm(left - right) == pytest.approx(8.9, abs=1e-5)


def test_the_neutral_face_is_the_quiet_one_upright(measured) -> None:
    np.testing.assert_allclose(measured[1].neutral, HEAD, atol=2 * TRACKED)


def test_the_mean_of_a_symmetric_face_is_symmetric(measured) -> None:
    rights, lefts = np.array(MIRRORED).T
    np.testing.assert_allclose(measured[1].neutral[rights] * (-1, 1, 1), measured[1].neutral[lefts], atol=TRACKED)


def test_a_mesh_turned_shifted_and_enlarged_is_brought_upright_again() -> None:
    slanted = 3 * HEAD @ np.array(((0.8, 0.0, 0.6), (0.0, 1.0, 0.0), (-0.6, 0.0, 0.8))) + (5, 6, 7)
    np.testing.assert_allclose(upright(slanted), HEAD, atol=1e-9)


def test_what_a_head_does_comes_out_as_it_was_put_in(measured) -> None:
    acting, performance = made_acting(), measured[2]
    np.testing.assert_allclose(performance.rotation, acting.turns, atol=TRACKED)
    np.testing.assert_allclose(performance.translation, acting.places, atol=20 * TRACKED)
    np.testing.assert_allclose(performance.expression, acting.expressions, atol=0.02)
    awake = performance.lids.min(axis=1) > 0.2
    np.testing.assert_allclose(performance.gaze[awake], acting.gaze[awake], atol=0.02)
    assert measured[1].iris_radius == pytest.approx(IRIS_RADIUS, abs=0.01)


def test_a_performance_filmed_and_tracked_again_is_the_same_performance(measured) -> None:
    _, model, performance = measured
    acting = Acting(
        turns=performance.rotation.astype(np.float64),
        places=performance.translation.astype(np.float64),
        expressions=performance.expression.astype(np.float64),
        gaze=performance.gaze.astype(np.float64),
    )
    again = perform(filmed(model.neutral.astype(np.float64), acting), model)
    np.testing.assert_allclose(again.rotation, performance.rotation, atol=TRACKED)
    np.testing.assert_allclose(again.translation, performance.translation, atol=20 * TRACKED)
    np.testing.assert_allclose(again.expression, performance.expression, atol=TRACKED)
    np.testing.assert_allclose(again.gaze, performance.gaze, atol=TRACKED)
    np.testing.assert_allclose(again.lids, performance.lids, atol=TRACKED)


def test_performing_the_learnt_clip_gives_the_measured_performance_bit_for_bit(measured) -> None:
    track, model, performance = measured
    again = perform(track, model)
    for name in ("rotation", "translation", "expression", "gaze", "lids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(performance, name))


def test_nothing_rigid_is_left_in_the_expression(measured) -> None:
    basis = [point for pair in MIRRORED for point in pair]
    assert np.abs(measured[2].expression[:, basis].mean(axis=1)).max() < 0.05  # cm


def test_the_reference_is_the_middle_of_the_calmest_moment(measured) -> None:
    _, model, performance = measured
    calm = calm_moment(performance, np.arange(len(performance)))
    assert model.reference == calm[len(calm) // 2]
    np.testing.assert_array_equal(model.reference_translation, np.median(performance.translation[calm], axis=0))


def test_a_head_that_pauses_is_calm_where_it_pauses_and_not_across_a_gap(measured) -> None:
    performance = measured[2]
    frames = np.arange(len(performance))
    rate = (len(frames) - 1) / float(performance.times[-1] - performance.times[0])
    length = max(3, round(0.4 * rate))
    pause = slice(20, 20 + length)
    rotation, translation = performance.rotation.copy(), performance.translation.copy()
    expression = performance.expression.copy()
    rotation[pause], translation[pause], expression[pause] = np.median(rotation, axis=0), translation[20], 0
    pausing = replace(performance, rotation=rotation, translation=translation, expression=expression)
    np.testing.assert_array_equal(calm_moment(pausing, frames), frames[pause])
    holed = np.delete(frames, 20 + length // 2)
    elsewhere = calm_moment(pausing, holed)
    assert len(elsewhere) == length and (np.diff(elsewhere) == 1).all()


def test_frames_that_show_nobody_teach_nothing(measured) -> None:
    track = measured[0]
    gone = np.flatnonzero(np.arange(len(track)) >= 40)
    points, status = track.points.copy(), track.status.copy()
    points[gone], status[gone] = 0, Status.MISSING
    holed, performance = measure_face(replace(track, points=points, status=status), TRIANGLES)
    shorter, _ = measure_face(track, TRIANGLES, trained=40)
    for name in ("neutral", "expression_basis", "expression_high", "rotation_low", "gaze_mean", "lids_open"):
        np.testing.assert_array_equal(getattr(holed, name), getattr(shorter, name))
    np.testing.assert_array_equal(performance.rotation[gone], np.tile(performance.rotation[39], (8, 1)))
    assert (performance.status[gone] == Status.MISSING).all()


def test_too_short_a_clip_is_refused() -> None:
    with pytest.raises(TrackError, match="23 frames show the face; expected at least 24 to learn a face from"):
        measure_face(filmed(HEAD, still(23)), TRIANGLES)


def test_a_clip_that_never_faces_the_camera_is_refused() -> None:
    with pytest.raises(TrackError, match="0 of 30 frames are turned by less than 45 degrees; expected at least 8"):
        measure_identity(CAMERA.lift(filmed(HEAD, still(30, (0, 55, 0))).points))


def test_a_performance_without_any_face_is_refused(measured) -> None:
    track, model, _ = measured
    with pytest.raises(TrackError, match="no frame shows the face"):
        perform(replace(track, status=np.full(len(track), Status.MISSING, np.uint8)), model)


def test_members_of_the_basis_pass_it_unchanged(measured) -> None:
    model = measured[1]
    coefficients = np.array([model.expression_high, model.expression_low])
    members = model.expression_of(coefficients)
    np.testing.assert_allclose(model.project(members), coefficients, atol=1e-5)
    np.testing.assert_allclose(model.expression_of(model.project(members)), members, atol=1e-6)


def test_two_ways_of_moving_make_a_basis_of_two() -> None:
    one, two = motion(LOWER_LIP, (0, -1, 0)), motion(MOUTH_CORNERS, (0, 0.9, 0.1))
    amounts = np.random.default_rng(2).normal(size=(30, 2))
    basis = learn_basis(amounts[:, :1, None] * one + amounts[:, 1:, None] * two)
    flat = basis.components.reshape(len(basis.components), -1)
    assert len(flat) == 2
    np.testing.assert_allclose(flat @ flat.T, np.eye(2), atol=1e-6)


def test_a_basis_is_the_same_whether_frames_or_coordinates_are_fewer() -> None:
    """The frames a hundred times over have the same components; then coordinates are the fewer."""
    chance = np.random.default_rng(5)
    shapes, amounts = chance.normal(size=(4, *HEAD.shape)), chance.normal(size=(30, 4)) * (4, 3, 2, 1)
    few = np.einsum("nk,kvc->nvc", amounts, shapes)
    one, other = learn_basis(few).components, learn_basis(np.tile(few, (50, 1, 1))).components
    assert len(one) == len(other) >= 3
    np.testing.assert_allclose(np.abs(np.einsum("kvc,kvc->k", one, other)), 1, atol=1e-4)


def test_sliders_open_the_mouth_smile_raise_brows_and_widen_the_eyes_in_a_clip_that_never_moves() -> None:
    sliders = find_sliders(HEAD, np.zeros((30, *HEAD.shape)))
    brows = [*RIGHT_BROW, *LEFT_BROW]
    right, left = MOUTH_CORNERS
    assert mouth_openings(HEAD + 5 * sliders.jaw) > mouth_openings(HEAD) + 0.1
    assert (HEAD + sliders.smile)[left, 0] - (HEAD + sliders.smile)[right, 0] > HEAD[left, 0] - HEAD[right, 0]
    assert sliders.smile[[right, left], 1].min() > 0
    assert sliders.brows[brows, 1].min() > 0
    assert (lid_openings(HEAD + sliders.lids) > lid_openings(HEAD) + 0.01).all()
    np.testing.assert_allclose([np.linalg.norm(sliders.jaw), np.linalg.norm(sliders.lids)], 1, atol=1e-6)


def test_a_slider_moves_as_the_clip_does() -> None:
    lopsided = motion(LOWER_LIP, (0.5, -1.0, 0.0)) + motion(UPPER_LIP, (0.0, 0.1, 0.0))
    amounts = np.linspace(0, 1, 30)[:, None, None]
    jaw = find_sliders(HEAD, amounts * lopsided).jaw
    middle = jaw[17]  # of the lower lip
    assert middle[1] < 0
    assert middle[0] / middle[1] == pytest.approx(-0.5, abs=1e-3)


def test_ranges_are_told_in_words_and_what_lacks_is_warned_of(measured) -> None:
    assert range_of_motion(measured[1]).warnings() == ()
    moves = range_of_motion(measure_face(filmed(HEAD, still(30)), TRIANGLES)[0])
    assert moves.lines()[0] == "turns from +0 to +0 degrees to the sides, +0 to +0 down, +0 to +0 leaning"
    assert [line.split(":")[0].split(";")[0] for line in moves.warnings()] == [
        "The target turns to the sides by only 0 degrees",
        "The target nods by only 0 degrees",
        "The target opens the mouth by only 0% of its width",
        "The target never closes the eyes",
        "The target hardly ever looks aside",
    ]


def test_a_tracker_that_errs_with_every_turn_leaves_the_neutral_face_as_it_is_in_the_calm_moment() -> None:
    """The nose's ridge seems to go up by 1 mm for 10 degrees of turn; the quiet frames are turned by 12 degrees.

    The calm moment, the last forty frames, looks ahead: there the ridge is where it is. The quiet face has it 1.2 mm
    too high, the steadied one less than a quarter of that.
    """
    frames = 400
    yaw = np.radians(np.concatenate((np.full(160, 12.0), np.linspace(12, -12, 200), np.zeros(40))))
    rises = motion((197, 195, 5, 1), (0.0, 0.1, 0.0))
    talks = np.concatenate((np.zeros(160), np.tile((0.0, 1.0), 100), np.zeros(40)))
    expression = np.degrees(yaw)[:, None, None] / 10 * rises + talks[:, None, None] * motion(LOWER_LIP, (0, -0.5, 0))
    told = FacePerformance(
        width=512,
        height=384,
        times=tuple(Fraction(index, 25) for index in range(frames)),
        rotation=np.stack((np.zeros(frames), yaw, np.zeros(frames)), axis=1).astype(np.float32),
        translation=np.tile(np.array((0, 0, -40), np.float32), (frames, 1)),
        expression=(expression - 1.2 * rises).astype(np.float32),
        gaze=np.zeros((frames, 4), np.float32),
        lids=np.full((frames, 2), 0.3, np.float32),
        shoulders=np.zeros((frames, 2, 3), np.float32),
        status=np.zeros(frames, np.uint8),
        shot=np.zeros(frames, np.int32),
    )
    quiet = (HEAD + 1.2 * rises).astype(np.float32)
    better = steadied(quiet, told, np.arange(frames), np.arange(360, 400))
    assert np.abs(quiet - HEAD).max() == pytest.approx(0.12, abs=1e-6)
    assert np.abs(better - HEAD).max() < 0.03


def relief(mesh: NDArray[np.floating[Any]]) -> float:
    """How far the nose's tip lies before the corners of the eyes, cm."""
    return float(mesh[NOSE_TIP, 2] - mesh[list(OUTER_CANTHI), 2].mean())


def too_deep(track: FaceTrack) -> FaceTrack:
    return replace(track, points=track.points * np.array((1, 1, 1.4), np.float32))


def placed_as(acting: Acting) -> PlacedHeads:
    return PlacedHeads(Rotation.from_rotvec(acting.turns).as_matrix(), acting.places)


def test_a_relief_that_the_tracker_guesses_too_deep_is_seen_in_a_head_that_turns() -> None:
    turning = replace(made_acting(), expressions=np.zeros((48, *HEAD.shape)))
    track = too_deep(filmed(HEAD, turning))
    guessed, _ = measure_face(track, TRIANGLES)
    seen, told = measure_face(track, TRIANGLES, placed=placed_as(turning))
    assert relief(guessed.neutral) > 1.2 * relief(HEAD)
    assert relief(seen.neutral) == pytest.approx(relief(HEAD), rel=0.02)
    assert np.abs(told.expression[:, NOSE_TIP]).max() < 0.03  # cm: what rests says nothing, however the head turns


def test_it_is_seen_too_where_whoever_turns_always_talks_or_blinks() -> None:
    track = too_deep(filmed(HEAD, made_acting()))
    guessed, _ = measure_face(track, TRIANGLES)
    seen, _ = measure_face(track, TRIANGLES, placed=placed_as(made_acting()))
    assert relief(seen.neutral) - relief(HEAD) < 0.3 * (relief(guessed.neutral) - relief(HEAD))
