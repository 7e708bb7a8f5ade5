"""`understudy report`: runs side by side on one page."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import Overwrite
from pipeline.artifacts import refuse_existing
from pipeline.errors import ReportError

RUN_HELP = "A film with its report beside it, a report page, a folder of them, or a jobs file."


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help=RUN_HELP, show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("comparison.html"),
    overwrite: Overwrite = False,
) -> None:
    """Compare RUNs on one page: films in step, lanes over each other, what differs marked."""
    from stages.report.compare import compare_reports, reports_of

    pages = [page for run in runs for page in (_of_jobs(run) if _is_jobs_file(run) else reports_of(run))]
    if len(pages) == 1:
        typer.echo(pages[0])  # nothing to compare: here it is
        return
    refuse_existing(output, overwrite=overwrite)
    typer.echo(compare_reports(pages, output, overwrite=overwrite))


def _is_jobs_file(run: Path) -> bool:
    return run.suffix.lower() in (".yaml", ".yml")


def _of_jobs(jobs_file: Path) -> tuple[Path, ...]:
    """The reports beside the films that a jobs file names, as far as they are made.

    Raises: ReportError: none is. JobError: the file cannot be read.
    """
    from flows.jobs.job_file import read_jobs
    from stages.report.compare import report_beside

    made = [report_beside(path) for step in read_jobs(jobs_file) for path in step.job.outputs()]
    pages = tuple(page for page in made if page.is_file())
    if not pages:
        raise ReportError(
            jobs_file,
            "none of its jobs has a report yet",
            "films with their reports beside them",
            f"Make them first: understudy batch {jobs_file.name}",
        )
    return pages
