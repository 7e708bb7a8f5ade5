"""Names that are free: name.mp4, name-2.mp4, … in a length that every file system takes."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

STEM_BYTES = 200  # of the 255 that a name may have: room for a number, an ending and what is put around it


def candidates(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """Paths in a folder, one after the other, to be asked which is free."""
    short = stem.encode("utf-8", "surrogateescape")[:STEM_BYTES].decode("utf-8", "ignore") or "film"
    for number in count(1):
        yield folder / f"{short}{'' if number == 1 else f'-{number}'}{suffix}"


def shown(name: str) -> str:
    """A name as text, also where its bytes are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
