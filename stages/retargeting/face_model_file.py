"""save_face_model, load_face_model: a face model as one .npz file, without pickle, checked field by field when read."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.array_file import ArrayFile, Field
from pipeline.face_landmarks import MESH_POINTS
from stages.retargeting.face_model import FaceModel, Sliders
from stages.retargeting.illumination import LIGHT_TERMS

_MESH = (MESH_POINTS, 3)
_FILE = ArrayFile(
    kind="face model",
    version=1,
    remedy="Measure the face again with this version.",
    fields=(
        Field("width", np.int64, (), least=1),
        Field("height", np.int64, (), least=1),
        Field("neutral", np.float32, _MESH),
        Field("triangles", np.int32, ("t", 3), least=0, most=MESH_POINTS - 1),
        Field("expression_mean", np.float32, _MESH),
        Field("expression_basis", np.float32, ("k", *_MESH)),
        Field("expression_low", np.float32, ("k",)),
        Field("expression_high", np.float32, ("k",)),
        Field("expression_scale", np.float32, ("k",), least=0),
        Field("rotation_low", np.float32, (3,)),
        Field("rotation_high", np.float32, (3,)),
        Field("translation_low", np.float32, (3,)),
        Field("translation_high", np.float32, (3,)),
        Field("gaze_low", np.float32, (4,)),
        Field("gaze_high", np.float32, (4,)),
        Field("gaze_mean", np.float32, (4,)),
        Field("lids_low", np.float32, (2,), least=0),
        Field("lids_high", np.float32, (2,), least=0),
        Field("lids_open", np.float32, (2,), least=0),
        Field("mouth_low", np.float64, (), least=0),
        Field("mouth_high", np.float64, (), least=0),
        Field("iris_radius", np.float64, (), least=0),
        Field("reference", np.int64, (), least=0),
        Field("reference_rotation", np.float32, (3,)),
        Field("reference_translation", np.float32, (3,)),
        Field("slider_jaw", np.float32, _MESH),
        Field("slider_smile", np.float32, _MESH),
        Field("slider_brows", np.float32, _MESH),
        Field("slider_lids", np.float32, _MESH),
        Field("slider_low", np.float32, (4,)),
        Field("slider_high", np.float32, (4,)),
        Field("albedo", np.float32, _MESH, least=0, most=1),
        Field("light", np.float32, (LIGHT_TERMS, 3)),
    ),
)
_PLAIN = tuple(field.name for field in fields(FaceModel) if field.name != "sliders")
_SLIDERS = tuple(field.name for field in fields(Sliders))


def save_face_model(model: FaceModel, path: Path, *, overwrite: bool = True) -> None:
    """Write `model` to `path`, whole or not at all; the suffix should be .npz.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    arrays = {name: np.asarray(getattr(model, name)) for name in _PLAIN}
    arrays |= {f"slider_{name}": np.asarray(getattr(model.sliders, name)) for name in _SLIDERS}
    _FILE.save(arrays, path, overwrite=overwrite)


def load_face_model(path: Path) -> FaceModel:
    """Read what `save_face_model` wrote.

    Raises:
        TrackError: no such file, one of another kind or version, or a field is missing or does not fit; it is named.
    """
    arrays = _FILE.load(path)
    plain: dict[str, Any] = {name: arrays[name] if arrays[name].ndim else arrays[name].item() for name in _PLAIN}
    return FaceModel(**plain, sliders=Sliders(**{name: arrays[f"slider_{name}"] for name in _SLIDERS}))
