"""Runs laid side by side: what reports say of them is read, named apart, and its films found from the new page."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import ReportError
from stages.report.page import write_comparison
from stages.report.place import address_of, path_of
from stages.report.record import RunRecord, VideoRecord, read_report

MOST = 6  # runs on one page: as many as there are colours
SUFFIX = ".report.html"


def report_beside(film: Path) -> Path:
    """Where the report of a film lies."""
    return film.with_name(f"{film.stem}{SUFFIX}")


def reports_of(place: Path) -> tuple[Path, ...]:
    """The report pages that a path stands for: itself, the one beside a film, or those in a folder, sorted by name.

    Raises: ReportError: there is none.
    """
    if place.is_dir():
        found = tuple(sorted(place.glob(f"*{SUFFIX}")))
    else:
        page = place if place.suffix.lower() in (".html", ".htm") else report_beside(place)
        found = (page,) if page.is_file() else ()
    if not found:
        raise ReportError(
            place,
            "no report is there",
            f"a film with its {SUFFIX} beside it, such a page, or a folder of them",
            "Render the film again: every render writes its report.",
        )
    return found


def compare_reports(pages: Sequence[Path], output: Path, *, overwrite: bool = False) -> Path:
    """Write one page of several reports: films in step, lanes over each other, what differs marked.

    Args:
        pages: of single films or comparisons themselves, whose runs then all come in.
        output: the page to write.

    Returns: `output`.

    Raises:
        ReportError: a page cannot be read, or there are fewer than two runs, or more than `MOST`.
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    runs = [_seen_from(output.parent, run, page.parent) for page in pages for run in read_report(page).runs]
    if not 2 <= len(runs) <= MOST:
        raise ReportError(
            "report",
            f"{len(runs)} runs were given",
            f"2 to {MOST} runs to compare",
            "A single report needs no comparison: open it. Give several films, or fewer.",
        )
    named = [replace(run, name=name) for run, name in zip(_shown_once(runs), _names_apart(runs, pages), strict=True)]
    return write_comparison(" / ".join(run.name for run in named), named, output, overwrite=overwrite)


def _seen_from(folder: Path, run: RunRecord, home: Path) -> RunRecord:
    """A run of a page in `home`, its films addressed from `folder`; the conditioning stays away: it would crowd."""
    ends = (run.videos[0], run.videos[-1]) if len(run.videos) > 1 else run.videos
    return replace(run, videos=tuple(_moved(video, home, folder) for video in ends))


def _shown_once(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """A source that several runs were made from is shown with the first; results are shown in any case."""
    seen: set[str] = set()
    left = []
    for run in runs:
        *sources, result = run.videos
        left.append(replace(run, videos=(*(video for video in sources if video.src not in seen), result)))
        seen |= {video.src for video in sources}
    return left


def _moved(video: VideoRecord, home: Path, folder: Path) -> VideoRecord:
    return replace(video, src=address_of(path_of(video.src, home), folder))


def _names_apart(runs: Sequence[RunRecord], pages: Sequence[Path]) -> list[str]:
    """The runs' names; those that several have, with the folder of each, or at least its number."""
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return names
    if len(pages) == len(runs):
        folders = [page.resolve().parent for page in pages]
        above = Path(os.path.commonpath(folders))
        names = [f"{folder.relative_to(above)}/{name}" for folder, name in zip(folders, names, strict=True)]
    if len(set(names)) == len(names):
        return names
    return [f"{name} ({number + 1})" for number, name in enumerate(names)]
