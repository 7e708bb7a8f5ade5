"""Keep a domain's pictures at the training size on disk: read once as a stream, learnt from as a memory map.

A store is a folder: the pictures one after the other, which of them follow each other, and in words what they are made
of. Neither a film's length nor the number of pictures costs memory.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.array_file import DAMAGE
from pipeline.artifacts import FileRef, atomic_folder
from pipeline.errors import TrainingError
from pipeline.image import crop, resize
from pipeline.limits import bounded_text
from pipeline.values import Box
from stages.training.picture_sources import Listing, Row, Source, for_each_row, listed, listed_pairs

VERSION = 1
PICTURES, FOLLOWS, FACTS = "pictures.u8", "follows.npy", "store.json"
PAIR = ("a", "b")  # folders of a paired store
NAMED_AT_MOST = 5  # files in a line of the report; all are in the store's facts
CUT_AWAY = 0.02  # of a picture's width or height: what is cut to fit the others, beyond which it is said

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """At what size pictures are kept, and how few are too few."""

    side: int = 286  # pixels of the shorter side, to which pictures are resized; the papers': for crops of 256
    multiple: int = 2  # of both sides, pixels
    least: int = 16  # pictures: below, there is nothing to learn a look from
    most: int = 6000  # pictures of one clip; of a longer one pairs of neighbours, evenly over its length

    def __post_init__(self) -> None:
        if self.multiple < 1 or self.side < self.multiple:
            raise ValueError(f"StoreConfig.side is {self.side}, .multiple {self.multiple}, expected 1 or more each.")
        if self.least < 1 or self.most < 2:
            raise ValueError(f"StoreConfig.least is {self.least}, .most {self.most}, expected at least 1 and 2.")


@dataclass(frozen=True, slots=True)
class Origin:
    """A place that pictures came from, for the record."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What a store holds and what had to be done to it."""

    pictures: int
    width: int
    height: int
    origins: tuple[Origin, ...]
    converted: dict[str, int]  # how many pictures were grey, with transparency, of 16 bits
    cut: int  # pictures of another shape, whose edges were cut
    skipped: dict[str, str]  # files that could not be read, with the reason
    passed_over: tuple[str, ...]  # files that are neither clip nor picture, or have no partner

    @property
    def lines(self) -> tuple[str, ...]:
        """The report in sentences; the first says how many pictures there are."""
        said = [f"{self.pictures} pictures of {self.width}x{self.height}"]
        for word, count in self.converted.items():
            said.append(f"{_counted(count, 'picture')} {_were(count)} {word}: converted to RGB")
        if self.cut == 1:
            said.append("1 picture has another shape than the first: its edges are cut")
        elif self.cut:
            said.append(f"{self.cut} pictures have another shape than the first: their edges are cut")
        if self.skipped:
            reasons, count = [f"{name} ({reason})" for name, reason in self.skipped.items()], len(self.skipped)
            files = f"{_counted(count, 'file')} could not be read and {_were(count)} skipped"
            said.append(f"{files}: {_some(reasons)}")
        if self.passed_over:
            files = f"{_counted(len(self.passed_over), 'file')} {_were(len(self.passed_over))} passed over"
            said.append(f"{files}, neither clip nor picture or without a partner: {_some(self.passed_over)}")
        return tuple(said)


@dataclass(frozen=True, slots=True, eq=False)
class PictureStore:
    """What training reads; arrays are read-only, the pictures memory-mapped."""

    pictures: U8  # (n, h, w, 3) RGB
    follows: NDArray[np.bool_]  # (n,): the picture before is the moment before, in the same shot
    report: StoreReport

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def trained(self) -> int:
        """Pictures 0 … trained-1 may be learnt from: all of them."""
        return len(self.pictures)


