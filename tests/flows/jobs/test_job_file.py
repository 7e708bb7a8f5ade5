"""A file of jobs becomes jobs in the order of running; what cannot be done is refused with its line."""

from itertools import pairwise
from pathlib import Path

import pytest

from flows.jobs.job_file import read_jobs
from flows.jobs.order import Step
from flows.jobs.specs import DanceJob, EvaluateJob, PortraitJob, TrainJob, TranslateJob
from pipeline.errors import JobError

MATRIX = """
defaults: {preset: draft, minutes: 4, dance: {codec: libx265}}
jobs:
  - {kind: train, what: dance, target: blue.mp4, output: models/blue, consent: self}
  - kind: dance
    source: "moves/*.mp4"
    target: [blue.mp4, red.mp4]
    output: "films/{source}-as-{target}.mp4"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four clips, which no test of this file looks into."""
    for name in (
        "blue.mp4",
        "red.mp4",
        "moves/turn.mp4",
        "moves/leap.mp4",
        "moves/.leap-1f.part.mp4",
        "model/model.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def read(folder: Path, text: str, *roots: Path) -> tuple[Step, ...]:
    (folder / "jobs.yaml").write_text(text)
    return read_jobs(folder / "jobs.yaml", roots)


def refused(folder: Path, text: str, *roots: Path) -> str:
    with pytest.raises(JobError) as fault:
        read(folder, text, *roots)
    return str(fault.value).replace(str(folder), "HERE")


def test_a_matrix_makes_a_job_of_every_source_with_every_target_in_order(folder: Path) -> None:
    names = [step.job.name for step in read(folder, MATRIX)]
    assert names == ["blue", "leap-as-blue", "leap-as-red", "turn-as-blue", "turn-as-red"]


def test_defaults_are_for_every_job_that_knows_them_and_a_jobs_own_word_wins(folder: Path) -> None:
    train, *films = [step.job for step in read(folder, MATRIX)]
    assert isinstance(train, TrainJob) and (train.preset, train.minutes) == ("draft", 4)
    assert all(isinstance(film, DanceJob) and (film.codec, film.minutes) == ("libx265", 4) for film in films)
    own = MATRIX.replace("codec: libx265", "codec: libx265, crf: 30").replace("source:", "codec: libx264\n    source:")
    assert {(film.codec, film.crf) for _, film in _films(read(folder, own))} == {("libx264", 30)}


def _films(steps: tuple[Step, ...]) -> list[tuple[Step, DanceJob]]:
    return [(step, step.job) for step in steps if isinstance(step.job, DanceJob)]


def test_a_budget_in_steps_is_not_joined_by_default_minutes(folder: Path) -> None:
    text = "defaults: {minutes: 4}\njobs: [{kind: train, what: portrait, target: red.mp4, output: m, steps: 2}]"
    (step,) = read(folder, text)
    assert isinstance(step.job, TrainJob) and (step.job.minutes, step.job.steps) == (None, 2)


def test_defaults_for_likenesses_leave_looks_and_ready_models_alone(folder: Path) -> None:
    text = """
defaults: {minutes: 4, consent: self}
jobs:
  - {kind: train, what: translate, a: [red.mp4], b: "moves/*.mp4", output: look}
  - {kind: portrait, source: red.mp4, model: model, output: film.mp4}
"""
    look, film = [step.job for step in read(folder, text)]
    assert isinstance(look, TrainJob) and look.consent is None
    assert [path.name for path in look.b] == ["leap.mp4", "turn.mp4"]
    assert isinstance(film, PortraitJob) and film.minutes is None


def test_paths_count_from_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir("/")
    step = read(folder, MATRIX)[1]
    assert step.job.inputs()[0] == folder / "moves/leap.mp4"
    assert step.job.outputs() == (folder / "films/leap-as-blue.mp4",)


def test_a_job_runs_after_those_whose_outputs_it_takes_wherever_it_stands(folder: Path) -> None:
    text = """
jobs:
  - {kind: evaluate, film: "films/*.mp4", against: "moves/{film}.mp4", output: "scores/{film}.json"}
  - {kind: translate, clip: "moves/*.mp4", model: models/dusk, output: "films/{clip}.mp4"}
  - {kind: train, what: translate, a: moves, b: red.mp4, output: models/dusk, steps: 2}
"""
    steps = read(folder, text)
    assert [(step.job.kind, step.job.name, step.needs) for step in steps] == [
        ("train", "dusk", ()),
        ("translate", "films-leap", (0,)),
        ("evaluate", "scores-leap", (1,)),
        ("translate", "films-turn", (0,)),
        ("evaluate", "scores-turn", (3,)),
    ]
    score = steps[2].job
    assert isinstance(score, EvaluateJob) and score.against == folder / "moves/leap.mp4"


def test_what_a_job_made_yesterday_is_not_its_input_today(folder: Path) -> None:
    text = 'jobs: [{kind: translate, clip: "moves/*.mp4", model: model, output: "moves/{clip}-dusk.mp4"}]'
    before = [step.job.name for step in read(folder, text)]
    (folder / "moves/leap-dusk.mp4").touch()
    assert [step.job.name for step in read(folder, text)] == before == ["leap-dusk", "turn-dusk"]


def test_a_sliders_sign_is_kept_as_written(folder: Path) -> None:
    text = "jobs: [{kind: portrait, target: red.mp4, smile: +0.3, yaw: 10, jaw: 1.2, output: film.mp4}]"
    (step,) = read(folder, text)
    assert isinstance(step.job, PortraitJob)
    assert {name: word for name, word in step.job.sliders.items() if word} == {
        "smile": "+0.3",
        "yaw": "10",
        "jaw": "1.2",
    }


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder: Path) -> None:
    (folder / "take[1].mp4").touch()
    (step,) = read(folder, 'jobs: [{kind: translate, clip: "take[1].mp4", model: model, output: "{clip}-dusk.mp4"}]')
    assert isinstance(step.job, TranslateJob) and step.job.clip.name == "take[1].mp4"
    assert step.job.output.name == "take[1]-dusk.mp4"


