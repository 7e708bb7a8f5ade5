"""`understudy evaluate`: numbers and tables as files, reused the second time; what does not go together is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.commands.clips import evaluate
from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import WeightsMissing
from pipeline.image import resize
from pipeline.video import LOSSLESS, read_video, write_video

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SAMPLE = Path(__file__).parents[2] / "sample_videos" / "red_dance.mp4"
FRAMES = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first frames at half size."""
    output = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with read_video(SAMPLE, stop_index=FRAMES) as video:
        width, height = video.info.width // 2, video.info.height // 2
        info = replace(video.info, path=output, width=width, height=height)
        with write_video(output, info, encoding=LOSSLESS) as film:
            for frame in video:
                film.write(replace(frame, image=resize(frame.image, width, height)))
    return output


def test_an_evaluation_writes_what_is_asked_for_and_is_reused(engine: Engine, clip, tmp_path, capsys):
    from flows.evaluate import EvaluationSettings, evaluate_flow, score_alone_flow, score_flow
    from flows.proof.evaluation_files import metric_weights, write_evaluation
    from stages.tracking.pose import TrackerConfig

    films, workspace, tracker = (FileRef.of(clip),) * 2, Workspace(tmp_path / "runs"), TrackerConfig()
    settings = EvaluationSettings(weights=metric_weights(str(tmp_path)))
    found = engine.run(lambda: score_flow(*films, tracker, settings, workspace))
    files = {"json_file": tmp_path / "a.json", "csv_file": tmp_path / "a.csv", "plots": tmp_path / "plots"}
    write_evaluation(found, "clip.mp4", **files)
    numbers = json.loads((tmp_path / "a.json").read_text())
    assert (numbers["frames"], numbers["psnr_db"], numbers["jitter_ratio"]) == (FRAMES, 100, 1)
    assert [line.split(":")[0] for line in numbers["not_measured"]] == ["lpips", "fid", "video_distance_r3d18"]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + FRAMES
    assert (tmp_path / "plots" / "scores.png").read_bytes()[1:4] == b"PNG"
    assert re.search(r"Worst moment 1: \d\.\d\d–0\.25 s, ", capsys.readouterr().err)

    again = engine.run(lambda: score_flow(*films, tracker, settings, workspace))
    assert (again.comparison, again.files) == (found.comparison, found.files)
    assert "Scoring" not in capsys.readouterr().err
    total = engine.run(lambda: evaluate_flow(*films, tracker, workspace))
    assert replace(total, not_measured=found.comparison.not_measured) == found.comparison
    alone = engine.run(lambda: score_alone_flow(*films, None, tracker, EvaluationSettings(), workspace))
    assert (alone.comparison.frames, alone.comparison.warp_error_ratio) == (FRAMES, 1)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "give --against TRUTH, or --source SOURCE where there is no truth"),
        (("--against", "a.mp4", "--source", "b.mp4"), "give --against TRUTH, or --source SOURCE"),
        (("--against", "a.mp4", "--track", "t.npz"), "--track goes with --source, and with a body"),
        (("--source", "a.mp4", "--held-out", "--between", "1-2"), "give --held-out or --between, not both"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(options: tuple[str, ...], complaint: str):
    app = typer.Typer()
    app.command()(evaluate)
    ended = CliRunner().invoke(app, ["film.mp4", *options], env={"COLUMNS": "200"})
    assert ended.exit_code == 2 and complaint in ended.output


def test_a_folder_of_weights_that_is_not_there_is_named(engine: Engine, tmp_path: Path):
    from flows.proof.evaluation_files import metric_weights

    assert metric_weights("none") is None
    with pytest.raises(WeightsMissing, match="nowhere: there is no such folder; expected a folder with the weights"):
        metric_weights(str(tmp_path / "nowhere"))