def prepare_pictures(
    places: Sequence[Path],
    config: StoreConfig,
    folder: Path,
    *,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
) -> StoreReport:
    """Write a domain's store to `folder`, whole or not at all.

    Args:
        places: clips, pictures, folders of either or both, and of folders.
        strict: refuse what cannot be read instead of skipping it; a file that is named itself is always refused.
        progress: told how many pictures are kept.

    Raises:
        TrainingError: too few pictures, or a file cannot be used; see `listed`, `for_each_row`.
        VideoError, FrameError: a clip cannot be read.
        StorageError: the folder cannot be written.
    """
    listing = listed(places)
    with atomic_folder(folder) as beside:
        origins = [[FileRef.of(place) for place in places]]
        (report,) = _fill([beside], listing, config, origins, strict=strict, progress=progress)
    return report


def prepare_pairs(
    one: Path,
    other: Path,
    config: StoreConfig,
    folder: Path,
    *,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
) -> tuple[StoreReport, StoreReport]:
    """Write two stores whose pictures belong together, one by one, to `folder`/a and `folder`/b.

    Args:
        one, other: two clips of equal length, two pictures, or two folders in which partners have the same name. Maps
            of labels and edges are pictures like any others.
        strict, progress: as for `prepare_pictures`.

    Raises: as `prepare_pictures`; TrainingError also where two that belong together differ in shape.
    """
    listing = listed_pairs(one, other)
    with atomic_folder(folder) as beside:
        folders = [beside / name for name in PAIR]
        for store in folders:
            store.mkdir()
        origins = [[FileRef.of(one)], [FileRef.of(other)]]
        first, second = _fill(folders, listing, config, origins, strict=strict, progress=progress)
    return first, second


def open_pictures(folder: Path) -> PictureStore:
    """Open a store without reading its pictures.

    Raises: TrainingError: the folder holds none, or one of another version.
    """
    try:
        facts = json.loads(bounded_text(folder / FACTS))
        if facts["version"] != VERSION:
            raise TrainingError(folder, f"version {facts['version']}", f"version {VERSION}", "Prepare it again.")
        values = facts["report"]
        values["origins"] = tuple(Origin(**origin) for origin in values["origins"])
        values["passed_over"] = tuple(values["passed_over"])
        report = StoreReport(**values)
        shape = (report.pictures, report.height, report.width, 3)
        if prod(shape) != (folder / PICTURES).stat().st_size:
            raise ValueError(f"{PICTURES} is not of {report.pictures} pictures")
        pictures = np.memmap(folder / PICTURES, dtype=np.uint8, mode="r", shape=shape)
        follows = np.load(folder / FOLLOWS, allow_pickle=False)
    except DAMAGE as error:
        raise TrainingError(
            folder, f"no store of pictures ({error})", "a folder that training prepared", "Prepare it again."
        ) from error
    return PictureStore(pictures, follows, report)


def open_pairs(folder: Path) -> tuple[PictureStore, PictureStore]:
    """Open the two stores of a paired one; see `open_pictures`."""
    one, other = (open_pictures(folder / name) for name in PAIR)
    return one, other


class _Keeping:
    """Takes rows and writes each domain's pictures to its file, all at the size that the first row sets."""

    def __init__(self, files: Sequence[BinaryIO], config: StoreConfig, progress: Callable[[int], None] | None) -> None:
        self._files, self._config, self._progress = files, config, progress
        self.size: tuple[int, int] | None = None  # width, height
        self.follows: list[bool] = []
        self.converted: Counter[str] = Counter()
        self.cut = 0

    def __call__(self, source: Source, row: Row) -> None:
        shapes = [image.shape[:2] for image in row.images]
        if any(_lost(shapes[0], shape) > CUT_AWAY for shape in shapes):
            raise _apart(source, shapes)
        self.size = self.size or _kept_size(shapes[0], self._config)
        width, height = self.size
        self.cut += _lost(shapes[0], (height, width)) > CUT_AWAY
        for file, image in zip(self._files, row.images, strict=True):
            file.write(_covering(image, width, height).tobytes())
        self.follows.append(row.follows)
        self.converted.update(row.converted)
        if self._progress is not None:
            self._progress(len(self.follows))


