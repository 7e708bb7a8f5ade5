"""The main job on the first frames of the samples: it runs, reuses what it did, and keeps time and sound."""

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline import artifacts
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import ModelError, OutputExists, StorageError, TrackError, TrainingError
from pipeline.video import Encoding, probe, probe_sound, read_video
from stages.model_folder import copy_model, read_facts
from stages.provenance.consent import stated_by_oneself, stated_in
from stages.provenance.verify import SAME, verify

if TYPE_CHECKING:
    from flows.dance import Film, RenderSettings, TrainSettings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

CHUNK = 8  # frames: three chunks for the 20 frames of the source


@dataclass(frozen=True)
class Stage:
    """One workspace with a first film in it."""

    engine: Engine
    workspace: Workspace
    source: Path
    target: Path
    film: Path
    model: FileRef


def settings(crf: int = 18) -> "tuple[TrainSettings, RenderSettings]":
    """Three steps of training, chunks of eight frames."""
    from flows.dance import RenderSettings, TrainSettings
    from stages.training.phases import Budget
    from stages.training.presets import preset_named

    training = TrainSettings(preset=preset_named("draft", "everybody-dance-now"), budget=Budget(steps=3))
    return training, RenderSettings(chunk_frames=CHUNK, encoding=Encoding(crf=crf))


def run_dance(
    engine: Engine,
    workspace: Workspace,
    source: Path,
    target: Path,
    output: Path,
    *,
    overwrite: bool = True,
    crf: int = 18,
) -> "Film":
    """The whole flow, imported only now: Prefect reads its settings when it is imported."""
    from flows.dance import dance_flow

    training, rendering = settings(crf)
    clips = FileRef.of(source), FileRef.of(target)
    return engine.run(lambda: dance_flow(*clips, output, training, rendering, Compute(), workspace, overwrite))


@pytest.fixture(scope="module")
def stage(engine: Engine, clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    root = tmp_path_factory.mktemp("dance")
    workspace, film = Workspace(root / "runs"), root / "film.mp4"
    made = run_dance(engine, workspace, *clips, film)
    return Stage(engine, workspace, *clips, film, made.model)


def times_of(film: Path) -> list[object]:
    with read_video(film) as video:
        return [frame.time for frame in video]


def stamps(folder: Path, suffix: str) -> dict[str, int]:
    """When each artifact was last written: what is reused keeps its stamp."""
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob(f"*{suffix}")}


def test_the_film_has_the_sources_frames_and_times_and_the_targets_size(stage: Stage) -> None:
    assert times_of(stage.film) == times_of(stage.source)
    made, target = probe(stage.film), probe(stage.target)
    assert (made.width, made.height) == (target.width, target.height)


def test_the_film_has_the_sources_sound(stage: Stage) -> None:
    (sound,), (original,) = probe_sound(stage.film), probe_sound(stage.source)
    assert sound.codec == original.codec
    assert abs(sound.start - original.start) < 1 / 40  # one packet of AAC


def test_the_same_command_twice_does_nothing_twice(stage: Stage) -> None:
    kinds = ("tracks", "clips", "models", "retargeted", "segments")
    before = [stamps(stage.workspace.root / kind, "") for kind in kinds]
    assert all(before)
    run_dance(stage.engine, stage.workspace, stage.source, stage.target, stage.film)
    assert [stamps(stage.workspace.root / kind, "") for kind in kinds] == before


def test_a_second_source_does_not_train_again(stage: Stage, other_source: Path, tmp_path: Path) -> None:
    before = stamps(stage.workspace.root / "models", ".safetensors")
    run_dance(stage.engine, stage.workspace, other_source, stage.target, tmp_path / "film.mp4")
    assert stamps(stage.workspace.root / "models", ".safetensors") == before
    assert times_of(tmp_path / "film.mp4") == times_of(other_source)


def test_a_moved_clip_is_known_by_its_content(stage: Stage, tmp_path: Path) -> None:
    before = stamps(stage.workspace.root / "tracks", ".npz")
    moved = Path(shutil.copy(stage.source, tmp_path / "renamed.mp4"))
    run_dance(stage.engine, stage.workspace, moved, stage.target, tmp_path / "film.mp4")
    assert stamps(stage.workspace.root / "tracks", ".npz") == before


def test_a_lost_segment_is_rendered_again_and_the_film_is_the_same(stage: Stage, tmp_path: Path) -> None:
    segments = sorted((stage.workspace.root / "segments").glob("*.mp4"))
    segments[0].unlink()
    again = tmp_path / "again.mp4"
    run_dance(stage.engine, stage.workspace, stage.source, stage.target, again)
    with read_video(stage.film) as first, read_video(again) as second:
        assert all((one.image == two.image).all() for one, two in zip(first, second, strict=True))