DANCE = "kind: dance, source: red.mp4, target: blue.mp4"
FAULTS = {
    "no jobs": ("defaults: {}", "line 1: there are no jobs in it; expected jobs: a list"),
    "unknown part": ("jobs: [{kind: track}]\nextra: 1", "line 2: there is no 'extra'; expected one of defaults, jobs"),
    "unknown default": ("defaults:\n  minute: 4\njobs: [{kind: track}]", "line 2: there is no 'minute'; expected one"),
    "unknown default of a kind": (
        "defaults:\n  evaluate:\n    codec: libx264\njobs: [{kind: track}]",
        "line 3: there is no 'codec'; expected one of against, between",
    ),
    "no kind": ("jobs:\n  - {source: red.mp4}", "line 2: a job without kind; expected one of dance, portrait"),
    "unknown kind": ("jobs:\n  - {kind: dans}", "line 2: there is no kind 'dans'; expected one of dance, portrait"),
    "no mapping": ("jobs:\n  - dance", "line 2: a job is 'dance'; expected a mapping such as {kind: dance"),
    "unknown key": (
        f"jobs:\n  - {{{DANCE},\n     ouput: a.mp4}}",
        "line 3: there is no 'ouput'; expected one of codec",
    ),
    "field of other kinds": (
        "jobs:\n  - {kind: translate, clip: red.mp4, model: model, output: a.mp4,\n     max_pose_error_pct: 5}",
        "line 3: there is no 'max_pose_error_pct'; expected one of clip, codec, crf, device, direction, "
        "encoder_preset, fan_out, kind, label, max_warp_error_ratio, model, name, output, overwrite, seed, sign_cert, "
        "sign_key, steady, threads, tile. Only jobs of kind dance, render have it.",
    ),
    "a yes from nobody": (
        f"jobs:\n  - {{{DANCE}, output: a.mp4,\n     approve: true}}",
        "Nobody is asked while jobs run: a long film's first look is written beside it, and its job goes on.",
    ),
    "wrong type": (
        f"jobs:\n  - {{{DANCE}, output: a.mp4,\n   crf: high}}",
        "line 3: crf is 'high'; expected a valid int",
    ),
    "out of range": (f"jobs: [{{{DANCE}, output: a.mp4, minutes: -1}}]", "minutes is -1; expected at least 0.01"),
    "wrong default": (
        f"defaults:\n  crf: high\njobs:\n  - {{{DANCE}, output: a.mp4}}",
        "line 2: crf is 'high'; expected a valid integer",
    ),
    "one of some words": (
        f"jobs: [{{{DANCE}, output: a.mp4, device: gpu}}]",
        "device is 'gpu'; expected 'auto', 'cpu'",
    ),
    "no word and no path": (
        f"jobs: [{{{DANCE}, output: a.mp4, consent: 3}}]",
        "consent is 3; expected 'self' or a path",
    ),
    "bad size": (f"jobs: [{{{DANCE}, output: a.mp4, size: 9}}]", "size is 9; expected WIDTHxHEIGHT, such as 144x256"),
    "no output": (f"jobs:\n  - {{{DANCE}}}", "line 2: a dance job without output; expected output: …"),
    "missing file": (
        "jobs:\n  - kind: dance\n    source: green.mp4\n    target: red.mp4\n    output: a.mp4",
        "line 3: source: there is no HERE/green.mp4, and no job makes it; expected a file that is there",
    ),
    "empty glob": (
        'jobs:\n  - {kind: track, clip: "dances/*.mp4", output: "{clip}.npz"}',
        "line 2: clip: 'dances/*.mp4' matches no file; expected one file or more",
    ),
    "empty list": ("jobs: [{kind: track, clip: [], output: a.npz}]", "clip is []; expected a path, a glob, or a list"),
    "one output for two": (
        'jobs:\n  - {kind: track, clip: "moves/*.mp4",\n     output: a.npz}',
        "line 3: output is HERE/a.npz, which the job of line 2 makes as well; expected an output for each. Put",
    ),
    "output twice in a job": (
        f"jobs: [{{{DANCE}, output: a.mp4}}, {{kind: track, clip: red.mp4, overlay: b.mp4, output: b.mp4}}]",
        "output is HERE/b.mp4, which the job of line 1 makes as well; expected an output for each",
    ),
    "output inside another": (
        f"jobs:\n  - {{kind: train, what: dance, target: red.mp4, output: films}}\n"
        f"  - {{{DANCE}, output: films/a.mp4}}",
        "line 3: HERE/films/a.mp4 lies in HERE/films, which films makes; expected outputs beside each other",
    ),
    "unknown brace": (
        f"jobs: [{{{DANCE}, output: '{{clip}}.mp4'}}]",
        "output is '{clip}.mp4'; expected in braces one of kind, source, target, not clip",
    ),
    "attribute in braces": (
        f"jobs: [{{{DANCE}, output: '{{source.parent}}.mp4'}}]",
        "output is '{source.parent}.mp4'; expected a plain name in braces",
    ),
    "single brace": (f"jobs: [{{{DANCE}, output: 'a}}.mp4'}}]", "output is 'a}.mp4'; expected braces in pairs"),
    "word that is no name": (
        f"jobs: [{{{DANCE}, performer: ../../etc, output: '{{performer}}.mp4'}}]",
        "expected a performer that can be part of a file's name, not '../../etc'",
    ),
    "own output": (
        "jobs:\n  - kind: dance\n    source: red.mp4\n    target: blue.mp4\n    output: red.mp4",
        "line 3: source is HERE/red.mp4, which this job makes; expected another output",
    ),
    "own folder": (
        "jobs: [{kind: translate, clip: red.mp4, model: model, output: model/red.mp4}]",
        "model is HERE/model, which this job makes; expected another output",
    ),
    "circle": (
        "jobs:\n"
        "  - {kind: translate, clip: b.mp4, model: model, output: a.mp4}\n"
        "  - {kind: translate, clip: c.mp4, model: model, output: b.mp4}\n"
        "  - {kind: translate, clip: a.mp4, model: model, output: c.mp4}",
        "a circle: ",
    ),
    "globs without end": (
        'jobs:\n  - {kind: translate, clip: "moves/*.mp4", model: model, output: "moves/x{clip}.mp4"}\n'
        '  - {kind: translate, clip: "moves/*.mp4", model: model, output: "moves/y{clip}.mp4"}',
        "line 2: its globs find what other jobs make, and theirs what it makes, without end",
    ),
    "one name for two": (
        'jobs:\n  - {kind: track, clip: "moves/*.mp4", name: moves, output: "{clip}.npz"}',
        "line 2: 2 jobs are called moves; expected a name for each. Say {source} in it.",
    ),
    "roles": (
        "jobs:\n  - {kind: portrait, target: red.mp4, output: a.mp4}",
        "line 2: the fields of this portrait job do not go together; expected a source; or a target and sliders",
    ),
    "another training's field": (
        "jobs: [{kind: train, what: portrait, target: red.mp4, processes: 2, output: m}]",
        "expected no processes in a training of portrait",
    ),
    "no YAML": ("jobs: [}", "line 1: no YAML"),
    "code": ("jobs: !!python/object/apply:os.getcwd []", "line 1: no YAML (could not determine a constructor"),
}


