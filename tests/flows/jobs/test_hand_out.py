"""Jobs in the hands of workers: each as soon as what it needs is made, a shared training once at a time."""

from pathlib import Path
from uuid import UUID, uuid4

from flows.jobs.batch import End, Row
from flows.jobs.estimates import Estimate
from flows.jobs.hand_out import Ending, hand_out
from flows.jobs.order import Step
from flows.jobs.plan import Planned
from flows.jobs.records import Standing
from flows.jobs.specs import DanceJob, Job, TrackJob


class TwoRounds:
    """Workers with room for everything, who need two looks for a job."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.failing = failing
        self.handed: list[str] = []
        self.at_once = 0
        self.looks: dict[UUID, int] = {}
        self.names: dict[UUID, str] = {}

    def submit(self, job: Job) -> UUID:
        run = uuid4()
        self.handed.append(job.name)
        self.looks[run], self.names[run] = 0, job.name
        self.at_once = max(self.at_once, len(self.looks))
        return run

    def ending(self, run: UUID) -> Ending | None:
        self.looks[run] += 1
        if self.looks[run] < 2:
            return None
        del self.looks[run]
        return Ending(self.names[run] not in self.failing, "the worker said why")


def track(name: str, *needs: int) -> Planned:
    return as_planned(TrackJob(clip=Path("clip.mp4"), output=Path(f"{name}.npz")), *needs)


def film(name: str, target: str, **said: int) -> Planned:
    return as_planned(
        DanceJob.model_validate(
            {"source": "a.mp4", "target": target, "output": f"{name}.mp4", "consent": "self", **said}
        )
    )


def as_planned(job: Job, *needs: int) -> Planned:
    return Planned(Step(job, needs), Standing.MISSING, True, None, Estimate(None, 0.0, 0.0, ()))


def hand(plan: list[Planned], workers: TwoRounds) -> tuple[Row, ...]:
    return hand_out(plan, workers, wait=lambda seconds: None)


def test_all_that_can_run_is_handed_out_at_once() -> None:
    workers = TwoRounds()
    rows = hand([track("a"), track("b"), track("c")], workers)
    assert workers.at_once == 3
    assert [row.end for row in rows] == [End.DONE] * 3


def test_a_job_waits_for_what_it_needs_and_falls_with_it() -> None:
    workers = TwoRounds(failing=("b",))
    rows = hand([track("a"), track("b"), track("c", 0), track("d", 1)], workers)
    assert workers.handed == ["a", "b", "c"]
    assert [(row.end, row.said) for row in rows] == [
        (End.DONE, "a.npz"),
        (End.FAILED, "the worker said why"),
        (End.DONE, "c.npz"),
        (End.NOT_RUN, "b failed"),
    ]


def test_of_jobs_that_share_a_training_one_goes_ahead() -> None:
    workers = TwoRounds()
    hand([film("a", "blue.mp4"), film("b", "blue.mp4"), film("c", "red.mp4")], workers)
    assert workers.handed == ["a", "c", "b"]


def test_the_followers_of_a_training_that_is_there_run_side_by_side() -> None:
    workers = TwoRounds()
    hand([film(name, "blue.mp4") for name in "abcd"], workers)
    assert workers.at_once == 3


def test_trainings_in_another_way_are_not_shared() -> None:
    workers = TwoRounds()
    hand([film("a", "blue.mp4", seed=0), film("b", "blue.mp4", seed=1)], workers)
    assert workers.at_once == 2