def test_a_render_that_died_goes_on_at_the_chunk_it_died_in(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import tasks

    rendered: list[int] = []
    render = tasks.render_stretch

    def dies_once(*args: Any, **kwargs: Any) -> object:
        rendered.append(args[2].start)
        if rendered == [0, 8]:
            raise KeyboardInterrupt("the machine went away")  # which is not tried again
        return render(*args, **kwargs)

    monkeypatch.setattr(tasks, "render_stretch", dies_once)
    film, other_quality = tmp_path / "film.mp4", 30  # which nothing was rendered in before
    with pytest.raises(KeyboardInterrupt, match="the machine went away"):
        run_dance(stage.engine, stage.workspace, stage.source, stage.target, film, crf=other_quality)
    assert not film.exists()
    run_dance(stage.engine, stage.workspace, stage.source, stage.target, film, crf=other_quality)
    assert rendered == [0, 8, 8, 16]
    assert times_of(film) == times_of(stage.source)


def test_a_taken_output_is_refused_before_any_work(stage: Stage) -> None:
    with pytest.raises(OutputExists, match=r"film\.mp4: the file is there already.*--overwrite"):
        run_dance(stage.engine, stage.workspace, stage.source, stage.target, stage.film, overwrite=False)


def test_nobody_in_the_source_is_found_out_before_training(stage: Stage, empty_room: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs")
    with pytest.raises(TrackError, match="no person was found in any of the 12 frames"):
        run_dance(stage.engine, workspace, empty_room, stage.target, tmp_path / "film.mp4")
    assert not (workspace.root / "models").exists()
    assert not (tmp_path / "film.mp4").exists()


def test_a_target_too_short_to_learn_from_is_refused(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"red\.mp4: the person is seen in 20 frames; expected at least 48"):
        run_dance(stage.engine, stage.workspace, stage.source, stage.source, tmp_path / "film.mp4")


def test_a_model_folder_of_another_kind_is_refused(stage: Stage, tmp_path: Path) -> None:
    from flows.dance import render_flow

    folder = Path(shutil.copytree(stage.model.path.parent, tmp_path / "model"))
    text = (folder / "model.json").read_text().replace('"kind": "dance"', '"kind": "portrait"')
    (folder / "model.json").write_text(text)
    _, rendering = settings()
    source, model = FileRef.of(stage.source), FileRef.of(folder / "model.json")
    with pytest.raises(ModelError, match="a model of kind 'portrait'; expected kind 'dance'"):
        stage.engine.run(
            lambda: render_flow(source, model, tmp_path / "film.mp4", rendering, Compute(), stage.workspace)
        )


def test_a_full_disk_says_so_and_leaves_no_film(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(artifacts, "_flush", full)
    with pytest.raises(StorageError, match="the disk is full; expected room for the output"):
        run_dance(stage.engine, stage.workspace, stage.source, stage.target, tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_film_names_what_it_was_made_of_and_is_signed(stage: Stage) -> None:
    found = verify(stage.film)
    assert (found.state, found.work, found.consent, found.sidecar) == ("intact", "dance", "no record", SAME)
    made = {part.role: part.sha256 for part in found.made_of}
    assert (made["source"], made["target"]) == (FileRef.of(stage.source).sha256, FileRef.of(stage.target).sha256)
    assert made["model"] == stage.model.sha256


def test_what_is_said_of_consent_goes_with_the_model_and_trains_nothing_again(stage: Stage, tmp_path: Path) -> None:
    from flows.dance import RenderSettings, train_dance_flow
    from flows.delivering import PLAIN
    from flows.proof.provenance import dance_origin

    (tmp_path / "ann.pdf").write_bytes(b"I agree")
    stated, mine = stated_in(tmp_path / "ann.pdf"), stated_by_oneself()
    given = (FileRef.of(stage.target), settings()[0], Compute(), stage.workspace)
    for name, consent in (("ann", stated), ("self", mine)):
        before = stamps(stage.workspace.root / "models", ".safetensors")
        model = stage.engine.run(lambda consent=consent: train_dance_flow(*given, consent))
        assert model == stage.model and stamps(stage.workspace.root / "models", ".safetensors") == before
        copy_model(model.path.parent, tmp_path / name, overwrite=False)
        assert read_facts(tmp_path / name).consent == consent
    source = FileRef.of(stage.source)
    assert dance_origin(source, stage.model, RenderSettings(), PLAIN).consent == mine
    carried = dance_origin(source, FileRef.of(tmp_path / "ann" / "model.json"), RenderSettings(), PLAIN)
    assert (carried.consent, carried.ingredients[2].name) == (stated, "ann/model.json")
    (stage.model.path.parent / "consent.json").unlink()  # the others' films say nothing
