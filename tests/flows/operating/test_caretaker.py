"""Which runs nobody does any more, and which late ones another makes up for."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running, Scheduled, State

from flows.operating.caretaker import CANCEL_PATIENCE, PENDING_PATIENCE, is_dead, is_deaf, missed
from flows.operating.holder import LOST_AFTER, Holder
from flows.operating.job_process import RUN
from flows.operating.run_states import Request, asking, utc_now

NOW = utc_now()
ELSEWHERE = replace(Holder.here(), host="elsewhere")


def run(state: State, labels: Mapping[str, str | int | float | bool] = {}) -> FlowRun:
    return FlowRun(flow_id=uuid4(), state=state, labels=dict(labels))


def late(deployment: UUID, due: datetime, *, auto: bool = True, times: int = 0) -> FlowRun:
    state = Scheduled(scheduled_time=due)
    return FlowRun(
        flow_id=uuid4(),
        deployment_id=deployment,
        state=state,
        expected_start_time=due,
        auto_scheduled=auto,
        run_count=times,
    )


def test_a_run_whose_process_lives_is_left_alone():
    assert not is_dead(run(Running(), Holder.here().labels()), NOW)


def test_a_run_whose_process_is_gone_is_dead():
    gone = replace(Holder.here(), started=0.0)
    assert is_dead(run(Running(), gone.labels()), NOW)


def test_a_run_on_another_machine_is_dead_after_a_long_silence_only():
    at = NOW.timestamp()
    assert not is_dead(run(Running(), ELSEWHERE.labels(now=at - 10)), NOW)
    assert is_dead(run(Running(), ELSEWHERE.labels(now=at - LOST_AFTER - 1)), NOW)


def test_a_run_that_a_worker_took_has_time_to_start_its_process():
    taken = run(Pending(timestamp=NOW - PENDING_PATIENCE + timedelta(seconds=1)))
    forgotten = run(Pending(timestamp=NOW - PENDING_PATIENCE - timedelta(seconds=1)))
    assert not is_dead(taken, NOW)
    assert is_dead(forgotten, NOW)


def test_a_process_that_starts_slowly_is_not_taken_for_dead_as_long_as_it_lives():
    taken = run(Pending(timestamp=NOW - 10 * PENDING_PATIENCE), Holder.here().labels(role="worker"))
    assert is_dead(taken, NOW)
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    slow = subprocess.Popen(words, env={**os.environ, RUN: str(taken.id)})
    try:
        assert not is_dead(taken, NOW)
    finally:
        slow.kill()
        slow.wait()
    assert is_dead(taken, NOW)


def test_who_held_a_run_before_it_was_taken_again_says_nothing_of_the_new_process():
    gone = replace(Holder.here(), started=0.0).labels(now=NOW.timestamp() - 60)
    assert not is_dead(run(Pending(timestamp=NOW - timedelta(seconds=5)), gone), NOW)


def test_a_process_that_died_while_it_started_is_noticed_at_once():
    gone = replace(Holder.here(), started=0.0).labels(now=NOW.timestamp())
    assert is_dead(run(Pending(timestamp=NOW - timedelta(seconds=5)), gone), NOW)


def test_a_cancelled_job_has_time_to_come_to_the_end_of_its_chunk():
    asked = asking(Request.CANCEL)
    patient = asked.model_copy(update={"timestamp": NOW - CANCEL_PATIENCE + timedelta(seconds=1)})
    deaf = asked.model_copy(update={"timestamp": NOW - CANCEL_PATIENCE - timedelta(seconds=1)})
    assert not is_deaf(run(patient), NOW)
    assert is_deaf(run(deaf), NOW)


def test_of_the_late_runs_of_a_schedule_all_but_the_newest_are_missed():
    nightly, other = uuid4(), uuid4()
    nights = [late(nightly, NOW - timedelta(days=days)) for days in (3, 1, 2)]
    alone = late(other, NOW - timedelta(days=9))
    assert {each.id for each in missed([*nights, alone], NOW)} == {nights[0].id, nights[2].id}


def test_runs_that_are_not_due_yet_make_up_for_nothing():
    nightly = uuid4()
    assert missed([late(nightly, NOW - timedelta(days=1)), late(nightly, NOW + timedelta(hours=1))], NOW) == []


def test_jobs_that_people_handed_in_and_nights_that_have_begun_are_never_skipped():
    kind = uuid4()
    by_hand = [late(kind, NOW - timedelta(hours=hours), auto=False) for hours in (1, 2)]
    begun = [late(kind, NOW - timedelta(days=days), times=1) for days in (1, 2)]
    assert missed([*by_hand, *begun], NOW) == []
