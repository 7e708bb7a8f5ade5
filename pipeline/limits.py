"""Limits: how large a stranger's file may be before it is refused, and the one way to raise them.

They are generous: no film that people make comes near them. A file that is larger is refused with the limit's name,
before memory or hours are spent on it. To raise some, name them in the environment, for this and all its processes:

    UNDERSTUDY_LIMITS="side=32768 hours=48" understudy dance …
"""

import os
import re
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from pipeline.errors import LimitExceeded, UnderstudyError

VARIABLE = "UNDERSTUDY_LIMITS"
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that is read of one file."""

    side: int = 16_384  # pixels of a picture's longer side
    pixels: int = 1 << 27  # of one picture: 16384 x 8192
    hours: int = 24  # of one film
    frames: int = 24 * 3600 * 120  # of one film: a day at 120 a second
    streams: int = 64  # of pictures, sound and text in one film
    text: int = 4  # MiB of a text file that people or programs write for us: JSON, YAML
    depth: int = 64  # of lists and mappings within each other in a text file
    values: int = 1_000_000  # in a text file, counting what stands for others as often as it does
    arrays: int = 4096  # MiB of all the arrays in one file, unpacked

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if value < 1:
                raise UnderstudyError(VARIABLE, f"{part.name} is {value}", "1 or more", "Put it right, or unset it.")

    def remedy(self, name: str, needed: int = 0) -> str:
        """What people do about a file that needs more than a limit, as far as known how much, and that they trust."""
        raised = max(2 * getattr(self, name), needed)
        return f"If you trust the file, raise the limit: {VARIABLE}={name}={raised}"

    def excess_of(self, width: int, height: int) -> str | None:
        """The name of the limit that a picture of `width` x `height` pixels is beyond; None where it is not."""
        if max(width, height) > self.side:
            return "side"
        return "pixels" if width * height > self.pixels else None


def limits() -> Limits:
    """The limits in force: the usual ones, with those that UNDERSTUDY_LIMITS names in their place.

    Raises:
        UnderstudyError: it names a limit that there is not, or no whole number above 0.
    """
    return _said(os.environ.get(VARIABLE, ""))


@lru_cache(maxsize=1)
def _said(said: str) -> Limits:
    known = [part.name for part in fields(Limits)]
    raised: dict[str, int] = {}
    for word in re.split(r"[\s,]+", said.strip()):
        if not word:
            continue
        name, _, value = word.partition("=")
        if name not in known or not value.isdecimal():
            remedy = "Put it right, or unset it."
            raise UnderstudyError(VARIABLE, f"{word!r}", f"name=number, with one of {', '.join(known)}", remedy)
        raised[name] = int(value)
    return Limits(**raised)


def bounded_bytes(path: Path) -> bytes:
    """Read a text file whole, if it is a file and not too large.

    Raises:
        OSError: it cannot be read, or is no regular file (reading a pipe or a device might never end).
        LimitExceeded: it is larger than a text file may be.
    """
    allowed = limits()
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no regular file")
    most = allowed.text * MEBIBYTE
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        found = f"the file is larger than {allowed.text} MiB"
        raise LimitExceeded(path, found, f"at most {allowed.text} MiB of text", allowed.remedy("text"))
    return data


def bounded_text(path: Path) -> str:
    """As `bounded_bytes`, of UTF-8.

    Raises: as `bounded_bytes`; UnicodeDecodeError.
    """
    return bounded_bytes(path).decode("utf-8")
