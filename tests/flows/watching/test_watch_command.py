"""`understudy watch`: what it refuses before it watches anything, and one run of it on real films."""

import shutil
import signal
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import typer
from dropped_films import Place
from typer.testing import CliRunner

from flows.commands.watch import watch
from flows.engine import Engine
from flows.jobs.specs import TranslateJob
from flows.watching.making import Making
from models.cyclegan.generator import ResnetGeneratorConfig
from pipeline.errors import ModelError, StorageError, UnderstudyError, UnknownChoice
from pipeline.video import probe
from stages.training.translate_networks import build_translator, translator_name
from stages.translate_model import Look, TranslateModel, write_translator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


# What is said before anything is watched


def test_the_kind_of_job_follows_from_the_model(place: Place):
    making = Making.chosen(place.model, "auto", ["crf=20", "steady=false"])
    job = making.job(Path("a.mp4"), Path("b.mp4"))
    assert isinstance(job, TranslateJob)
    assert (job.clip, job.model, job.output) == (Path("a.mp4"), place.model, Path("b.mp4"))
    assert (job.crf, job.steady, job.direction) == (20, False, "a-to-b")


@pytest.mark.parametrize("kind", ["render", "portrait", "translate"])
def test_a_job_of_any_kind_reads_the_film_and_the_model_and_makes_one_film(kind: str):
    job = Making(Path("model"), kind).job(Path("a.mp4"), Path("b.mp4"))
    assert job.kind == kind
    assert (job.inputs(), job.outputs()) == ((Path("a.mp4"), Path("model")), (Path("b.mp4"),))
    assert not job.overwrite


@pytest.mark.parametrize(
    ("kind", "words", "error", "message"),
    [
        ("render", [], ModelError, "a model for translate; expected one for render"),
        ("dance", [], UnknownChoice, "there is no 'dance'; expected one of auto, portrait, render, translate"),
        ("auto", ["transfer=mouth"], UnderstudyError, "a translate job has no 'transfer'; expected one of codec, crf"),
        ("auto", ["output=/etc/passwd"], UnderstudyError, "a translate job has no 'output'"),
        ("auto", ["crf"], UnderstudyError, "'crf' has no value; expected NAME=VALUE, such as crf=20"),
        ("auto", ["crf=ninety"], UnderstudyError, "crf: Input should be a valid integer"),
        ("auto", ["crf=90"], UnderstudyError, "crf: Input should be less than or equal to 63"),
    ],
)
def test_words_that_do_not_fit_the_model_are_refused(
    place: Place, kind: str, words: list[str], error: type[UnderstudyError], message: str
):
    with pytest.raises(error) as caught:
        Making.chosen(place.model, kind, words)
    assert message in str(caught.value)


def test_a_model_that_goes_away_ends_the_watcher_and_leaves_the_film(place: Place, tmp_path: Path):
    shutil.copytree(place.model, tmp_path / "dawn")
    place.model = tmp_path / "dawn"
    watcher, film = place.watcher(), place.drop("a.mp4")
    shutil.rmtree(place.model)
    with pytest.raises(ModelError, match=r"no model\.json"):
        list(watcher.drain())
    assert film.exists()


def app() -> typer.Typer:
    made = typer.Typer()

    @made.callback()
    def settle(ctx: typer.Context) -> None:
        ctx.obj = False

    made.command()(watch)
    return made


def test_an_outbox_that_feeds_the_inbox_is_refused(place: Place):
    ended = CliRunner().invoke(app(), ["watch", str(place.inbox), "--model", str(place.model), "-o", str(place.inbox)])
    assert isinstance(ended.exception, StorageError)
    assert "films made there would be taken again" in str(ended.exception)


def test_an_inbox_that_is_not_there_is_refused(place: Place):
    ended = CliRunner().invoke(app(), ["watch", "nowhere", "--model", str(place.model), "-o", str(place.outbox)])
    assert str(ended.exception).startswith("nowhere: there is no such folder")


# The whole


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with whatever weights it begins with: it is not how the film looks that is asked here."""
    folder = tmp_path_factory.mktemp("translator") / "dusk"
    folder.mkdir()
    config = ResnetGeneratorConfig(base_channels=4, blocks=1, residual=True)
    look = Look(name="street", sha256=("0" * 64,), pictures=1, width=64, height=64)
    facts = TranslateModel(
        preset="draft",
        method="cyclegan",
        network=translator_name(config),
        network_config=asdict(config),
        stride=config.stride,
        directions=("a-to-b",),
        a=look,
        b=look,
    )
    write_translator(folder, facts, {"a-to-b": build_translator(config, torch.Generator())})
    return folder


def test_the_command_makes_a_dropped_film_and_fails_what_is_none(
    engine: Engine, translator: Path, streets: tuple[Path, Path], place: Place, tmp_path: Path
):
    shutil.copy(streets[0], place.inbox / "day.mp4")
    place.drop("diary.mp4", b"Dear diary,\n" * 100)
    words = ["watch", str(place.inbox), "--model", str(translator), "-o", str(place.outbox), "--once"]
    words += ["--settle", "0.1", "--workspace", str(tmp_path / "runs"), "--set", "encoder_preset=ultrafast"]
    before = signal.getsignal(signal.SIGTERM)
    try:
        ended = CliRunner().invoke(app(), words, catch_exceptions=False)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.exit_code == 1  # as one of them failed
    assert ended.stdout == f"{place.outbox / 'day.mp4'}\n"
    made, source = probe(place.outbox / "day.mp4"), probe(streets[0])
    assert (made.frames, made.width, made.height) == (source.frames, source.width, source.height)
    assert made.has_sound
    assert "cannot be opened as a video" in (place.inbox / "failed/diary.mp4.txt").read_text()
    assert (place.inbox / "done/day.mp4").read_bytes() == streets[0].read_bytes()
