"""What a running job answers when it is asked something, and who holds it."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import psutil
import pytest
from prefect.states import Cancelled, Cancelling, Completed, Pending, Running, Scheduled, Suspended

from flows.operating.holder import LOST_AFTER, Holder, last_seen, restarts
from flows.operating.hours import Hours
from flows.operating.run_states import BREATH, Request, answer, asking, is_over_here

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
NIGHT = Hours.parse("22:00-07:00")


def test_a_job_that_nobody_asks_anything_goes_on():
    assert answer(Running(), None, NOON) is None
    assert answer(Running(), NIGHT, NOON.replace(hour=23)) is None


def test_a_job_that_is_to_pause_is_suspended():
    ending = answer(asking(Request.PAUSE), None, NOON)
    assert ending is not None and ending.name == "Suspended"


@pytest.mark.parametrize("state", [asking(Request.CANCEL), Cancelling()], ids=["after this chunk", "by Prefect's page"])
def test_a_job_that_is_to_end_is_cancelled(state):
    ending = answer(state, None, NOON)
    assert ending is not None and ending.is_cancelled()


def test_a_job_that_is_handed_back_waits_for_another_worker():
    ending = answer(asking(Request.HAND_BACK), None, NOON)
    assert ending is not None and ending.is_scheduled()
    assert ending.state_details.scheduled_time == NOON + BREATH


def test_a_job_outside_its_hours_waits_for_the_next_opening():
    ending = answer(Running(), NIGHT, NOON)
    assert ending is not None and ending.is_scheduled()
    assert ending.state_details.scheduled_time == NOON.replace(hour=22)
    assert ending.message == "Outside its hours, 22:00-07:00 UTC."


def test_a_job_is_over_here_where_somebody_else_has_ended_or_moved_it():
    assert not is_over_here(Running()) and not is_over_here(Pending())
    assert all(map(is_over_here, (Completed(), Cancelled(), Scheduled(), Suspended())))


def test_a_holder_is_read_back_as_it_was_written():
    here = Holder.here()
    labels = here.labels(now=123.0)
    assert here.is_same(Holder.of(labels)) and last_seen(labels) == 123.0 and restarts(labels) == 0
    assert Holder.of({}) is None


def test_this_process_lives_and_one_that_ended_is_gone():
    here = Holder.here()
    assert not here.is_gone(seen=0, now=1e12)  # silence says nothing of a process that can be looked for
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert replace(here, pid=ended.pid).is_gone(seen=0, now=0)


def test_another_process_with_the_number_of_the_old_one_is_not_taken_for_it():
    mine = psutil.Process().create_time()
    assert replace(Holder.here(), started=mine - 60).is_gone(seen=0, now=0)
    assert not replace(Holder.here(), pid=os.getpid()).is_same(replace(Holder.here(), started=mine - 60))


def test_what_ran_before_the_machine_started_anew_is_gone():
    assert replace(Holder.here(), booted=0.0).is_gone(seen=0, now=0)


def test_a_process_of_another_machine_counts_as_lost_after_a_long_silence():
    there = replace(Holder.here(), host="elsewhere")
    assert not there.is_gone(seen=1000, now=1000 + LOST_AFTER)
    assert there.is_gone(seen=1000, now=1001 + LOST_AFTER)