@pytest.mark.parametrize("text, message", FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_done_is_refused_with_the_line(folder: Path, text: str, message: str) -> None:
    said = refused(folder, text)
    assert message in said
    assert "jobs.yaml" in said and "\n" not in said


def test_a_circle_is_told_link_by_link(folder: Path) -> None:
    said = refused(folder, FAULTS["circle"][0])
    circle = said.split("a circle: ")[1].split(";")[0].split(" needs ")
    assert circle[0] == circle[-1]
    follows = {"a": "b", "b": "c", "c": "a"}
    assert all(follows[one] == other for one, other in pairwise(circle))


def test_nothing_outside_the_roots_is_read_or_written(folder: Path) -> None:
    (folder / "away").symlink_to("/usr")
    text = "jobs: [{{kind: track, clip: {clip}, output: {output}}}]"
    inside = text.format(clip="red.mp4", output="a.npz")
    assert read(folder, inside, folder)
    for clip, output, field in (
        ("/etc/passwd", "a.npz", "clip is /etc/passwd"),
        ("red.mp4", "../a.npz", f"output is {folder.parent.resolve()}/a.npz"),
        ("red.mp4", "away/a.npz", "output is /usr/a.npz"),
        ("away/share", "a.npz", "clip is /usr/share"),
        ("'/etc/*.conf'", "a.npz", "clip: '/etc/*.conf' looks into /etc"),
    ):
        with pytest.raises(JobError) as fault:
            read(folder, text.format(clip=clip, output=output), folder)
        assert (
            field in str(fault.value) and "expected a path below" in str(fault.value) and "--root" in str(fault.value)
        )


@pytest.mark.parametrize("field", ["clip", "output"])
@pytest.mark.parametrize(
    "path, reason",
    [
        ("loop", "Symlink loop"),
        ("loop/a.mp4", "Symlink loop"),
        ("l*p", "Symlink loop"),
        ("x" * 300, "File name too long"),
        ("a\\0.mp4", "embedded null byte"),
    ],
)
def test_what_is_no_path_is_refused(folder: Path, field: str, path: str, reason: str) -> None:
    (folder / "loop").symlink_to("loop")
    paths = {"clip": "red.mp4", "output": "a.npz", field: path if field == "clip" else path.replace("*", "oo")}
    said = refused(folder, f'jobs: [{{kind: track, clip: "{paths["clip"]}", output: "{paths["output"]}"}}]')
    assert f"{field} is '" in said and reason in said and "expected a path that can be used" in said


def test_a_file_too_large_is_not_read(folder: Path) -> None:
    assert "the file has 1048577 bytes; expected at most 1048576" in refused(folder, "#" * (2**20 + 1))


def test_a_matrix_too_large_is_refused_before_it_is_made(folder: Path) -> None:
    names = ", ".join(f"{number}.mp4" for number in range(101))
    text = f"jobs: [{{kind: dance, source: [{names}], target: [{names}], output: '{{source}}-{{target}}.mp4'}}]"
    assert "10201 jobs come of it; expected at most 10000" in refused(folder, text)
