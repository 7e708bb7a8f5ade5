"""Runs of our deployments as Prefect knows them: found by id, read as jobs, with what their journals say last."""

import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.operating.holder import JOURNAL
from flows.operating.run_states import utc_now
from pipeline.errors import OperatingError

TAG = "understudy"  # of every run of ours; flows within flows do not have it
LOOKED_AT = 200  # runs, the newest
LINES = 20  # of a journal's end, that are looked at
UNTOLD = {"begun", "stopped"}  # lines that say nothing of how far a job is
SHORT = 8  # digits of an id that are shown


@dataclass(frozen=True, slots=True)
class Standing:
    """A job as it stands."""

    run: FlowRun
    name: str
    kind: str
    state: str  # as Prefect calls it
    message: str  # why it is in that state
    age: timedelta  # since the run was made
    progress: str  # the last line of its journal; empty where there is none here
    log: Path | None  # the journal, where it lies on this machine

    @property
    def short_id(self) -> str:
        """As many digits of its id as lists show."""
        return str(self.run.id)[:SHORT]


def runs_of(client: SyncPrefectClient, *kinds: StateType, limit: int = LOOKED_AT) -> Sequence[FlowRun]:
    """Runs of ours in states of these types (of any, where none is given), the newest first."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(kinds))) if kinds else None
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG]), state=state),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=min(limit, LOOKED_AT),
    )


def find_run(client: SyncPrefectClient, word: str) -> FlowRun:
    """The one run of ours whose id begins like this, or whose name this is.

    Raises: OperatingError: there is none, or more than one.
    """
    runs = runs_of(client)
    found = [run for run in runs if str(run.id).startswith(word.lower())] or [run for run in runs if run.name == word]
    if len(found) == 1:
        return found[0]
    said = f"{len(found)} jobs are called so" if found else "there is no such job"
    raise OperatingError(f"job {word}", said, "the beginning of one job's id", "See `understudy jobs list`.")


def standing(run: FlowRun) -> Standing:
    """What a run is about and how far it is."""
    assert run.state is not None and run.created is not None
    log = log_of(run)
    return Standing(
        run=run,
        name=run.name,
        kind=str(run.parameters.get("job", {}).get("kind", "batch")),
        state=run.state.name or run.state.type.value.title(),
        message=run.state.message or "",
        age=utc_now() - run.created,
        progress="" if log is None else last_line(log),
        log=log,
    )


def log_of(run: FlowRun) -> Path | None:
    """A run's journal, where it lies on this machine; a batch has one for each of its jobs, and none of its own."""
    written = run.labels.get(JOURNAL)
    path = None if written is None else Path(str(written))
    return path if path is not None and path.exists() else None


def last_line(log: Path) -> str:
    """The last thing that a journal says, with its stage and frame."""
    with log.open(encoding="utf-8") as file, suppress(ValueError):
        for text in reversed(deque(file, maxlen=LINES)):
            with suppress(ValueError):  # of the last line half may be missing
                line = json.loads(text)
                if line.get("message") not in UNTOLD and "error" not in line:
                    return _said(line)
    return ""


def _said(line: dict[str, object]) -> str:
    stage, frame, message = line.get("stage"), line.get("frame"), line.get("message")
    where = f"{stage}, frame {frame}" if stage and frame is not None else stage
    return f"{where}: {message}" if where and where != message else str(message)
