"""A translator's folder: what was trained is what is read, either way; anything else is refused and named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_looks import PAIRED, STORE, UNPAIRED, day_pictures, dusk_of, save_clip

from models.checkpoint import save_weights
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import ModelError, OutputExists, UnknownChoice
from stages.model_folder import read_facts
from stages.training.phases import Budget
from stages.training.picture_store import prepare_pairs, prepare_pictures
from stages.training.train_translate import teach_motion, train_translate
from stages.training.translate_networks import build_translator
from stages.translate_model import copy_translator, load_translator, read_translate_facts, write_translator

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Compute("cpu", "float32", 0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return save_clip(folder / "day.mkv", day_pictures()), save_clip(folder / "dusk.mkv", dusk_of(day_pictures()))


@pytest.fixture(scope="module")
def trained(clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """CycleGAN after three steps."""
    folder = tmp_path_factory.mktemp("translator")
    for name, clip in zip("ab", clips, strict=True):
        prepare_pictures([clip], STORE, folder / name)
        teach_motion(folder / name, UNPAIRED, folder / f"flow-{name}")
    flows = {f"flow_{name}": folder / f"flow-{name}" for name in "ab"}
    train_translate(folder / "a", folder / "b", UNPAIRED, Budget(steps=3), CPU, folder / "model", **flows)
    return folder / "model"


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    shutil.copytree(trained, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def edit(folder: Path) -> Callable[..., None]:
    """Change fields of model.json."""

    def change(**fields: Any) -> None:
        facts = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(facts | fields))

    return change


def test_it_knows_what_it_was_made_of(trained: Path, clips: tuple[Path, Path]) -> None:
    facts = read_translate_facts(trained)
    assert (facts.method, facts.preset, facts.network, facts.stride) == ("cyclegan", "tiny", "resnet", 4)
    assert facts.directions == ("a-to-b", "b-to-a")
    assert (facts.a.name, facts.b.name) == ("day.mkv", "dusk.mkv")
    assert facts.a.sha256 == (FileRef.of(clips[0]).sha256,)
    assert (facts.a.pictures, facts.a.width, facts.a.height) == (10, 60, 40)
    assert set(facts.parts) == {"a_to_b.safetensors", "b_to_a.safetensors"}
    assert {path.name for path in trained.iterdir()} == {*facts.parts, "model.json", "training"}
    assert not list((trained / "training").glob("*.safetensors"))
    assert (trained / "training" / "cyclegan.csv").read_text().count("\n") == 3


def test_either_direction_is_loaded_ready_to_translate(trained: Path) -> None:
    picture = torch.rand(1, 3, 32, 48) * 2 - 1
    painted = []
    for direction in ("a-to-b", "b-to-a"):
        loaded = load_translator(trained, CPU, direction=direction)  # type: ignore[arg-type]  # two of its words
        assert loaded.direction == direction and not loaded.generator.training
        with torch.inference_mode():
            painted.append(loaded.generator(picture))
    assert painted[0].shape == picture.shape and not torch.equal(*painted)


def test_trained_on_pairs_it_knows_one_direction(clips: tuple[Path, Path], tmp_path: Path) -> None:
    prepare_pairs(*clips, STORE, tmp_path / "pairs")
    stores = (tmp_path / "pairs" / name for name in "ab")
    train_translate(*stores, PAIRED, Budget(steps=1), CPU, tmp_path / "model")
    assert load_translator(tmp_path / "model", CPU).facts.method == "pix2pix"
    with pytest.raises(UnknownChoice, match="direction: there is no 'b-to-a'; expected one of a-to-b"):
        load_translator(tmp_path / "model", CPU, direction="b-to-a")


def test_what_is_written_is_what_is_read(trained: Path, tmp_path: Path) -> None:
    facts = replace(read_translate_facts(trained), consent="Ann, 2026-01-02")
    generator = build_translator(UNPAIRED.generator, torch.Generator().manual_seed(1))
    write_translator(tmp_path, facts, {"b-to-a": generator})
    loaded = load_translator(tmp_path, CPU, direction="b-to-a")
    assert loaded.facts.consent == "Ann, 2026-01-02" and loaded.facts.directions == ("b-to-a",)
    weights = loaded.generator.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in generator.state_dict().items())


def test_folders_of_another_kind_or_version_are_refused(folder: Path, edit: Callable[..., None]) -> None:
    with pytest.raises(ModelError, match="a model of kind 'translate'; expected kind 'dance'"):
        read_facts(folder)
    edit(kind="dance")
    with pytest.raises(ModelError, match=r"kind 'dance'; expected kind 'translate'\. .* `understudy render`"):
        load_translator(folder, CPU)
    edit(kind="translate", version=2)
    with pytest.raises(ModelError, match="model version 2; expected version 1"):
        load_translator(folder, CPU)
    with pytest.raises(ModelError, match=r"no model\.json"):
        load_translator(folder / "training", CPU)


def test_damaged_missing_or_foreign_weights_are_refused(folder: Path, edit: Callable[..., None]) -> None:
    path = folder / "a_to_b.safetensors"
    save_weights(build_translator(PAIRED.generator, torch.Generator()), path)
    with pytest.raises(ModelError, match=r"a_to_b\.safetensors: the file is not the one that model\.json names"):
        load_translator(folder, CPU)
    edit(parts={path.name: FileRef.of(path).sha256})
    with pytest.raises(ModelError, match=r"a_to_b\.safetensors: .*missing"):  # of another family
        load_translator(folder, CPU)
    path.write_bytes(b"no weights")
    edit(parts={path.name: FileRef.of(path).sha256})
    with pytest.raises(ModelError, match="the weights are damaged"):
        load_translator(folder, CPU)
    path.unlink()
    with pytest.raises(ModelError, match="the file is missing"):
        load_translator(folder, CPU)


@pytest.mark.parametrize("fields", [{"network": "transformer"}, {"network_config": {"blocks": -1}}])
def test_a_network_that_cannot_be_built_is_refused(
    folder: Path, edit: Callable[..., None], fields: dict[str, Any]
) -> None:
    edit(**fields)
    with pytest.raises(ModelError, match="the network cannot be built"):
        load_translator(folder, CPU)


def test_a_copy_is_whole_and_replaces_nothing_unasked(trained: Path, tmp_path: Path) -> None:
    copy_translator(trained, tmp_path / "copy", overwrite=False)
    assert load_translator(tmp_path / "copy", CPU).facts == read_translate_facts(trained)
    assert (tmp_path / "copy/training/cyclegan.csv").exists()
    with pytest.raises(OutputExists):
        copy_translator(trained, tmp_path / "copy", overwrite=False)
