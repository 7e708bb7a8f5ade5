"""Translation on the first frames of the streets: it learns, reuses what was done, keeps time, sound and size."""

import shutil
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import FilmParked, ModelError, NotApproved, OutputExists, TrainingError, UnknownChoice
from pipeline.values import Frame
from pipeline.video import LOSSLESS, probe, probe_sound, read_video, write_video

if TYPE_CHECKING:
    from flows.translate import TranslateRendering, TranslateTraining

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

CHUNK = 8  # frames: three chunks for the 20 frames of the clip


@dataclass(frozen=True)
class Stage:
    """One workspace with a first film in it."""

    engine: Engine
    workspace: Workspace
    day: Path
    dusk: Path
    film: Path
    model: FileRef

    def train(self, a: list[Path], b: list[Path], **changes: Any) -> FileRef:
        return train(self.engine, self.workspace, a, b, **changes)

    def translate(self, clip: Path, output: Path, *, overwrite: bool = True, **changes: Any) -> FileRef:
        return translate(self.engine, self.workspace, clip, self.model, output, overwrite=overwrite, **changes)


def training(*, paired: bool = False, strict: bool = False, steps: int = 2) -> "TranslateTraining":
    """Two steps on small pictures."""
    from flows.translate import TranslateTraining
    from stages.training.phases import Budget
    from stages.training.picture_store import StoreConfig
    from stages.training.translate_phases import Drawing
    from stages.training.translate_presets import translate_preset

    preset = replace(
        translate_preset("draft", paired=paired), store=StoreConfig(side=72), drawing=Drawing(height=64, width=64)
    )
    return TranslateTraining(preset=preset, budget=Budget(steps=steps), strict=strict)


def rendering(**changes: Any) -> "TranslateRendering":
    from flows.translate import TranslateRendering

    return TranslateRendering(**{"chunk_frames": CHUNK, "encoding": LOSSLESS, **changes})


def train(engine: Engine, workspace: Workspace, a: list[Path], b: list[Path], **changes: Any) -> FileRef:
    """The whole flow, imported only now: Prefect reads its settings when it is imported."""
    from flows.translate import train_translate_flow

    looks = [tuple(FileRef.of(path) for path in paths) for paths in (a, b)]
    settings = training(**changes)
    return engine.run(lambda: train_translate_flow(*looks, settings, Compute(), workspace))


def translate(
    engine: Engine,
    workspace: Workspace,
    clip: Path,
    model: FileRef,
    output: Path,
    *,
    overwrite: bool = True,
    **changes: Any,
) -> FileRef:
    from flows.translate import translate_flow

    source, how = FileRef.of(clip), rendering(**changes)
    return engine.run(lambda: translate_flow(source, model, output, how, Compute(), workspace, overwrite))


@pytest.fixture(scope="module")
def stage(engine: Engine, streets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    root = tmp_path_factory.mktemp("translate")
    workspace, film = Workspace(root / "runs"), root / "film.mp4"
    day, dusk = streets
    model = train(engine, workspace, [day], [dusk])
    translate(engine, workspace, day, model, film)
    return Stage(engine, workspace, day, dusk, film, model)


def times_of(film: Path) -> list[object]:
    with read_video(film) as video:
        return [frame.time for frame in video]


def pictures_of(film: Path) -> list[Any]:
    with read_video(film) as video:
        return [frame.image for frame in video]


def stamps(folder: Path, suffix: str = "") -> dict[str, int]:
    """When each artifact was last written: what is reused keeps its stamp."""
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob(f"*{suffix}")}


def write_stills(clip: Path, folder: Path, count: int) -> Path:
    """Frames of a clip as pictures: every third grey, every fourth with transparency."""
    folder.mkdir()
    for index, picture in enumerate(pictures_of(clip)[:count]):
        image = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        if index % 3 == 0:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        elif index % 4 == 0:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
        cv2.imwrite(str(folder / f"{index:02d}.png"), image)
    return folder


