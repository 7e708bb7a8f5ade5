"""A job says what its command's options say: the same words, the same defaults; and it survives JSON."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.commands.clips import evaluate, track
from flows.commands.dance import dance, render, train_dance
from flows.commands.portrait import portrait, train_portrait
from flows.commands.translate import train_translate, translate
from flows.jobs.specs import ANY_JOB, JOBS, TrainJob

# What a command has and a job does not: where it runs, and what is printed or asked on a terminal.
OF_THE_COMMAND = {"ctx", "workspace", "approve"}  # nobody answers a job
COMMANDS: dict[str, tuple[Callable[..., None], dict[str, str | None]]] = {  # and what a job calls an argument
    "dance": (dance, {}),
    "portrait": (portrait, {"clips": "source"}),
    "translate": (translate, {}),
    "render": (render, {}),
    "track": (track, {}),
    "evaluate": (evaluate, {"made": "film", "json_file": "output", "csv_file": "csv"}),
}
TRAININGS = {"dance": train_dance, "portrait": train_portrait, "translate": train_translate}
EXAMPLES: list[dict[str, Any]] = [
    {
        "kind": "dance",
        "source": "a.mp4",
        "target": "b.mp4",
        "output": "c.mp4",
        "consent": "self",
        "without": ["warping"],
    },
    {"kind": "portrait", "target": "b.mp4", "output": "c.mp4", "yaw": 10, "smile": "+0.3"},
    {"kind": "translate", "clip": "a.mp4", "model": "m", "output": "c.mp4"},
    {"kind": "train", "what": "translate", "a": ["a.mp4", "more"], "b": ["b.mp4"], "output": "m"},
    {"kind": "train", "what": "dance", "target": "a.mp4", "output": "m", "perceptual": "vgg.pth"},
    {"kind": "render", "source": "a.mp4", "model": "m", "output": "c.mp4"},
    {"kind": "evaluate", "film": "a.mp4", "against": "b.mp4", "output": "c.json"},
    {"kind": "track", "clip": "a.mp4", "output": "c.npz", "openpose": "folder"},
]


def options(command: Callable[..., None]) -> dict[str, Any]:
    """A command's words and their defaults; lists as the tuples that jobs hold."""
    words = {name: word.default for name, word in inspect.signature(command).parameters.items()}
    return {name: tuple(word) if isinstance(word, list) else word for name, word in words.items()}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_job_has_its_commands_words_and_defaults(kind: str) -> None:
    command, called = COMMANDS[kind]
    fields = JOBS[kind].model_fields
    words = {called.get(name, name): default for name, default in options(command).items()}
    required = {name for name, default in words.items() if default is inspect.Parameter.empty}
    assert words.keys() - OF_THE_COMMAND - fields.keys() == set()
    shared = words.keys() - OF_THE_COMMAND - required - {"output"}  # a job always goes somewhere
    assert {name: words[name] for name in shared} == {name: fields[name].default for name in shared}


@pytest.mark.parametrize("what", TRAININGS)
def test_a_training_has_its_commands_words_and_the_same_budget(what: str) -> None:
    words = options(TRAININGS[what]).keys() - OF_THE_COMMAND - {"also_a", "also_b"}  # a and b are lists
    assert words - TrainJob.model_fields.keys() == set()


@pytest.mark.parametrize("said", EXAMPLES, ids=lambda said: str(said["kind"]))
def test_a_job_survives_json(said: dict[str, Any]) -> None:
    job = ANY_JOB.validate_python(said)
    assert ANY_JOB.validate_json(job.model_dump_json()) == job
    assert ANY_JOB.validate_python(job.model_dump(mode="json")) == job


@pytest.mark.parametrize(
    "output, name",
    [("films/a b.mp4", "a b"), ("films/(1).mp4", "1-"), ("x/--.mp4", "job"), ("v1.2", "v1"), ("é.mp4", "é")],
)
def test_a_job_without_a_name_is_called_as_its_output(output: str, name: str) -> None:
    job = ANY_JOB.validate_python({"kind": "track", "clip": "a.mp4", "output": output})
    assert job.name == name


def test_words_that_are_no_paths_are_no_inputs() -> None:
    job = ANY_JOB.validate_python(EXAMPLES[0])
    assert job.inputs() == (Path("a.mp4"), Path("b.mp4"))
    assert ANY_JOB.validate_python({**EXAMPLES[0], "consent": "said.txt"}).inputs()[-1] == Path("said.txt")


@pytest.mark.parametrize(
    "said, expected",
    [
        ({"kind": "portrait", "output": "c.mp4"}, "a target to train on, or a model"),
        ({"kind": "portrait", "source": "a.mp4", "output": "c.mp4"}, "a target to train on, or a model"),
        ({"kind": "portrait", "model": "m", "target": "a.mp4", "output": "c.mp4"}, "a source; or a target and sliders"),
        (
            {"kind": "portrait", "model": "m", "source": "a.mp4", "consent": "self", "output": "c.mp4"},
            "no word on consent: a trained model has its own record",
        ),
        ({"kind": "train", "what": "dance", "output": "m"}, "a target to learn from"),
        ({"kind": "train", "what": "translate", "a": ["a.mp4"], "output": "m"}, "a and b to learn from"),
        (
            {"kind": "train", "what": "translate", "a": ["a", "b"], "b": ["c"], "paired": True, "output": "m"},
            "one a and one b, as they are paired",
        ),
        ({"kind": "evaluate", "film": "a.mp4", "output": "c.json"}, "against: a truth; or source"),
        (
            {"kind": "evaluate", "film": "a.mp4", "against": "b.mp4", "track": "t.npz", "output": "c.json"},
            "a track only with a source",
        ),
        (
            {"kind": "track", "clip": "a.mp4", "face": True, "openpose": "folder", "output": "c.npz"},
            "face or openpose, not both",
        ),
    ],
)
def test_words_that_do_not_go_together_are_refused(said: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        ANY_JOB.validate_python(said)
