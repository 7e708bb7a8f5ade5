"""Globs that find files, on disk or among what other jobs will make; and patterns that name outputs after inputs."""

import fnmatch
import glob
import re
import string
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

FORBIDDEN = re.compile(r"[/\\]|^\.*$")  # in a word that becomes part of a file's name


class PatternFault(ValueError):
    """A pattern that cannot be read or filled in; its text says what was expected."""


def is_glob(word: str) -> bool:
    """Whether a path stands for several."""
    return glob.has_magic(word)


def found_by(pattern: str, folder: Path, planned: Collection[Path]) -> list[Path]:
    """What a glob finds below `folder`, sorted: on disk, and among paths that will be there; no hidden names.

    Args:
        pattern: with `*`, `?`, `[…]`, and `**` for any number of folders.
        planned: whole paths, with links resolved.
    """
    base, rest = fixed_part(pattern, folder)
    names = glob.glob("/".join(rest), root_dir=base, recursive=True)  # noqa: PTH207  # Path.glob finds hidden ones, too
    there = {base / name for name in names}
    coming = {path for path in planned if path.is_relative_to(base) and _fits(path.relative_to(base).parts, rest)}
    return sorted(there | coming)


def fixed_part(pattern: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder in which a glob begins to look, links resolved; and the parts of the glob below it."""
    parts = Path(pattern).parts
    magic = next(index for index, part in enumerate(parts) if is_glob(part))
    return folder.joinpath(*parts[:magic]).resolve(), parts[magic:]


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path's parts are those of a glob."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or (bool(parts) and parts[0][0] != "." and _fits(parts[1:], pattern))
    return (
        bool(parts)
        and parts[0][0] != "."
        and fnmatch.fnmatchcase(parts[0], pattern[0])
        and _fits(parts[1:], pattern[1:])
    )


def words_in(pattern: str) -> set[str]:
    """The names in braces of a pattern.

    Raises: PatternFault.
    """
    try:
        pieces = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise PatternFault("braces in pairs, such as {source}; {{ for a brace itself") from error
    names = set()
    for _, name, form, conversion in pieces:
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise PatternFault("a plain name in braces, such as {source}; {{ for a brace itself")
        names.add(name)
    return names


def fill(pattern: str, words: Mapping[str, str]) -> str:
    """Put words into a pattern's braces.

    Raises: PatternFault: it cannot be read, has another name in braces, or a word would not make a file's name.
    """
    names = words_in(pattern)
    unknown = sorted(names - words.keys())
    if unknown:
        raise PatternFault(f"in braces one of {', '.join(sorted(words))}, not {unknown[0]}")
    for name in names:
        if FORBIDDEN.search(words[name]) or not words[name].isprintable():
            raise PatternFault(f"a {name} that can be part of a file's name, not {words[name]!r}")
    return pattern.format_map(words)
