"""Which job a dropped film is for: it follows from the model, and words may say how it is done."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.jobs.specs import ANY_JOB, JOBS, Job
from flows.store.workspace import content_key
from pipeline.artifacts import FileRef
from pipeline.errors import ModelError, UnderstudyError, UnknownChoice
from stages.model_folder import read_facts
from stages.model_parts import FACTS
from stages.portrait_model import read_portrait_facts
from stages.translate_model import read_translate_facts

KINDS = {"dance": "render", "portrait": "portrait", "translate": "translate"}  # of model, and the job it is for
READERS = {"dance": read_facts, "portrait": read_portrait_facts, "translate": read_translate_facts}
CLIP = {"render": "source", "portrait": "source", "translate": "clip"}  # the field of a job that names the film
OURS = ("kind", "source", "clip", "model", "output", "name", "overwrite")  # fields that the watcher fills in
KEY = 1  # raise it when the same film, model and words would give another film
ANYTHING = "auto"


@dataclass(frozen=True, slots=True)
class Making:
    """What is done with every film of an inbox."""

    model: Path
    kind: str  # of job
    words: Mapping[str, str] = field(default_factory=dict)  # fields of the job, as text

    @classmethod
    def chosen(cls, model: Path, kind: str, settings: list[str]) -> "Making":
        """Look into the model and at the words before anything is watched.

        Args:
            kind: render, portrait or translate; auto: what the model is for.
            settings: NAME=VALUE, the fields of such a job.

        Raises:
            ModelError: no model there, a damaged one, or one for another kind of job.
            UnknownChoice: no such kind.
            UnderstudyError: a word that such a job does not know, or a value that it cannot have.
        """
        if kind not in (ANYTHING, *CLIP):
            raise UnknownChoice.among("--kind", kind, (ANYTHING, *CLIP))
        found = kind_of(model)
        if kind not in (ANYTHING, found):
            raise ModelError(model, f"a model for {found}", f"one for {kind}", "Give another --model, or leave --kind.")
        making = cls(model.resolve(), found, dict(_word(setting, found) for setting in settings))
        making.job(Path("film.mp4"), Path("output.mp4"))  # a wrong value is found out now
        return making

    def job(self, film: Path, output: Path, *, overwrite: bool = False) -> Job:
        """The job for one film; `overwrite`: what lies at `output` is an earlier run's of the same job.

        Raises: UnderstudyError: a word's value is none that the field can have.
        """
        given = {"kind": self.kind, CLIP[self.kind]: str(film), "model": str(self.model), "output": str(output)}
        given["overwrite"] = str(overwrite)
        try:
            return ANY_JOB.validate_strings({**self.words, **given})
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(step) for step in first["loc"][1:])
            raise UnderstudyError(
                "--set", f"{name or 'the words together'}: {first['msg']}", f"what a {self.kind} job takes", _look()
            ) from error

    def key(self, film: FileRef) -> str:
        """Name what is made of a film: the same for the same content, model and words.

        Raises: ModelError: the model is not there any more, or another one that does not serve.
        """
        kind_of(self.model)
        return content_key(KEY, film, FileRef.of(self.model / FACTS), self.kind, dict(self.words))


def kind_of(model: Path) -> str:
    """The kind of job that a model folder is for.

    Raises: ModelError: no model there, a damaged one, or one that films cannot be made with.
    """
    facts = _facts(model)
    kind = str(facts.get("kind"))
    READERS.get(kind, read_facts)(model)  # says what is wrong with it; of another kind also what that is for
    return KINDS[kind]


def _facts(model: Path) -> dict[str, Any]:
    try:
        facts = json.loads((model / FACTS).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}  # the reader says it better
    return facts if isinstance(facts, dict) else {}


def _word(setting: str, kind: str) -> tuple[str, str]:
    """NAME=VALUE, of a field that a job of this kind has and that is not the watcher's."""
    name, equals, value = setting.partition("=")
    name = name.strip().replace("-", "_")
    known = sorted(set(JOBS[kind].model_fields) - set(OURS))
    if not equals:
        raise UnderstudyError("--set", f"{setting!r} has no value", "NAME=VALUE, such as crf=20", _look())
    if name not in known:
        raise UnderstudyError("--set", f"a {kind} job has no {name!r}", f"one of {', '.join(known)}", _look())
    return name, value.strip()


def _look() -> str:
    return "docs/jobs.md lists what jobs take."
