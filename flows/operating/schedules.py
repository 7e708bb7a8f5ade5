"""Schedules: jobs files that Prefect starts by the clock, as deployments of the batch flow."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.schedules import Cron
from prefect.server.schemas.schedules import CronSchedule

from flows.jobs.deployed import batch_job
from flows.operating.deploying import deployment, make_pool
from flows.operating.hours import Hours, zone_named
from pipeline.errors import OperatingError

TAG = "understudy-schedule"


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule as it stands."""

    name: str
    jobs_file: str
    cron: str
    timezone: str
    between: str | None
    active: bool
    next_start: datetime | None  # in its own time zone; None where it is paused


def add(
    name: str,
    jobs_file: Path,
    cron: str,
    timezone: str,
    between: str | None,
    *,
    pool: str,
    workspace: str,
    roots: Sequence[Path] = (),
) -> Planned:
    """Let a jobs file run by the clock, in place of a schedule of the same name.

    Args:
        between: hours in which its jobs may run, as `Hours.parse` takes them, by the clock of `timezone`.
        workspace: as `Workspace.address` gives it.
        roots: folders that the jobs may use; none: any.

    Raises: OperatingError: no such file; a cron that is none or never comes; no such time zone; no hours.
    """
    if not jobs_file.is_file():
        raise OperatingError(jobs_file, "there is no such file", "a jobs file", "See docs/jobs.md.")
    zone_named(timezone)
    hours = None if between is None else str(Hours.parse(between, timezone))
    first = next_start(cron, timezone)
    make_pool(pool)
    parameters = {"jobs_file": str(jobs_file), "workspace": workspace, "between": hours, "roots": [*map(str, roots)]}
    deployment(batch_job, name, pool, schedule=Cron(cron, timezone=timezone), parameters=parameters, tags=[TAG]).apply()
    return Planned(name, str(jobs_file), cron, timezone, hours, True, first)


def planned(client: SyncPrefectClient) -> list[Planned]:
    """Every schedule, by name."""
    return sorted((_planned(found) for found in _found(client)), key=lambda each: each.name)


def remove(client: SyncPrefectClient, name: str) -> None:
    """Forget a schedule; runs of it that have begun go on.

    Raises: OperatingError: there is none of this name.
    """
    client.delete_deployment(_named(client, name).id)


def set_active(client: SyncPrefectClient, name: str, active: bool) -> None:
    """Let a schedule rest, or start again.

    Raises: OperatingError: there is none of this name.
    """
    found = _named(client, name)
    for schedule in found.schedules:
        client.update_deployment_schedule(found.id, schedule.id, active=active)


def next_start(cron: str, timezone: str) -> datetime:
    """When a cron comes the next time, by the clock of its time zone.

    Raises: OperatingError: it cannot be read, or never comes.
    """
    try:
        schedule = CronSchedule(cron=cron, timezone=timezone)
    except ValueError as error:
        raise OperatingError(
            f"--cron {cron!r}",
            "this cannot be read",
            "minute, hour, day, month, day of the week",
            "Every night at two is '0 2 * * *'.",
        ) from error
    try:
        return asyncio.run(schedule.get_dates(1))[0]
    except (ValueError, IndexError) as error:
        raise OperatingError(
            f"--cron {cron!r}", "this day never comes", "one that the calendar has", "See day and month."
        ) from error


def _planned(found: DeploymentResponse) -> Planned:
    schedule, active = found.schedules[0].schedule, found.schedules[0].active and not found.paused
    cron, timezone = str(getattr(schedule, "cron", "")), str(getattr(schedule, "timezone", "UTC"))
    said = found.parameters
    return Planned(
        found.name,
        str(said.get("jobs_file")),
        cron,
        timezone,
        said.get("between"),
        active,
        next_start(cron, timezone) if active else None,
    )


def _found(client: SyncPrefectClient) -> list[DeploymentResponse]:
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    return [found for found in client.read_deployments(deployment_filter=ours) if found.schedules]


def _named(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    there = {found.name: found for found in _found(client)}
    if name not in there:
        known = ", ".join(sorted(there)) or "none is"
        raise OperatingError(f"schedule {name}", "it is not there", f"one that is: {known}", "See `schedule list`.")
    return there[name]
