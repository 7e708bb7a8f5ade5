"""A model is a folder: what was written is what is read; anything else is refused with the file's name."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_dances import DRAFT, HEIGHT, WIDTH, sample_body

from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import ModelError, OutputExists
from stages.conditioning.stick_figure import StickFigureFormat
from stages.model_folder import copy_model, load_model, read_facts, write_model
from stages.model_parts import HeldOut
from stages.provenance.consent import Consent
from stages.training.networks import build_network

pytestmark = pytest.mark.usefixtures("one_thread")

PARTS = {"weights.safetensors", "background.png"}


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    copy = tmp_path / "model"
    shutil.copytree(model_folder, copy)
    return copy


@pytest.fixture
def edit(folder: Path) -> Callable[..., None]:
    """Change fields of model.json."""

    def change(**fields: Any) -> None:
        facts = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(facts | fields))

    return change


def test_what_was_written_is_what_is_read(folder: Path, compute: Compute) -> None:
    consent = Consent(kind="file", date="2026-01-02", sha256="a" * 64, name="ann.pdf")
    facts = replace(read_facts(folder), consent=consent, held_out=HeldOut(frames=3, psnr_db=21.5, ssim=0.75))
    performer = build_network(DRAFT.phases[0].network, torch.Generator().manual_seed(1))
    background = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    write_model(folder, facts, performer, None, background)
    loaded = load_model(folder, compute)
    assert replace(loaded.facts, parts={}) == replace(facts, parts={})
    assert np.array_equal(loaded.background, background)
    weights = loaded.performer.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in performer.state_dict().items())
    assert not loaded.performer.training and loaded.face is None


def test_a_trained_model_knows_what_it_was_made_of(model_folder: Path, blue_film: Path) -> None:
    facts = read_facts(model_folder)
    assert (facts.kind, facts.version, facts.preset, facts.network) == ("dance", 1, "tiny draft", "draft")
    assert facts.network_config == {"base_channels": 8, "halvings": 2, "blocks": 1, "recurrent": True}
    assert (facts.clip_name, facts.clip_sha256) == ("blue.mp4", FileRef.of(blue_film).sha256)
    assert facts.body == sample_body() and facts.style == StickFigureFormat()
    assert facts.consent is None


def test_model_json_vouches_for_every_other_part(model_folder: Path) -> None:
    parts = read_facts(model_folder).parts
    assert parts.keys() == PARTS
    assert all(FileRef.of(model_folder / name).sha256 == sha256 for name, sha256 in parts.items())


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_that_changed_is_refused_by_name(folder: Path, compute: Compute, part: str) -> None:
    with (folder / part).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError) as caught:
        load_model(folder, compute)
    assert str(caught.value) == (
        f"{folder / part}: the file is not the one that model.json names; expected the part it was. "
        "Copy the whole model folder again, or train again."
    )


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_that_is_missing_is_refused_by_name(folder: Path, compute: Compute, part: str) -> None:
    (folder / part).unlink()
    with pytest.raises(ModelError) as caught:
        load_model(folder, compute)
    assert str(caught.value).startswith(f"{folder / part}: the file is missing; expected all parts of the model")


def test_weights_of_a_newer_training_under_an_older_model_json_are_refused(folder: Path, compute: Compute) -> None:
    """As a kill between the two would leave them."""
    old = (folder / "model.json").read_bytes()
    newer = build_network(DRAFT.phases[0].network, torch.Generator().manual_seed(1))
    write_model(folder, read_facts(folder), newer, None, np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    (folder / "model.json").write_bytes(old)
    with pytest.raises(ModelError, match=r"is not the one that model\.json names"):
        load_model(folder, compute)


def test_a_face_that_is_promised_and_not_there_is_refused(
    folder: Path, compute: Compute, edit: Callable[..., None]
) -> None:
    edit(face_size=16)
    with pytest.raises(ModelError, match=r"face\.safetensors: the file is missing"):
        load_model(folder, compute)


def test_the_face_of_an_older_training_is_taken_away(folder: Path) -> None:
    (folder / "face.safetensors").write_bytes(b"of an older training")
    performer = build_network(DRAFT.phases[0].network, torch.Generator())
    write_model(folder, read_facts(folder), performer, None, np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert not (folder / "face.safetensors").exists()


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, compute: Compute) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(tmp_path, compute)
    assert str(caught.value) == (
        f"{tmp_path}: no model.json; expected a model folder that `understudy train` wrote. Check the path."
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"kind": "portrait"},
            "a model of kind 'portrait'; expected kind 'dance'. It is a head's: give it to `understudy portrait`.",
        ),
        ({"version": 2}, "model version 2; expected version 1. Train the model again."),
        ({"style": {"version": 7}}, "stick figure format 7; expected format 1. Train the model again."),
        ({"style": None}, "stick figure format None; expected format 1. Train the model again."),
        ({"face_size": "large"}, "face_size: "),
    ],
)
def test_a_model_of_another_kind_is_refused(
    folder: Path, edit: Callable[..., None], fields: dict[str, Any], message: str
) -> None:
    edit(**fields)
    with pytest.raises(ModelError) as caught:
        read_facts(folder)
    assert str(caught.value).startswith(f"{folder / 'model.json'}: {message}")


@pytest.mark.parametrize("text", ["", "{", "[1]", "\0\1"])
def test_a_model_json_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.json: no JSON; expected the file as training wrote it"):
        read_facts(folder)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"network": "transformer"},
            "there is no 'transformer'; expected one of draft, enhancer, global, light-portrait",
        ),
        ({"network_config": {"layers": 3}}, "layers"),
        ({"network_config": {"blocks": 0}}, "DraftConfig.blocks is 0"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(
    folder: Path, compute: Compute, edit: Callable[..., None], fields: dict[str, Any], reason: str
) -> None:
    edit(**fields)
    with pytest.raises(ModelError, match=rf"model\.json: the network cannot be built \(.*{reason}"):
        load_model(folder, compute)


def test_weights_that_do_not_fit_the_network_are_refused(
    folder: Path, compute: Compute, edit: Callable[..., None]
) -> None:
    edit(network_config={"base_channels": 16, "halvings": 2, "blocks": 1})
    with pytest.raises(ModelError, match=r"weights\.safetensors: the weights do not fit"):
        load_model(folder, compute)


def test_a_copy_is_a_whole_model_and_replaces_nothing_unasked(model_folder: Path, tmp_path: Path) -> None:
    copy_model(model_folder, tmp_path / "copy", overwrite=False)
    assert read_facts(tmp_path / "copy") == read_facts(model_folder)
    assert load_model(tmp_path / "copy", Compute()).facts.parts.keys() == PARTS
    with pytest.raises(OutputExists):
        copy_model(model_folder, tmp_path / "copy", overwrite=False)
