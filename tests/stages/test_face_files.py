"""Files of the face model and of performances: what is saved is loaded, and what does not fit is named."""

from pathlib import Path

import numpy as np
import pytest
from posed_heads import filmed, made_acting, made_head, made_triangles

from pipeline.errors import OutputExists, TrackError
from stages.retargeting.face_model_file import load_face_model, save_face_model
from stages.retargeting.measure_face import measure_face
from stages.retargeting.performance_file import load_performance, save_performance

HEAD = made_head()
MODEL, PERFORMANCE = measure_face(filmed(HEAD, made_acting()), made_triangles(HEAD))


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    save_face_model(MODEL, tmp_path / "face_model.npz")
    return tmp_path / "face_model.npz"


@pytest.fixture
def performance_file(tmp_path: Path) -> Path:
    save_performance(PERFORMANCE, tmp_path / "performance.npz")
    return tmp_path / "performance.npz"


def rewritten(path: Path, **changes: np.ndarray | None) -> Path:
    """The file with some arrays replaced, or left out where None is given."""
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_a_saved_model_is_loaded_field_by_field(model_file: Path) -> None:
    loaded = load_face_model(model_file)
    for name in type(MODEL).__dataclass_fields__:
        if name != "sliders":
            np.testing.assert_array_equal(getattr(loaded, name), getattr(MODEL, name), err_msg=name)
            assert type(getattr(loaded, name)) is type(getattr(MODEL, name))
    for name in type(MODEL.sliders).__dataclass_fields__:
        np.testing.assert_array_equal(getattr(loaded.sliders, name), getattr(MODEL.sliders, name), err_msg=name)


def test_a_saved_performance_is_loaded_field_by_field(performance_file: Path) -> None:
    loaded = load_performance(performance_file)
    assert loaded.times == PERFORMANCE.times
    for name in type(PERFORMANCE).__dataclass_fields__:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(PERFORMANCE, name), err_msg=name)


def test_a_taken_path_is_kept_unless_told_otherwise(model_file: Path) -> None:
    with pytest.raises(OutputExists):
        save_face_model(MODEL, model_file, overwrite=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": np.array("a cat")}, "this is no face model"),
        ({"version": np.array(99)}, "the file's version is 99; expected version 1"),
        ({"neutral": None}, "field 'neutral' is missing"),
        ({"neutral": np.zeros((468, 2), np.float32)}, r"'neutral' is float32 \(468, 2\); expected float32 \(468, 3\)"),
        ({"light": np.full((9, 3), np.nan, np.float32)}, "'light' holds values out of range; expected finite numbers"),
        ({"albedo": np.full((468, 3), 2, np.float32)}, "'albedo' holds values out of range; .* from 0 to 1"),
        ({"triangles": np.full((5, 3), 468, np.int32)}, "'triangles' holds values out of range; .* from 0 to 467"),
        ({"expression_low": np.zeros(99, np.float32)}, r"'expression_low' is float32 \(99,\); expected float32"),
        ({"expression_basis": np.zeros((0, 468, 3), np.float32)}, r"'expression_basis' is .* \(k, 468, 3\)"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_name(model_file: Path, changes: dict, said: str) -> None:
    with pytest.raises(TrackError, match=said):
        load_face_model(rewritten(model_file, **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gaze": np.zeros((47, 4), np.float32)}, r"'gaze' is float32 \(47, 4\); expected float32 \(48, 4\)"),
        ({"time_numerators": np.zeros(48, np.int64)}, "'time_numerators' gives times that do not rise"),
        ({"status": np.full(48, 9, np.uint8)}, "'status' holds values out of range"),
    ],
)
def test_a_performance_that_does_not_fit_is_refused_by_name(performance_file: Path, changes: dict, said: str) -> None:
    with pytest.raises(TrackError, match=said):
        load_performance(rewritten(performance_file, **changes))


def test_a_file_that_is_not_there_or_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match="there is no such file"):
        load_face_model(tmp_path / "none.npz")
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04torn")
    with pytest.raises(TrackError, match="the file cannot be read"):
        load_performance(tmp_path / "torn.npz")
