"""From entries to jobs: globs found, sources times targets, patterns filled in, paths made whole, words checked."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.jobs.entries import Entry
from flows.jobs.faults import explained
from flows.jobs.patterns import PatternFault, fill, fixed_part, found_by, is_glob, words_in
from flows.jobs.specs import WORDS, Job

MOST_JOBS = 10_000
FOLDERS = ("model", "openpose")  # fields that name folders: a dot in their name is part of it


@dataclass(frozen=True, slots=True)
class Written:
    """A job and the entry it comes from."""

    job: Job
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the globs of one entry can find."""

    coming: frozenset[Path] = frozenset()  # outputs of other entries' jobs
    own: frozenset[Path] = frozenset()  # its own jobs' outputs, which it never takes as inputs
    roots: Sequence[Path] = ()
    last: bool = False  # whether a glob that finds nothing is a fault: what others make is known


def expand(entries: Sequence[Entry], roots: Sequence[Path] = ()) -> tuple[Written, ...]:
    """Every job of every entry.

    A glob also finds what other entries' jobs will make, never what its own will. So entries are read again until no
    new output comes up.

    Args:
        roots: no glob looks outside of these folders; empty: anywhere.

    Raises: JobError: with the line: a glob without a file, a pattern that cannot be filled in, a word that does not
        fit, outputs that are found as inputs without end.
    """
    made = [frozenset[Path]()] * len(entries)
    for _ in range(2 * len(entries) + 2):  # one for each link of the longest chain, one more where a glob meets its own
        before, made = made, [_outputs(entry, _sight(made, index, roots)) for index, entry in enumerate(entries)]
        _refuse_many(entries[0], sum(map(len, made)))
        if made == before:
            return tuple(
                Written(_checked(entry, said), entry)
                for index, entry in enumerate(entries)
                for said in _sayings(entry, _sight(made, index, roots, last=True))
            )
    endless = next(entry for entry, old, new in zip(entries, before, made, strict=True) if old != new)
    found = "its globs find what other jobs make, and theirs what it makes, without end"
    raise endless.fault("", found, "outputs that no glob finds again", "Let outputs go to another folder.")


def _sight(made: Sequence[frozenset[Path]], index: int, roots: Sequence[Path], *, last: bool = False) -> _Sight:
    others = (paths for other, paths in enumerate(made) if other != index)
    return _Sight(frozenset().union(*others), made[index], roots, last)


def _outputs(entry: Entry, sight: _Sight) -> frozenset[Path]:
    """What the jobs of an entry will make, links resolved."""
    paths = (said.get(field) for said in _sayings(entry, sight) for field in entry.kind.WRITES)
    return frozenset(path.resolve() for path in paths if isinstance(path, Path))


def _sayings(entry: Entry, sight: _Sight) -> list[dict[str, Any]]:
    """The fields of every job of an entry, not checked yet."""
    reads = [field for field in entry.kind.READS if field in entry.said]
    lists = {field: tuple(_found(entry, field, sight)) for field in reads if field in entry.kind.LISTS}
    many = {field: _found(entry, field, sight) for field in reads if field not in lists and not _follows(entry, field)}
    _refuse_many(entry, math.prod(len(paths) for paths in many.values()))
    combinations = itertools.product(*many.values())
    return [_filled(entry, dict(zip(many, paths, strict=True)), lists) for paths in combinations]


def _refuse_many(entry: Entry, count: int) -> None:
    if count > MOST_JOBS:
        raise entry.fault("", f"{count} jobs come of it", f"at most {MOST_JOBS}", "Write several files.")


def _follows(entry: Entry, field: str) -> bool:
    """Whether an input is named after others: `against: "truth/{film}.mp4"`."""
    said = entry.said[field]
    try:
        return isinstance(said, str) and bool(words_in(said))
    except PatternFault as fault:
        raise entry.fault(field, f"{field} is {said!r}", str(fault)) from fault


def _found(entry: Entry, field: str, sight: _Sight) -> list[Any]:
    """What a field stands for: paths, each once; or one value that is no path, which is checked later."""
    said = entry.said[field]
    if said in WORDS.get(field, ()) or not isinstance(said, str | list):
        return [said]
    if not said or not all(isinstance(word, str) and word for word in said):
        raise entry.fault(field, f"{field} is {said!r}", "a path, a glob, or a list of these")
    paths: dict[Path, None] = {}
    for word in [said] if isinstance(said, str) else said:
        whole = _place(entry, field, word)
        paths |= dict.fromkeys(_hits(entry, field, word, sight) if is_glob(word) and not whole.exists() else [whole])
    return list(paths)


def _place(entry: Entry, field: str, word: str) -> Path:
    """A path made whole, of which the system can at least say whether something is there."""
    path = entry.script.folder / word
    try:
        path.resolve().exists()
    except (OSError, RuntimeError, ValueError) as error:  # too long, no right to look, links in a circle, a zero byte
        reason = (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())
        raise entry.fault(field, f"{field} is {word!r}: {reason}", "a path that can be used") from error
    return path


def _hits(entry: Entry, field: str, word: str, sight: _Sight) -> list[Path]:
    folder = entry.script.folder
    base, _ = fixed_part(word, folder)
    if sight.roots and not any(base.is_relative_to(root) for root in sight.roots):
        raise entry.fault(field, f"{field}: {word!r} looks into {base}", allowed(sight.roots), ALLOW)
    found = (_place(entry, field, str(path)) for path in found_by(word, folder, sight.coming))
    hits = [path for path in found if path.resolve() not in sight.own]
    if sight.last and not hits:
        raise entry.fault(field, f"{field}: {word!r} matches no file", "one file or more", "Check the pattern.")
    return hits


ALLOW = "Move it there, or allow its folder with --root."


def allowed(roots: Sequence[Path]) -> str:
    """Where files may lie, in words."""
    return f"a path below {' or '.join(str(root) for root in roots)}"


def _filled(entry: Entry, chosen: Mapping[str, Any], lists: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one job: inputs as chosen, everything else as said, with names filled in and paths made whole."""
    said = {**entry.said, **chosen, **lists}
    words = {field: str(value) for field, value in said.items() if isinstance(value, str | int | float)}
    words |= {field: _called(field, path) for field, path in chosen.items() if isinstance(path, Path)}
    words = {field: word for field, word in words.items() if field not in (*entry.kind.WRITES, "name")}
    following = [field for field in entry.kind.READS if field in said and isinstance(said[field], str)]
    for field in (*following, *entry.kind.WRITES, "name"):
        text = said.get(field)
        if not isinstance(text, str) or not text or text in WORDS.get(field, ()):
            continue
        try:
            text = fill(text, {name: word for name, word in words.items() if name not in following})
        except PatternFault as fault:
            raise entry.fault(field, f"{field} is {said[field]!r}", str(fault)) from fault
        said[field] = text if field == "name" else _place(entry, field, text)
    return said


def _called(field: str, path: Path) -> str:
    """What an input is called in the names of outputs."""
    return path.name if field in FOLDERS else path.stem


def _checked(entry: Entry, said: dict[str, Any]) -> Job:
    try:
        return entry.kind.model_validate(said)
    except ValidationError as error:
        raise explained(entry, error) from error
