"""A batch for people to read: the plan before, the results after."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.jobs.batch import End, Row, summary
from flows.jobs.plan import Planned

WIDTH = 160  # columns where nothing says how wide the terminal is
COLOURS = {End.DONE: "green", End.REUSED: "green", End.FAILED: "red", End.NOT_RUN: "yellow", End.LEFT_OUT: "dim"}
NOTE = "Estimates, for two processor cores without a graphics card; disk is of the workspace while the batch runs."


def console() -> Console:
    """Standard output; wide where it is a file."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=WIDTH)


def plan_table(plan: Sequence[Planned]) -> Table:
    """What every job is, how it stands, what it may take; with the total."""
    table = Table(box=box.SIMPLE, show_footer=True)
    minutes, mib = (sum(getattr(one.estimate, field) for one in plan) for field in ("minutes", "mib"))
    to_do = sum(one.is_to_do for one in plan)
    table.add_column("job", f"{to_do} of {len(plan)} to do", overflow="fold")
    table.add_column("kind")
    table.add_column("of", overflow="fold")
    table.add_column("frames", justify="right")
    table.add_column("state", overflow="fold")
    table.add_column("minutes", f"{minutes:.1f}", justify="right")
    table.add_column("MB", f"{mib:.0f}", justify="right")
    table.add_column("shares", overflow="fold")
    for one in plan:
        job, expected = one.step.job, one.estimate
        names = ", ".join(path.name for path in job.inputs())
        frames = "" if expected.frames is None else str(expected.frames)
        costs = ("", "")
        if one.is_to_do and one.fault is None:
            costs = _amount(expected.minutes, ".1f"), _amount(expected.mib, ".0f")
        table.add_row(
            escape(job.name),
            job.kind,
            escape(names),
            frames,
            _state(one, plan),
            *costs,
            escape(", ".join(expected.shared)),
        )
    return table


def _amount(value: float, form: str) -> str:
    """A number as it is shown; what would be shown as nothing is less than the smallest that is."""
    least = 10.0 ** -int(form[1])
    return f"{value:{form}}" if value == 0 or value >= least / 2 else f"<{least:g}"


def _state(one: Planned, plan: Sequence[Planned]) -> str:
    if one.fault is not None:
        return f"[red]{escape(str(one.fault))}[/]"
    if not one.is_to_do:
        return one.standing.value if one.standing.value == "done" else "left out"
    after = [plan[need].step.job.name for need in one.step.needs if plan[need].is_to_do]
    return escape(f"{one.standing.value}{f', after {after[-1]}' if after else ''}")


def result_table(rows: Sequence[Row]) -> Table:
    """What came of every job."""
    table = Table(box=box.SIMPLE, show_footer=True)
    table.add_column("job", summary(rows), overflow="fold")
    table.add_column("state")
    table.add_column("seconds", f"{sum(row.seconds for row in rows):.1f}", justify="right")
    table.add_column("output, or why there is none", overflow="fold")
    for row in rows:
        seconds = f"{row.seconds:.1f}" if row.seconds else ""
        table.add_row(escape(row.name), f"[{COLOURS[row.end]}]{row.end.value}[/]", seconds, escape(row.said))
    return table
