"""May a job go on: asked seldom, answered by whoever runs it; a training saves before it ends."""

import pytest

from flows.pacing import asking, may_go_on, paced, saved_first
from stages.training.bricks import StopSignal


class Paused(BaseException):
    """What ends the job."""


def test_a_job_goes_on_where_nobody_is_asked_any_more():
    asked: list[int] = []
    with paced(lambda: asked.append(1), every=0):
        may_go_on()
    may_go_on()
    assert asked == [1]


def test_the_first_question_is_asked_at_once_and_the_next_after_its_time():
    asked: list[int] = []
    with paced(lambda: asked.append(1), every=60):
        for _ in range(1000):
            may_go_on()
    assert len(asked) == 1


def test_a_render_ends_with_what_the_answer_is():
    with paced(lambda: Paused(), every=0), pytest.raises(Paused):
        may_go_on()


def test_after_the_end_nothing_is_asked_any_more_and_the_answer_stays():
    answers = iter([Paused("first")])
    with paced(lambda: next(answers), every=0):
        for _ in range(2):
            with pytest.raises(Paused, match="first"):
                may_go_on()


def test_a_training_that_is_paused_saves_its_state_and_then_ends_as_paused():
    saved: list[int] = []

    def train() -> None:
        watch = asking(lambda step: None)
        with StopSignal() as stop:
            for step in range(100):
                watch(step)
                if stop.asked:
                    saved.append(step)
                    raise KeyboardInterrupt

    answers = iter([None, None, Paused()])
    with paced(lambda: next(answers), every=0), pytest.raises(Paused), saved_first():
        train()
    assert saved == [2]


def test_ctrl_c_in_a_training_stays_ctrl_c():
    with paced(lambda: None), pytest.raises(KeyboardInterrupt), saved_first():
        raise KeyboardInterrupt


def test_a_block_within_a_block_asks_its_own_server_and_then_the_outer_again():
    with paced(lambda: Paused("outer"), every=0):
        with paced(lambda: None, every=0):
            may_go_on()
        with pytest.raises(Paused, match="outer"):
            may_go_on()
