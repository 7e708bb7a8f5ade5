"""`understudy evaluate`: numbers and tables as files, reused the second time; what does not go together is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from torchvision.models import alexnet as alexnet_network
from typer.testing import CliRunner

from flows.commands.clips import evaluate
from flows.engine import Engine
from flows.store.workspace import Workspace
from models.inception_features import inception_network
from models.video_features import video_network
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


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """All three files as they are published, but with numbers by chance; one value stands for each tensor's."""
    folder = tmp_path / "weights"
    folder.mkdir()
    alexnet = {name: one for name, one in alexnet_network().state_dict().items() if name.startswith("features.")}
    for name, state in (
        ("alexnet-owt-7be5be79.pth", alexnet),
        ("pt_inception-2015-12-05-6726825d.pth", inception_network().state_dict()),
        ("r3d_18-b3b3357e.pth", video_network().state_dict()),
    ):
        flat = {key: torch.tensor(0.01, dtype=one.dtype).expand(one.shape) for key, one in state.items()}
        torch.save(flat, folder / name)
    return folder


def test_the_command_measures_what_it_has_the_weights_of_and_says_the_rest_in_a_line_each(
    engine: Engine, clip: Path, tmp_path: Path, weights: Path
):
    """Two frames a film: enough for FID, too few for clips."""
    short, app = tmp_path / "short.mp4", typer.Typer()
    with read_video(clip, stop_index=2) as video, write_video(short, replace(video.info, path=short)) as film:
        for frame in video:
            film.write(frame)
    app.command()(evaluate)

    def table(place: Path) -> list[str]:
        options = ["--against", str(short), "--weights", str(place), "--workspace", str(tmp_path / "runs")]
        ended = CliRunner().invoke(app, [str(short), *options, "--device", "cpu"], catch_exceptions=False)
        assert ended.exit_code == 0
        return ended.stdout.splitlines()

    measured = table(weights)
    numbers = dict(line.split() for line in measured if len(line.split()) == 2)
    assert (numbers["lpips"], float(numbers["fid"])) == ("0.0000", pytest.approx(0, abs=0.01))
    assert measured[-1] == "video_distance_r3d18: not measured: a film of 2 frames is too short, it takes 24"
    (weights / "pt_inception-2015-12-05-6726825d.pth").unlink()
    (weights / "alexnet-owt-7be5be79.pth").write_bytes(b"not weights")
    left = [line for line in table(weights) if "not measured" in line]
    assert [line.split(": not measured: ")[0] for line in left] == ["fid", "lpips", "video_distance_r3d18"]
    assert "the weights pt_inception-2015-12-05-6726825d.pth are not on this machine; put https://" in left[0]
    assert "alexnet-owt-7be5be79.pth: the file cannot be read as a state dict" in left[1]


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
