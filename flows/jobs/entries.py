"""The entries of a jobs file: what each says, with the defaults that apply to it, before globs and patterns count."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.jobs.specs import FOREIGN, JOBS, AnyJob
from pipeline.errors import JobError
from pipeline.yaml_lines import MarkedYaml, Place, read_marked_yaml

MOST_BYTES = 1 << 20  # of a jobs file: thousands of jobs; a matrix makes of few lines as many
SLIDERS = ("smile", "jaw", "brows", "lids")  # a sign makes them an offset, and YAML would drop it
PARTS = ("defaults", "jobs")
OF_ONE_JOB = ("kind", "name")  # fields that no default can say
SEE = "See docs/jobs.md."
SPELLING = "Check its spelling."
NOT_OF_JOBS = {  # what commands are told and no job is, and why
    "approve": "Nobody is asked while jobs run: a long film's first look is written beside it, and its job goes on.",
    "workspace": "Say it for all jobs: understudy batch --workspace.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A jobs file as it was written."""

    path: Path
    marked: MarkedYaml

    @property
    def folder(self) -> Path:
        """What its relative paths count from."""
        return self.path.resolve().parent

    def fault(self, place: Place, found: str, expected: str, remedy: str = SEE) -> JobError:
        """An error that names the line."""
        return JobError(f"{self.path}, line {self.marked.line(place)}", found, expected, remedy)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One entry of `jobs`, with defaults."""

    script: Script
    place: Place
    kind: type[AnyJob]
    said: Mapping[str, Any]  # field → what stands there
    places: Mapping[str, Place]  # field → where it stands

    @property
    def line(self) -> int:
        """Where it begins, from 1."""
        return self.script.marked.line(self.place)

    def fault(self, field: str, found: str, expected: str, remedy: str = SEE) -> JobError:
        """An error in one field, or in the whole entry where that is not said."""
        return self.script.fault(self.places.get(field, self.place), found, expected, remedy)


def read_script(path: Path) -> Script:
    """Read a jobs file.

    Raises:
        JobError: it cannot be read, is too large, or is no YAML.
        LimitExceeded: it is deeper, or stands for more, than a text file may.
    """
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        found = f"the file has {path.stat().st_size} bytes"
        raise JobError(path, found, f"at most {MOST_BYTES}", "Write a matrix, or several files.")
    return Script(path, read_marked_yaml(path, JobError, "a YAML file of jobs"))


def entries(script: Script) -> tuple[Entry, ...]:
    """Every entry with the defaults that apply to it.

    Raises: JobError: an unknown key or kind, or a part of the file that is no list or mapping; with the line.
    """
    data = script.marked.data
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), list) or not data["jobs"]:
        raise script.fault(("jobs",), "there are no jobs in it", "jobs: a list of jobs")
    _refuse_unknown(script, (), data, PARTS)
    shared = _defaults(script, data)
    return tuple(_entry(script, index, said, shared) for index, said in enumerate(data["jobs"]))


def _defaults(script: Script, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the file says for all jobs, checked for names that no job knows."""
    shared = data.get("defaults")
    shared = {} if shared is None else shared
    if not isinstance(shared, dict):
        raise script.fault(("defaults",), f"defaults is {shared!r}", "fields, such as {preset: draft}")
    anywhere = {field for kind in JOBS.values() for field in _fields(kind)}
    _refuse_unknown(script, ("defaults",), shared, sorted({*JOBS, *anywhere}))
    for name in JOBS.keys() & shared.keys():
        if not isinstance(shared[name], dict):
            raise script.fault(("defaults", name), f"defaults.{name} is {shared[name]!r}", "fields of such jobs")
        _refuse_unknown(script, ("defaults", name), shared[name], sorted(_fields(JOBS[name])))
    return shared


def _fields(kind: type[AnyJob]) -> set[str]:
    return kind.model_fields.keys() - set(OF_ONE_JOB)


def _entry(script: Script, index: int, own: Any, shared: Mapping[str, Any]) -> Entry:
    place: Place = ("jobs", index)
    if not isinstance(own, dict):
        raise script.fault(place, f"a job is {own!r}", "a mapping such as {kind: dance, source: …}")
    name = own.get("kind")
    if not isinstance(name, str) or name not in JOBS:
        found = "a job without kind" if name is None else f"there is no kind {name!r}"
        raise script.fault((*place, "kind"), found, f"one of {', '.join(JOBS)}", "Say which kind of job this is.")
    kind = JOBS[name]
    _refuse_unknown(script, place, own, sorted(kind.model_fields))
    said: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for field, value, where in _layers(kind, own, shared, place):
        said[field] = _as_written(script, field, value, where)
        places[field] = where
    return Entry(script, place, kind, said, places)


def _layers(
    kind: type[AnyJob], own: Mapping[str, Any], shared: Mapping[str, Any], place: Place
) -> Iterator[tuple[str, Any, Place]]:
    """What stands in the defaults for all, in those of the kind, in the entry: later ones win."""
    of_kind = shared.get(own["kind"], {})
    idle = _idle({**shared, **of_kind, **own}, own)
    for above, field, value in (
        *((("defaults",), *item) for item in shared.items()),
        *((("defaults", own["kind"]), *item) for item in of_kind.items()),
    ):
        if field in _fields(kind) - idle:
            yield field, value, (*above, field)
    yield from ((field, value, (*place, field)) for field, value in own.items())


def _idle(said: Mapping[str, Any], own: Mapping[str, Any]) -> set[str]:
    """Fields that no default fills in: the other budget, what another training wants, training with a ready model."""
    idle = {other for budget, other in (("steps", "minutes"), ("minutes", "steps")) if budget in own}
    if own["kind"] == "train" and isinstance(said.get("what"), str):
        idle |= FOREIGN.get(said["what"], set())
    if own["kind"] == "portrait" and said.get("model") is not None:
        idle |= {"minutes", "steps", "size", "consent", "without_consent_record"}
    return idle


def _as_written(script: Script, field: str, value: Any, place: Place) -> Any:
    """A slider's number with its sign; all else as YAML reads it."""
    written = script.marked.written(place) if field in SLIDERS else None
    return written if written is not None and written.startswith(("+", "-")) else value


def _refuse_unknown(script: Script, place: Place, said: Mapping[Any, Any], known: Collection[str]) -> None:
    for key in said:
        if key not in known:
            raise script.fault((*place, key), f"there is no {key!r}", f"one of {', '.join(known)}", _instead(key))


def _instead(key: Any) -> str:
    """What to do about a key that does not belong where it stands."""
    knowing = [name for name, kind in JOBS.items() if key in _fields(kind)]
    return NOT_OF_JOBS.get(key) or (f"Only jobs of kind {', '.join(knowing)} have it." if knowing else SPELLING)
