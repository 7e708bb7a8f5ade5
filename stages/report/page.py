"""write_report, write_comparison: one HTML file that needs nothing but the films it names; no server, no network."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template

from pipeline.artifacts import atomic_file
from stages.report import markup
from stages.report.content import ReportPage
from stages.report.figures import figures_of
from stages.report.record import CLOSING, OPENING, VERSION, PageRecord, RunRecord, record_of, to_json

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "record.js",
    "player.js",
    "timeline.js",
    "curves.js",
    "page.js",
)  # in the order in which they build on others


def write_report(page: ReportPage, output: Path, *, overwrite: bool = True) -> Path:
    """Write the page of one film to `output`, whole or not at all; the films stay where they are.

    Returns: `output`.

    Raises:
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    run = record_of(page, output.parent)
    record = PageRecord(VERSION, run.name, (run,))
    sections = [
        markup.section("Weak moments", markup.moment_list([(0, run, found) for found in run.moments], page.moments)),
        markup.section("Figures", markup.figure_tiles(figures_of([run])), "tiles") if run.lanes else "",
        _curves([run]),
        markup.section("Contact sheets", markup.sheet_list(page.sheets), "sheets") if page.sheets else "",
        markup.section("Time and memory", markup.stage_table(run.stages)) if run.stages else "",
        markup.section("What it was made of", markup.fact_list(run.facts)) if run.facts else "",
    ]
    return _write(record, "Report", sections, output, overwrite=overwrite)


def write_comparison(title: str, runs: Sequence[RunRecord], output: Path, *, overwrite: bool = True) -> Path:
    """Write a page that shows runs side by side, in step, and marks in what they differ.

    Args:
        title: of the page.
        runs: whose films' addresses are relative to the folder of `output`.

    Returns: `output`.

    Raises: as `write_report`.
    """
    record = PageRecord(VERSION, title, tuple(runs))
    sections = [
        markup.section("Figures", markup.figure_table(runs, figures_of(runs))),
        markup.section("Weak moments", markup.moment_list(markup.interleaved(runs), ())),
        _curves(runs),
        *(markup.section(f"Time and memory: {run.name}", markup.stage_table(run.stages)) for run in runs if run.stages),
        markup.section("What they were made of", markup.difference_table(runs)),
    ]
    return _write(record, "Comparison", sections, output, overwrite=overwrite)


def _curves(runs: Sequence[RunRecord]) -> str:
    names = dict.fromkeys(curve.name for run in runs for curve in run.curves)
    return markup.section("Training", markup.curve_list(names, runs), "curves") if names else ""


def _write(record: PageRecord, kind: str, sections: Sequence[str], output: Path, *, overwrite: bool) -> Path:
    style, script = (ASSETS / "style.css").read_text("utf-8"), _script()
    longest = max(record.runs, key=lambda run: markup.time_of(run, run.frames - 1))
    text = Template((ASSETS / "page.html").read_text("utf-8")).substitute(
        policy=_policy(style, script),
        title=escape(record.title),
        kind=kind,
        outline=escape(markup.outline(longest)),
        style=style,
        reels=markup.reels(record.runs),
        many=" many" if len(record.runs) > 1 else "",
        sections="".join(sections),
        version=escape(_version()),
        data=f"{OPENING}{to_json(record)}{CLOSING}",
        script=script,
    )
    with atomic_file(output, overwrite=overwrite) as beside:
        beside.write_text(text, "utf-8", newline="\n")
    return output


@cache
def _script() -> str:
    """All scripts as one, in a scope of its own."""
    parts = "\n".join((ASSETS / name).read_text("utf-8") for name in SCRIPTS)
    return f'"use strict";\n{{\n{parts}\n}}\n'


def _policy(style: str, script: str) -> str:
    """What the browser may do for this page: run our script, play films from the disk; and nothing else."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "media-src 'self' file:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _version() -> str:
    try:
        return version("understudy")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "(from source)"
