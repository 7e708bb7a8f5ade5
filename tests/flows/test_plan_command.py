"""`understudy plan`: findings first, then the plan, then the command that trains so; status 1 only where none would."""

import io
import json
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from flows import cli
from flows.commands import clips as clip_commands
from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from stages.tracking.pose import TrackerConfig
from stages.training.footage import Finding, Footage, Verdict

if TYPE_CHECKING:
    from flows.plan import Prospect

DANCE = "everybody-dance-now"
COMPUTE = Compute("cpu", "float32")


def plan_of(engine: Engine, workspace: Path, clip: Path) -> "Prospect":
    """Planned for a GPU that is not here; the flow is imported only now: Prefect reads its settings on import."""
    from flows.plan import plan_flow

    place, seen = Workspace(workspace), FileRef.of(clip)
    return engine.run(lambda: plan_flow(seen, TrackerConfig(), COMPUTE, place, vram=2.0, method=DANCE))


def shown(prospect: "Prospect") -> str:
    from flows.plan import show

    with redirect_stdout(io.StringIO()) as page:
        show(prospect)
    return page.getvalue()


def told(prospect: "Prospect", path: Path) -> dict[str, object]:
    """The record as a strict reader reads it."""
    from flows.plan import write_record

    write_record(prospect, path)
    record: dict[str, object] = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return record


def test_a_plan_for_a_card_that_is_not_here_ends_with_a_command_that_exists(
    engine: Engine, clips: tuple[Path, Path], tmp_path: Path
):
    prospect = plan_of(engine, tmp_path / "runs", clips[1])
    page = shown(prospect)
    assert page.startswith("blue.mp4: 64 frames, 2.1 seconds")
    assert page.index("length") < page.index("Plan for a GPU of 2 GiB") < page.index("understudy train dance")
    assert "not measured on this machine; assumed: 4 to 40 TFLOP/s" in page
    command = shlex.split(page.splitlines()[-1])
    train = typer.main.get_command(cli.app).commands["train"].commands["dance"]  # type: ignore[attr-defined]
    known = {option for parameter in train.params for option in parameter.opts}
    assert {word for word in command if word.startswith("-")} <= known
    assert command[:4] == ["understudy", "train", "dance", str(clips[1])]
    record = told(prospect, tmp_path / "plan.json")
    assert (record["trainable"], record["command"]) == (True, page.splitlines()[-1])
    assert record["plan"]["preset"] == "draft"  # type: ignore[index]


def test_footage_that_cannot_be_trained_on_is_shown_and_then_refused(
    engine: Engine, clips: tuple[Path, Path], tmp_path: Path
):
    prospect = plan_of(engine, tmp_path / "runs", clips[0])
    assert prospect.plan is None
    with pytest.raises(TrainingError, match="length: 20 frames with the person") as refused:
        shown(prospect)
    assert refused.value.remedy == "Film for a minute or more, in one take."
    assert told(prospect, tmp_path / "plan.json")["plan"] is None


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """Run the command line in this process: exit status, standard error."""
    monkeypatch.setattr(sys, "argv", ["understudy", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().err


def test_an_unknown_method_is_refused_before_the_clip_is_tracked(
    engine: Engine,
    clips: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(clip_commands, "bring_up", lambda ctx, workspace: (engine, Workspace(tmp_path / "runs")))
    status, said = run(capsys, monkeypatch, "plan", str(clips[1]), "--method", "pix2pix")
    assert (status, said.count("\n")) == (1, 1)
    assert "there is no 'pix2pix'" in said
    assert not (tmp_path / "runs/tracks").exists()


@pytest.mark.parametrize("words", [("--vram", "0"), ("--minutes", "-1")])
def test_nonsense_is_wrong_usage(
    words: tuple[str, ...],
    clips: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    status, said = run(capsys, monkeypatch, "plan", str(clips[1]), *words)
    assert status == 2
    assert "understudy plan" in said


def prospect_of(verdict: Verdict, measured: float) -> "Prospect":
    from flows.plan import Prospect

    finding = Finding(
        name="camera", measured=measured, found="found [so]", limit="limit", verdict=verdict, advice="Do this."
    )
    footage = Footage(frames=3, seconds=0.1, findings=(finding,))
    return Prospect(clip=Path("a.mp4"), footage=footage, machine="m", plan=None, command="")


@pytest.mark.parametrize("measured", [float("nan"), float("inf")])
def test_what_could_not_be_told_is_null_in_the_record(measured: float, engine: Engine, tmp_path: Path):
    (finding,) = told(prospect_of(Verdict.WARN, measured), tmp_path / "a.json")["findings"]  # type: ignore[misc]
    assert (finding["measured"], finding["verdict"]) == (None, "warn")


def test_the_error_of_bad_footage_has_the_finding_its_limit_and_the_advice(engine: Engine):
    with pytest.raises(TrainingError, match=r"a\.mp4: camera: found \[so\]; expected limit\. Do this\."):
        shown(prospect_of(Verdict.BAD, 1.0))
