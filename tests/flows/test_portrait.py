"""Portraits on the first frames of the samples: they run, reuse what was done, keep time and sound, pass on heads."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import ModelError, OutputExists, TrackError
from pipeline.video import LOSSLESS, probe, probe_sound, read_video

if TYPE_CHECKING:
    from flows.portrait import PortraitFilm, PortraitRendering
    from stages.retargeting.face_edits import FaceEdits

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

CHUNK = 10  # frames: three chunks for the 26 frames of the source
KINDS = ("tracks", "faces", "clips", "models", "retargeted", "segments")


@dataclass(frozen=True)
class Stage:
    """One workspace with a first film in it."""

    engine: Engine
    workspace: Workspace
    source: Path
    target: Path
    film: Path
    model: FileRef

    def run(self, source: Path | None, target: Path | None, output: Path, **changes: Any) -> "PortraitFilm":
        return run_portrait(self.engine, self.workspace, source, target, output, **changes)


def rendering(**changes: Any) -> "PortraitRendering":
    from flows.portrait import PortraitRendering

    return replace(PortraitRendering(chunk_frames=CHUNK, encoding=LOSSLESS), **changes)


def run_portrait(
    engine: Engine,
    workspace: Workspace,
    source: Path | None,
    target: Path | None,
    output: Path,
    *,
    model: FileRef | None = None,
    overwrite: bool = True,
    mosaic: Path | None = None,
    steps: int = 2,
    **changes: Any,
) -> "PortraitFilm":
    """The whole flow, a few steps of training; imported only now: Prefect reads its settings when it is imported."""
    from flows.portrait import PortraitTraining, portrait_flow
    from stages.training.phases import Budget

    training = PortraitTraining(budget=Budget(steps=steps))
    clips = [None if clip is None else FileRef.of(clip) for clip in (source, target)]
    how = rendering(**changes)
    return engine.run(
        lambda: portrait_flow(*clips, model, output, training, how, Compute(), workspace, overwrite, mosaic)
    )


@pytest.fixture(scope="module")
def stage(engine: Engine, heads: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    root = tmp_path_factory.mktemp("portrait")
    workspace, film = Workspace(root / "runs"), root / "film.mp4"
    made = run_portrait(engine, workspace, *heads, film)
    return Stage(engine, workspace, *heads, film, made.model)


def times_of(film: Path) -> list[object]:
    with read_video(film) as video:
        return [frame.time for frame in video]


def size_of(film: Path) -> tuple[int, int]:
    info = probe(film)
    return info.width, info.height


def pictures_of(film: Path) -> list[Any]:
    with read_video(film) as video:
        return [frame.image for frame in video]


def stamps(folder: Path, suffix: str = "") -> dict[str, int]:
    """When each artifact was last written: what is reused keeps its stamp."""
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob(f"*{suffix}")}


def slid(**words: str) -> "FaceEdits":
    from stages.retargeting.edits_file import parse_edits

    return parse_edits(**words)


def test_the_film_has_the_sources_frames_times_and_sound_and_the_targets_size(stage: Stage) -> None:
    assert times_of(stage.film) == times_of(stage.source)
    assert size_of(stage.film) == size_of(stage.target)
    (sound,), (original,) = probe_sound(stage.film), probe_sound(stage.source)
    assert sound.codec == original.codec
    assert abs(sound.start - original.start) < 1 / 40  # one packet of AAC


def test_the_same_command_twice_does_nothing_twice(stage: Stage) -> None:
    before = [stamps(stage.workspace.root / kind) for kind in KINDS]
    assert all(before)
    stage.run(stage.source, stage.target, stage.film)
    assert [stamps(stage.workspace.root / kind) for kind in KINDS] == before


def test_a_film_in_chunks_is_the_film_in_one(stage: Stage, tmp_path: Path) -> None:
    stage.run(stage.source, stage.target, tmp_path / "whole.mp4", chunk_frames=240)
    whole, parts = pictures_of(tmp_path / "whole.mp4"), pictures_of(stage.film)
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_behind_a_cut_a_film_is_painted_like_one_that_begins_there(stage: Stage, tmp_path: Path) -> None:
    from stages.portrait_model import load_portrait
    from stages.rendering.render import Stretch
    from stages.rendering.render_portrait import IntoStill, portrait_info, render_portrait_stretch

    compute = Compute()
    model = load_portrait(stage.model.path.parent, compute)
    setting = IntoStill(model.still)
    info = portrait_info(model, setting, probe(stage.target))

    def painted(cut: int, first: int) -> list[Any]:
        shot = (np.arange(len(model.performance)) >= cut).astype(np.int32)
        performance, path = replace(model.performance, shot=shot), tmp_path / f"{cut}-{first}.mp4"
        render_portrait_stretch(model, performance, Stretch(first, 24), setting, info, path, compute, encoding=LOSSLESS)
        return pictures_of(path)[20 - first :]

    begun, joined, uncut = painted(20, 20), painted(20, 16), painted(0, 16)
    assert np.array_equal(joined, begun)
    assert not np.array_equal(uncut, begun)


def test_a_render_that_died_goes_on_at_the_chunk_it_died_in(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import portrait_tasks

    rendered: list[int] = []
    render = portrait_tasks.render_portrait_stretch

    def dies_once(*args: Any, **kwargs: Any) -> object:
        rendered.append(args[2].start)
        if rendered == [0, 10]:
            raise KeyboardInterrupt("the machine went away")  # which is not tried again
        return render(*args, **kwargs)

    monkeypatch.setattr(portrait_tasks, "render_portrait_stretch", dies_once)
    film, other = tmp_path / "film.mp4", replace(LOSSLESS, crf=1)  # which nothing was rendered in before
    with pytest.raises(KeyboardInterrupt, match="the machine went away"):
        stage.run(stage.source, stage.target, film, encoding=other)
    assert not film.exists()
    stage.run(stage.source, stage.target, film, encoding=other)
    assert rendered == [0, 10, 10, 20]
    assert times_of(film) == times_of(stage.source)


def test_a_head_that_is_its_own_source_moves_as_in_training_to_the_bit(stage: Stage, tmp_path: Path) -> None:
    from stages.retargeting.performance_file import load_performance
    from stages.retargeting.reenact import ReenactConfig

    how = {"reenactment": ReenactConfig(mode="absolute"), "onto": "still"}
    made = stage.run(stage.target, stage.target, tmp_path / "own.mp4", **how)
    again = stage.run(stage.target, None, tmp_path / "again.mp4", model=stage.model, **how)
    own = load_performance(stage.model.path.parent / "performance.npz")
    for moved in (made.scene.moved, again.scene.moved):
        performance = load_performance(moved.performance.path)
        for field in ("rotation", "translation", "expression", "gaze", "lids"):
            assert np.array_equal(getattr(performance, field), getattr(own, field)), field


def test_sliders_move_the_targets_own_film_without_a_source_and_without_training(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import portrait_tasks
    from stages.retargeting.performance_file import load_performance
    from stages.retargeting.reenact import ReenactConfig

    monkeypatch.setattr(portrait_tasks, "train_portrait", None)
    made = stage.run(None, stage.target, tmp_path / "gaze.mp4", reenactment=ReenactConfig(edits=slid(gaze="0.05,0")))
    assert times_of(tmp_path / "gaze.mp4") == times_of(stage.target)
    own = load_performance(stage.model.path.parent / "performance.npz")
    moved = load_performance(made.scene.moved.performance.path)
    assert (moved.gaze[:, 0] > own.gaze[:, 0]).any()
    assert np.array_equal(moved.rotation, own.rotation)


def test_a_trained_head_needs_no_target_and_goes_into_its_still_or_the_source(stage: Stage, tmp_path: Path) -> None:
    for onto, like in (("still", stage.target), ("source", stage.source)):
        film = tmp_path / f"{onto}.mp4"
        stage.run(stage.source, None, film, model=stage.model, onto=onto)
        assert times_of(film) == times_of(stage.source)
        assert size_of(film) == size_of(like)


def test_another_clip_than_the_models_is_refused(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"red\.mp4: this is not the clip that the model was .* expected blue\.mp4"):
        stage.run(stage.source, stage.source, tmp_path / "film.mp4", model=stage.model)


def test_a_dancers_model_is_refused(stage: Stage, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stage.model.path.parent, tmp_path / "model"))
    text = (folder / "model.json").read_text().replace('"kind": "portrait"', '"kind": "dance"')
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"a model of kind 'dance'; expected kind 'portrait'\. It is a dancer"):
        stage.run(stage.source, None, tmp_path / "film.mp4", model=FileRef.of(folder / "model.json"), onto="still")


def test_the_mosaic_shows_four_films_of_the_sources_length(stage: Stage, tmp_path: Path) -> None:
    stage.run(stage.source, stage.target, stage.film, mosaic=tmp_path / "mosaic.mp4")
    width = sum(2 * round(size_of(clip)[0] * 480 / size_of(clip)[1] / 2) for clip in (stage.source, stage.target))
    assert size_of(tmp_path / "mosaic.mp4") == (2 * width, 480 + 32)
    assert times_of(tmp_path / "mosaic.mp4") == times_of(stage.source)


@pytest.mark.parametrize("taken", ["output", "mosaic"])
def test_a_taken_output_is_refused_before_any_work(stage: Stage, tmp_path: Path, taken: str) -> None:
    paths = {"output": tmp_path / "film.mp4", "mosaic": tmp_path / "mosaic.mp4"}
    paths[taken].touch()
    with pytest.raises(OutputExists, match=r"the file is there already.*--overwrite"):
        stage.run(stage.source, stage.target, paths["output"], mosaic=paths["mosaic"], overwrite=False)


def test_a_source_without_a_face_is_found_out_before_training(stage: Stage, empty_room: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs")
    with pytest.raises(TrackError, match="no face"):
        run_portrait(stage.engine, workspace, empty_room, stage.target, tmp_path / "film.mp4")
    assert not (workspace.root / "models").exists()
    assert not (tmp_path / "film.mp4").exists()


def test_what_a_target_lacks_is_said_before_it_is_trained(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import portrait_tasks

    def no_training(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt("training begins")

    monkeypatch.setattr(portrait_tasks, "train_portrait", no_training)
    with pytest.raises(KeyboardInterrupt, match="training begins"):
        stage.run(stage.source, stage.target, tmp_path / "film.mp4", steps=1)  # which nothing was trained for before
    said = " ".join(capsys.readouterr().err.split())
    assert "blue.mp4: 52 frames, 52 tracked" in said
    assert "will look wrong" in said
    assert "Borrowed from the source, relative: pose, expression, gaze, lids." in said


def test_a_face_is_tracked_and_drawn_by_the_track_command(stage: Stage, tmp_path: Path) -> None:
    from flows.track import track_face_flow
    from stages.tracking.face import FaceTrackerConfig
    from stages.tracking.face_track_file import load_face_track

    output, overlay = tmp_path / "face.npz", tmp_path / "face.mp4"
    clip, follow = FileRef.of(stage.source), FaceTrackerConfig()
    line = stage.engine.run(lambda: track_face_flow(clip, output, overlay, follow, stage.workspace))
    assert line.startswith("red.mp4: 26 frames, 26 tracked")
    assert len(load_face_track(output)) == 26
    assert times_of(overlay) == times_of(stage.source)
    assert probe_sound(overlay)


def test_the_state_of_a_network_that_remembers_conditions_alone_comes_back_exactly(tmp_path: Path) -> None:
    import torch

    from models.performance import Memory
    from stages.rendering.generate import load_state, save_state

    memory = Memory((), torch.randn(1, 90, 8, 8, generator=torch.Generator().manual_seed(1)), empty=False)
    save_state(tmp_path / "state.safetensors", memory)
    again = load_state(tmp_path / "state.safetensors")
    assert again.pictures == () and torch.equal(again.conditions, memory.conditions) and again.empty is False
