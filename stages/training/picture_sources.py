"""What a domain is made of: clips, folders of clips, folders of pictures, mixed; sorted, and read as a stream."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import LimitExceeded, TrainingError, VideoError
from pipeline.streams import in_step, prefetched
from pipeline.values import Frame
from pipeline.video import probe, read_video
from stages.tracking.cuts import CUT_DISTANCE, picture_signature, signature_distance
from stages.training.stills import SUFFIXES as STILLS
from stages.training.stills import read_still

CLIPS = frozenset((".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts"))
AHEAD = 4  # frames decoded before they are asked for

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of one domain, or two files that belong together; either all clips or all pictures."""

    paths: tuple[Path, ...]
    named: bool  # the user named this file: it must be readable

    @property
    def is_clip(self) -> bool:
        """Whether its files are clips."""
        return _is_clip(self.paths[0])


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One picture of each domain."""

    images: tuple[U8, ...]  # (h, w, 3) RGB each, of any size
    follows: bool  # the row before is the moment before, in the same shot
    converted: tuple[str, ...] = ()  # what the files were other than RGB of 8 bits


@dataclass(frozen=True, slots=True)
class Listing:
    """The files found, and what was passed over."""

    sources: tuple[Source, ...]
    passed_over: tuple[Path, ...]  # neither clip nor picture, or without a partner


def listed(places: Sequence[Path]) -> Listing:
    """Find the files of a domain: those named, and all in the folders named, also in folders within, by name.

    Raises: TrainingError where a place does not exist or a file is neither clip nor picture.
    """
    sources: list[Source] = []
    passed_over: list[Path] = []
    for place in places:
        if place.is_dir():
            found = _files(place)
            sources += [Source((path,), named=False) for path in found if _known(path)]
            passed_over += [path for path in found if not _known(path)]
        else:
            _refuse_unknown(place)
            sources.append(Source((place,), named=True))
    return Listing(tuple(sources), tuple(passed_over))


def listed_pairs(one: Path, other: Path) -> Listing:
    """Find the files that belong together: two files, or those of equal name (but for the suffix) in two folders.

    Raises: TrainingError where a place does not exist, one is a folder and the other a file, or a clip would be paired
        with a picture.
    """
    if one.is_dir() != other.is_dir():
        raise TrainingError(f"{one} and {other}", "one is a folder, one a file", "two of a kind", "Give two folders.")
    if not one.is_dir():
        _refuse_unknown(one)
        _refuse_unknown(other)
        return Listing((_paired(one, other, named=True),), ())
    ours, theirs = _by_name(one), _by_name(other)
    both = sorted(ours.keys() & theirs.keys())
    alone = [path for names in (ours, theirs) for name, path in names.items() if name not in both]
    unknown = [path for place in (one, other) for path in _files(place) if not _known(path)]
    return Listing(tuple(_paired(ours[name], theirs[name], named=False) for name in both), (*alone, *unknown))


def read_rows(source: Source, *, most: int) -> Generator[Row, None, None]:
    """Stream a source's pictures. No more than some frames of a clip are in memory, whatever its length.

    Args:
        most: pictures of one clip; a longer one is thinned to pairs of neighbours, evenly over its length.

    Raises:
        VideoError, FrameError: a clip cannot be read, or two that belong together are not equally long.
        TrainingError: a picture cannot be read.
    """
    if source.is_clip:
        yield from _clip_rows(source.paths, most)
        return
    stills = [read_still(path) for path in source.paths]
    converted = tuple(sorted({word for still in stills for word in still.converted}))
    yield Row(tuple(still.image for still in stills), follows=False, converted=converted)


def _clip_rows(paths: tuple[Path, ...], most: int) -> Generator[Row, None, None]:
    count = min(map(_frames_in, paths))
    every = -(-2 * count // most) if count > most else 1
    with closing(_moments(paths)) as moments:
        before: NDArray[np.float32] | None = None
        for frames in moments:
            if every > 1 and frames[0].index % every > 1:
                before = None
                continue
            signature = picture_signature(frames[0].image)
            follows = before is not None and signature_distance(before, signature) <= CUT_DISTANCE
            before = signature
            yield Row(tuple(frame.image for frame in frames), follows=follows)


def _frames_in(path: Path) -> int:
    """About how many, as the container claims; 0 where it does not say."""
    info = probe(path)
    return info.frames or round((info.duration or 0) * info.frame_rate)


def _moments(paths: tuple[Path, ...]) -> Generator[tuple[Frame, ...], None, None]:
    """The frames of one clip, or of two in step."""
    with ExitStack() as stack:
        streams: list[Iterator[Frame]] = []
        for path in paths:
            reader = stack.enter_context(read_video(path))
            streams.append(stack.enter_context(closing(prefetched(reader, AHEAD))))
        if len(streams) == 1:
            yield from ((frame,) for frame in streams[0])
        else:
            one, other = streams
            yield from in_step(one, other, names=(str(paths[0]), str(paths[1])))


def for_each_row(
    sources: Sequence[Source], keep: Callable[[Source, Row], None], *, most: int, strict: bool
) -> dict[str, str]:
    """Give every picture of every source to `keep`; return what could not be read, by name, with the reason.

    Files that were found in a folder are skipped where they cannot be read, or from where they break off; those the
    user named, and all where `strict`, must be whole.

    Raises: VideoError, FrameError, TrainingError: see `read_rows`.
    """
    skipped = {}
    for source in sources:
        try:
            with closing(read_rows(source, most=most)) as rows:
                for row in rows:
                    keep(source, row)
        except (VideoError, TrainingError, LimitExceeded) as error:
            if strict or source.named:
                raise
            skipped[" and ".join(str(path) for path in source.paths)] = error.found
    return skipped


def _files(folder: Path) -> list[Path]:
    """All files in a folder and those within; not the hidden ones that systems leave there."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _by_name(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in _files(folder) if _known(path)}


def _paired(one: Path, other: Path, *, named: bool) -> Source:
    if _is_clip(one) != _is_clip(other):
        raise TrainingError(f"{one} and {other}", "one is a clip, one a picture", "two of a kind", "Take one out.")
    return Source((one, other), named)


def _refuse_unknown(path: Path) -> None:
    if not path.exists():
        raise TrainingError(path, "there is no such file or folder", "clips or pictures", "Check the path.")
    if not _known(path):
        kinds = ", ".join(sorted(CLIPS | STILLS))
        raise TrainingError(path, f"the suffix {path.suffix!r} names no clip or picture", f"one of {kinds}", "Convert.")


def _known(path: Path) -> bool:
    return _is_clip(path) or path.suffix.lower() in STILLS


def _is_clip(path: Path) -> bool:
    return path.suffix.lower() in CLIPS