def test_the_film_has_the_clips_frames_times_size_and_sound(stage: Stage) -> None:
    assert times_of(stage.film) == times_of(stage.day)
    made, clip = probe(stage.film), probe(stage.day)
    assert (made.width, made.height) == (clip.width, clip.height)
    (sound,), (original,) = probe_sound(stage.film), probe_sound(stage.day)
    assert sound.codec == original.codec
    assert abs(sound.start - original.start) < 1 / 40  # one packet of AAC


def test_the_same_command_twice_does_nothing_twice(stage: Stage, tmp_path: Path) -> None:
    kinds = ("pictures", "flow", "models", "segments")
    before = [stamps(stage.workspace.root / kind) for kind in kinds]
    assert all(before)
    stage.train([stage.day], [stage.dusk])
    stage.translate(stage.day, stage.film)
    assert [stamps(stage.workspace.root / kind) for kind in kinds] == before


def test_a_film_in_chunks_is_the_film_in_one(stage: Stage, tmp_path: Path) -> None:
    stage.translate(stage.day, tmp_path / "whole.mp4", chunk_frames=240)
    whole, parts = pictures_of(tmp_path / "whole.mp4"), pictures_of(stage.film)
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_a_render_that_died_goes_on_at_the_chunk_it_died_in(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import translate_tasks

    begun: list[int] = []
    render = translate_tasks.translate_stretch

    def dies_once(*args: Any, **kwargs: Any) -> object:
        begun.append(args[3].start)
        if begun == [0, 8]:
            raise KeyboardInterrupt("the machine went away")  # which is not tried again
        return render(*args, **kwargs)

    monkeypatch.setattr(translate_tasks, "translate_stretch", dies_once)
    film, other = tmp_path / "film.mp4", replace(LOSSLESS, crf=1)  # which nothing was translated in before
    with pytest.raises(KeyboardInterrupt, match="the machine went away"):
        stage.translate(stage.day, film, encoding=other)
    assert not film.exists()
    stage.translate(stage.day, film, encoding=other)
    assert begun == [0, 8, 8, 16]
    assert times_of(film) == times_of(stage.day)


def test_without_pairs_the_way_back_is_learnt_as_well(stage: Stage, tmp_path: Path) -> None:
    stage.translate(stage.dusk, tmp_path / "film.mp4", direction="b-to-a", steady=None)
    assert times_of(tmp_path / "film.mp4") == times_of(stage.dusk)


def test_in_tiles_the_film_is_as_long_and_as_large(stage: Stage, tmp_path: Path) -> None:
    stage.translate(stage.day, tmp_path / "film.mp4", tile=64)
    assert times_of(tmp_path / "film.mp4") == times_of(stage.day)
    assert pictures_of(tmp_path / "film.mp4")[0].shape == pictures_of(stage.day)[0].shape


def test_a_folder_of_pictures_is_a_domain_and_what_was_converted_or_skipped_is_said(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_stills(stage.dusk, tmp_path / "stills", 18)
    (folder / "torn.png").write_bytes((folder / "01.png").read_bytes()[:200])
    (folder / "notes.txt").write_text("a walk at dusk")
    stage.train([stage.day], [folder])
    said = "".join(capsys.readouterr().err.split())  # lines are broken at any place
    assert "picturesweregrey:convertedtoRGB" in said
    assert "1filecouldnotbereadandwasskipped" in said and "torn.png" in said
    assert "notes.txt" in said
    with pytest.raises(TrainingError, match=r"torn\.png|notes\.txt"):
        stage.train([stage.day], [folder], strict=True)


def test_pairs_are_learnt_in_one_direction(stage: Stage, tmp_path: Path) -> None:
    truth = tmp_path / "truth.mp4"
    with read_video(stage.day) as video, write_video(truth, video.info) as film:
        for frame in video:
            film.write(replace(frame, image=frame.image // 2))
    paired = replace(stage, model=stage.train([stage.day], [truth], paired=True))
    paired.translate(stage.day, tmp_path / "film.mp4")
    assert times_of(tmp_path / "film.mp4") == times_of(stage.day)
    with pytest.raises(UnknownChoice, match="there is no 'b-to-a'; expected one of a-to-b"):
        paired.translate(stage.day, tmp_path / "back.mp4", direction="b-to-a")


def test_too_few_pictures_are_refused_before_training(stage: Stage, tmp_path: Path) -> None:
    few = write_stills(stage.dusk, tmp_path / "few", 3)
    with pytest.raises(TrainingError, match=r"few: there are 3 pictures; expected at least 16"):
        stage.train([stage.day], [few])


def test_a_model_folder_of_another_kind_is_refused(stage: Stage, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stage.model.path.parent, tmp_path / "model"))
    facts = folder / "model.json"
    facts.write_text(facts.read_text().replace('"kind": "translate"', '"kind": "dance"'))
    with pytest.raises(ModelError, match="a model of kind 'dance'; expected kind 'translate'"):
        replace(stage, model=FileRef.of(facts)).translate(stage.day, tmp_path / "film.mp4")


def test_a_taken_output_is_refused_before_any_work(stage: Stage) -> None:
    with pytest.raises(OutputExists, match=r"film\.mp4: the file is there already.*--overwrite"):
        stage.translate(stage.day, stage.film, overwrite=False)


def test_a_film_that_flickers_more_than_allowed_is_parked_and_its_report_says_so(stage: Stage, tmp_path: Path) -> None:
    from flows.delivering import Delivery
    from flows.proof.gates import Gates
    from flows.translate import translate_flow
    from stages.report.record import read_report

    clip, film, delivery = FileRef.of(stage.day), tmp_path / "film.mp4", Delivery(gates=Gates(max_warp_error_ratio=0))
    given = clip, stage.model, film, rendering(), Compute(), stage.workspace
    with pytest.raises(FilmParked, match=r"flicker: \d+(\.\d+)? times the source's, 0 allowed"):
        stage.engine.run(lambda: translate_flow(*given, delivery=delivery))
    assert not film.exists()
    (run,) = read_report(tmp_path / "parked" / "film.report.html").runs
    (section,) = (section for section in run.facts if section.title == "Gates")
    assert section.rows[0] == ("film", "FAILED: the film was parked, not delivered")
    assert [lane.name for lane in run.lanes] == ["warp error"]


def test_before_a_yes_a_film_is_shown_where_it_begins_and_where_its_clip_changes_most(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clip at one frame a second, standing still but for its last third."""
    from flows.delivering import Delivery
    from flows.translate import translate_flow

    slow, pictures = tmp_path / "slow.mp4", pictures_of(stage.day)
    with write_video(slow, replace(probe(stage.day), path=slow, frame_rate=Fraction(1), time_base=Fraction(1))) as film:
        for index in range(18):
            image = pictures[index] if index >= 14 else pictures[0]
            film.write(Frame(image, Fraction(index), index))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    given = FileRef.of(slow), stage.model, tmp_path / "film.mp4", rendering(), Compute(), stage.workspace
    with pytest.raises(NotApproved, match="there is no terminal to ask on"):
        stage.engine.run(lambda: translate_flow(*given, delivery=Delivery(approve=True)))
    assert times_of(tmp_path / "film.first-look.mp4") == [Fraction(second) for second in range(6)]
    assert (tmp_path / "film.first-look-sheet.png").read_bytes()[1:4] == b"PNG"
    said = " ".join(capsys.readouterr().err.split())
    assert "show 0:00.0 to 0:02.0, and 0:14.0 to 0:16.0, where the clip changes most; that part is painted" in said


def test_chunks_hold_whole_batches() -> None:
    with pytest.raises(ValueError, match="chunk_frames is 10, expected a multiple of 8"):
        rendering(chunk_frames=10)