def _fill(
    folders: Sequence[Path],
    listing: Listing,
    config: StoreConfig,
    origins: Sequence[Sequence[FileRef]],
    *,
    strict: bool,
    progress: Callable[[int], None] | None,
) -> list[StoreReport]:
    """Write all files of one store, or of two that belong together; one report for each."""
    if strict and listing.passed_over:
        raise _strictly(listing)
    with ExitStack() as stack:
        files = [stack.enter_context((folder / PICTURES).open("wb")) for folder in folders]
        keeping = _Keeping(files, config, progress)
        skipped = for_each_row(listing.sources, keeping, most=config.most, strict=strict)
    where = " and ".join(str(ref.path) for refs in origins for ref in refs)
    _refuse_few(where, len(keeping.follows), len(skipped), config)
    assert keeping.size is not None
    reports = []
    for folder, refs in zip(folders, origins, strict=True):
        report = StoreReport(
            pictures=len(keeping.follows),
            width=keeping.size[0],
            height=keeping.size[1],
            origins=tuple(Origin(ref.path.name, ref.sha256) for ref in refs),
            converted=dict(sorted(keeping.converted.items())),
            cut=keeping.cut,
            skipped=skipped,
            passed_over=tuple(str(path) for path in listing.passed_over),
        )
        np.save(folder / FOLLOWS, np.array(keeping.follows, dtype=bool))
        facts = {"version": VERSION, "report": asdict(report)}
        (folder / FACTS).write_text(json.dumps(facts, indent=2), encoding="utf-8")
        reports.append(report)
    return reports


def _kept_size(shape: tuple[int, ...], config: StoreConfig) -> tuple[int, int]:
    """Width and height whose shorter side is about `config.side`, both multiples of `config.multiple`."""
    height, width = shape[:2]
    scale = config.side / min(height, width)
    width, height = (max(1, round(side * scale / config.multiple)) * config.multiple for side in (width, height))
    return width, height


def _covering(image: U8, width: int, height: int) -> U8:
    """The picture resized, its shape kept, until it covers the size, and the rest cut away on both sides alike."""
    scale = max(width / image.shape[1], height / image.shape[0])
    wide, high = max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale))
    left, top = (wide - width) // 2, (high - height) // 2
    return crop(resize(image, wide, high), Box(left, top, left + width, top + height))


def _lost(shape: tuple[int, ...], into: tuple[int, ...]) -> float:
    """The share of one side that is cut away where a picture (height, width) is to have another's shape."""
    ratio = (shape[1] * into[0]) / (shape[0] * into[1])
    return 1 - min(ratio, 1 / ratio)


def _apart(source: Source, shapes: Sequence[tuple[int, ...]]) -> TrainingError:
    sizes = " and ".join(f"{width}x{height}" for height, width in shapes)
    where = " and ".join(str(path) for path in source.paths)
    return TrainingError(where, f"they are {sizes}", "two pictures of one shape", "Cut one as the other is cut.")


def _strictly(listing: Listing) -> TrainingError:
    names = [str(path) for path in listing.passed_over]
    return TrainingError(
        "--strict",
        f"{_counted(len(names), 'file')} neither clip nor picture or without a partner: {_some(names)}",
        "clips and pictures only",
        "Take them out, or leave --strict out.",
    )


def _refuse_few(where: str, count: int, skipped: int, config: StoreConfig) -> None:
    if count < config.least:
        unread = f" and {_counted(skipped, 'file')} could not be read" if skipped else ""
        raise TrainingError(
            where,
            f"there are {_counted(count, 'picture')}{unread}",
            f"at least {config.least}, better some hundred",
            "Give more clips or pictures of this look.",
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED_AT_MOST]) + (", …" if len(names) > NAMED_AT_MOST else "")
