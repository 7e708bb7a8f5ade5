"""What lies in an inbox: which entries are films that are complete, which still grow, which are not taken at all."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from pipeline.errors import UnderstudyError
from pipeline.video import probe

UNFINISHED = (".part", ".tmp", ".crdownload", ".download", ".partial", ".filepart")  # how copying programs call a file
PATIENCE = 10  # times the settling time: what does not open may be a copy that has come to a halt
MOST_BOXES = 100_000  # of an MP4 that are walked over; one in fragments has two for each
_SIZE32, _SIZE64 = 8, 16  # bytes of a box's head
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp")


class State(Enum):
    """How far an entry is."""

    GROWING = "it has changed a moment ago"
    INCOMPLETE = "it does not open as a whole film yet"
    READY = "it is complete"
    NO_FILM = "it does not open as a film, and has not changed for long"
    REFUSED = "it is a link, or may not be read"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file is written to."""

    size: int
    time_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        """From what the file system says."""
        return cls(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the inbox, as it was seen."""

    path: Path
    stamp: Stamp
    refused: str = ""  # why it is never taken; empty for a plain file


@dataclass(slots=True)
class _Sighting:
    stamp: Stamp
    since: float  # on the watcher's clock: when the file was first seen with this stamp
    whole: bool | None = None  # None: not looked into yet


@dataclass(slots=True)
class Settling:
    """Remembers since when each file has not changed; on the watcher's own clock, as a copied file brings its times."""

    seconds: float
    clock: Callable[[], float]
    _seen: dict[Path, _Sighting] = field(default_factory=dict)

    def look(self, entries: list[Entry]) -> None:
        """Take note of what is there now; what has gone is forgotten."""
        before, now = self._seen, self.clock()
        self._seen = {}
        for entry in entries:
            known = before.get(entry.path)
            same = known is not None and known.stamp == entry.stamp
            self._seen[entry.path] = known if known is not None and same else _Sighting(entry.stamp, now)

    def state(self, entry: Entry) -> State:
        """How far a file is that `look` has seen; opens it when it has settled, once."""
        if entry.refused:
            return State.REFUSED
        sighting = self._seen[entry.path]
        age = self.clock() - sighting.since
        if age < self.seconds:
            return State.GROWING
        if sighting.whole is None:
            sighting.whole = is_whole(entry.path)
        if sighting.whole:
            return State.READY
        return State.INCOMPLETE if age < PATIENCE * self.seconds else State.NO_FILM


def entries_of(inbox: Path) -> Iterator[Entry]:
    """The files of a folder, oldest first; folders in it, hidden and unfinished files are passed over.

    Links are not followed: they could lead out of the folder.

    Raises: OSError: the folder cannot be read.
    """
    found = []
    with os.scandir(inbox) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                continue
            seen = _seen(entry)
            if seen is not None:
                found.append(seen)
    yield from sorted(found, key=lambda one: (one.stamp.time_ns, one.path.name))


def _seen(entry: "os.DirEntry[str]") -> Entry | None:
    """An entry that may be taken or must be refused; None for folders, devices, and what vanished meanwhile."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    path, stamp = Path(entry.path), Stamp.of(found)
    if stat.S_ISLNK(found.st_mode):
        return Entry(path, stamp, "it is a link")
    if not stat.S_ISREG(found.st_mode):
        return None
    if not _is_text(entry.name):
        return Entry(path, stamp, "its name is no text in UTF-8")
    return Entry(path, stamp, "" if os.access(path, os.R_OK) else "it may not be read")


def _is_text(name: str) -> bool:
    """Whether a name's bytes are UTF-8: Python keeps others as halves of letters, which no report could hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_whole(path: Path) -> bool:
    """Whether a file opens as a film, and nothing is missing that its container announces."""
    try:
        probe(path)
        return ends_where_it_says(path)
    except (UnderstudyError, OSError):  # what is wrong is said when it is made
        return False


def ends_where_it_says(path: Path) -> bool:
    """Whether the boxes of an MP4 or MOV reach to the end of the file; True for what has no such boxes.

    A film whose index comes first opens, and plays, long before it has been copied wholly.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        if file.read(_SIZE32)[4:] not in _FIRST_BOXES:
            return True
        place = 0
        for _ in range(MOST_BOXES):
            file.seek(place)
            head = file.read(_SIZE64)
            if len(head) < _SIZE32:
                break
            size = int.from_bytes(head[:4], "big")
            if size == 1:
                size = int.from_bytes(head[_SIZE32:], "big")
            if size == 0:  # the last box, to wherever the file ends
                return True
            if size < _SIZE32:  # no box: what follows is not for us to judge
                return True
            place += size
    return place <= length
