"""A run as the process that does it sees it: who has it, whether it goes on, whose the outputs are."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import ConnectError
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.states import Completed, Running, State

from flows.operating.holder import Holder
from flows.operating.keeping import Keeper
from flows.operating.run_states import Request, asking


@dataclass
class OneRun:
    """What a Prefect client does, for one run; away, it raises as httpx does."""

    state: State = field(default_factory=Running)
    labels: dict[str, Any] = field(default_factory=dict)
    away: bool = False

    def read_flow_run(self, run: UUID) -> FlowRun:
        if self.away:
            raise ConnectError("nobody listens")
        return FlowRun(id=run, flow_id=run, state=self.state, labels=self.labels)

    def update_flow_run_labels(self, run: UUID, labels: dict[str, Any]) -> None:
        self.labels |= labels

    def set_flow_run_state(self, run: UUID, state: State, force: bool) -> None:
        assert force
        self.state = state


@pytest.fixture
def server() -> OneRun:
    return OneRun()


@pytest.fixture
def keeper(server: OneRun) -> Keeper:
    kept = Keeper(uuid4(), Holder.here(), None, server)  # type: ignore[arg-type]
    kept.take(None)
    return kept


def test_a_job_that_nobody_asks_anything_goes_on(keeper: Keeper):
    assert keeper.ask() is None


def test_a_job_that_is_asked_to_pause_enters_that_state_and_ends(keeper: Keeper, server: OneRun):
    server.state = asking(Request.PAUSE)
    ending = keeper.ask()
    assert isinstance(ending, Pause)
    assert server.state.name == "Suspended"


def test_a_job_that_another_process_has_taken_ends_here_and_touches_nothing(keeper: Keeper, server: OneRun):
    server.labels |= replace(Holder.here(), host="elsewhere").labels()
    assert isinstance(keeper.ask(), Pause)
    assert server.state.name == "Running"


def test_a_job_that_ended_elsewhere_ends_here_and_stays_as_it_is(keeper: Keeper, server: OneRun):
    server.state = Completed()
    assert isinstance(keeper.ask(), Pause)
    assert server.state.name == "Completed"


def test_a_server_that_is_away_does_not_stop_a_job(keeper: Keeper, server: OneRun):
    server.away = True
    assert keeper.ask() is None


def test_a_second_process_may_replace_what_the_first_delivered_before_it_died(keeper: Keeper):
    assert not keeper.has_begun(lambda: True)
    assert keeper.has_begun(lambda: False)


def test_what_lay_at_the_output_before_a_job_began_is_never_its_own(keeper: Keeper):
    assert not keeper.has_begun(lambda: False)
    assert not keeper.has_begun(lambda: False)
