"""One `serve`, with its server and worker, as an operator uses it: jobs end exactly once, whatever happens."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from served_house import House, Served, listening, wait

from flows.jobs.prefect_workers import PrefectWorkers
from flows.jobs.specs import Job, TrackJob, TrainJob, TranslateJob
from flows.operating import control, schedules
from flows.operating.deploying import submit
from flows.operating.holder import restarts
from flows.operating.job_runs import find_run, runs_of, standing
from flows.operating.notifying import notify
from flows.operating.server import answers
from flows.store.workspace import CACHE_VARIABLE, Workspace
from models.cyclegan.generator import ResnetGeneratorConfig
from pipeline.errors import OperatingError
from pipeline.values import Frame, VideoInfo
from pipeline.video import Encoding, probe, write_video
from stages.training.translate_networks import build_translator, translator_name
from stages.translate_model import Look, TranslateModel, write_translator

SIDE, FRAMES, CHUNKS = 64, 2400, 10  # of the job `film`: a chunk has 240 frames
LOSSLESS = Encoding(crf=0, preset="ultrafast")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, streets, clips) -> Iterator[Served]:
    """A machine that serves, and an operator, who have nothing in common but a folder at a URL."""
    folder, heard = tmp_path_factory.mktemp("served"), []
    with pytest.MonkeyPatch.context() as patch:
        machine, operator = (seen_from(folder / name, folder / "shared", patch) for name in ("machine", "operator"))
        house = House(machine)
        machine.root.mkdir(parents=True)
        try:
            house.start()
            with (
                listening(heard) as url,
                temporary_settings({PREFECT_API_URL: house.server.url}),
                get_client(sync_client=True) as client,
            ):
                notify(url)
                opens = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
                found = Served(house, operator, client, folder, opens, heard)
                hand_over(found, streets, clips[0])
                yield found
        finally:
            house.lose_power()


def seen_from(cache: Path, shared: Path, patch: pytest.MonkeyPatch) -> Workspace:
    """The workspace with the copies of one machine; this process goes on as that machine."""
    patch.setenv(CACHE_VARIABLE, str(cache))
    return Workspace.at(f"file://{shared}")


def hand_over(served: Served, streets: tuple[Path, Path], red: Path) -> None:
    """The film as a batch does it, which is to bring it; the others as they are."""
    PrefectWorkers("understudy", served.workspace).submit(the_film(served))
    for job, between in jobs_for(served, streets, red):
        submit(job, served.workspace, between)


def the_film(served: Served) -> TranslateJob:
    folder = served.folder
    if not (folder / "look").exists():
        moving_clip(folder / "clip.mp4")
        little_translator(folder / "look")
    return TranslateJob(
        name="film",
        clip=folder / "clip.mp4",
        model=folder / "look",
        output=folder / "films" / "film.mp4",
        crf=LOSSLESS.crf,
        encoder_preset=LOSSLESS.preset,
        device="cpu",
        threads=1,
    )


def jobs_for(served: Served, streets: tuple[Path, Path], red: Path) -> list[tuple[Job, str | None]]:
    """All are handed in at once, as the tests look at each in turn."""
    folder, one = served.folder, {"device": "cpu", "threads": 1, "perceptual": "none"}
    street = {"what": "translate", "a": (streets[0],), "b": (streets[1],), **one}
    hours = f"{served.opens:%H:%M}-{served.opens + timedelta(hours=1):%H:%M}"
    return [
        (TrainJob(name="never", output=folder / "never", **street), None),
        (TrackJob(name="late", clip=served.late, output=folder / "late.npz", workers=1), None),
        (TrackJob(name="night", clip=red, output=folder / "night.npz", workers=1), hours),
        (TrainJob(name="dusk", output=folder / "dusk", steps=40, **street), None),
    ]


def moving_clip(path: Path) -> None:
    """Ten chunks of a bar that walks."""
    columns = np.arange(SIDE)
    with write_video(path, VideoInfo(path, SIDE, SIDE, Fraction(24), Fraction(1, 24)), encoding=LOSSLESS) as film:
        for index in range(FRAMES):
            bar = np.where((columns - index) % SIDE < SIDE // 4, 200, 60).astype(np.uint8)
            film.write(Frame(np.repeat(np.tile(bar, (SIDE, 1))[..., None], 3, 2), Fraction(index, 24), index))


def little_translator(folder: Path) -> None:
    """A small network with whatever weights it begins with: it is not how the film looks that is asked here."""
    folder.mkdir()
    config = ResnetGeneratorConfig(base_channels=4, blocks=1, residual=True)
    look = Look(name="bar", sha256=("0" * 64,), pictures=1, width=SIDE, height=SIDE)
    facts = TranslateModel(
        preset="draft",
        method="cyclegan",
        network=translator_name(config),
        network_config=asdict(config),
        stride=config.stride,
        directions=("a-to-b",),
        a=look,
        b=look,
    )
    write_translator(folder, facts, {"a-to-b": build_translator(config, torch.Generator())})


def test_a_job_that_is_cancelled_softly_ends_with_its_chunk_and_leaves_no_half_film(served: Served):
    wait("the first chunks", lambda: served.chunks("film"))
    said = control.cancel(served.client, served.run("film"))
    assert said == "ends where the chunk, or the step, under way ends; --now ends it at once"
    wait("its end", lambda: served.state("film") == "Cancelled")
    assert "Cancelling after this chunk" in [state.name for state in served.states("film")]
    assert standing(served.run("film")).message == "Cancelled where a chunk or a step ended."
    assert 0 < len(served.chunks("film")) < CHUNKS
    assert not (served.folder / "films").exists()
    assert list(served.house.workspace.root.glob("outputs/*/*/film.mp4")) == []


def test_a_running_job_is_ended_at_once_where_that_is_asked_for(served: Served):
    wait("its start", lambda: served.state("never") == "Running")
    assert control.cancel(served.client, served.run("never"), now=True) == "is ended now"
    wait("its end", lambda: served.state("never") == "Cancelled")
    holder = served.holder("never")
    wait("the end of its process", lambda: holder.is_gone(0, 0))


def test_a_training_is_paused_and_resumed_and_ends_once(served: Served):
    wait("steps of the training", lambda: trains(served, times=1))
    said = control.pause(served.client, served.run("dusk"))
    assert said == "pauses at the end of the chunk, or with a checkpoint of the training"
    wait("the pause", lambda: served.state("dusk") == "Suspended")
    assert "Pausing" in [state.name for state in served.states("dusk")]
    holder = served.holder("dusk")
    wait("the end of its process", lambda: holder.is_gone(0, 0))

    control.resume(served.client, served.run("dusk"))
    wait("the end of the training", lambda: served.run("dusk").state.is_final())
    assert served.state("dusk") == "Completed", standing(served.run("dusk")).message
    assert [line["message"] for line in served.journal("dusk")].count("begun") == 2
    assert [state.name for state in served.states("dusk")].count("Completed") == 1
    assert (served.folder / "dusk" / "model.json").exists()


def trains(served: Served, times: int) -> bool:
    """Whether a step was told since the job began for so many times."""
    assert served.state("dusk") != "Failed", standing(served.run("dusk")).message
    lines = served.journal("dusk")
    begun = [number for number, line in enumerate(lines) if line["message"] == "begun"]
    return len(begun) == times and any(" step " in str(line["message"]) for line in lines[begun[-1] :])


def test_a_job_of_another_hour_waits_for_its_hours_and_can_be_cancelled_meanwhile(served: Served):
    wait("its hours", lambda: "Outside its hours" in standing(served.run("night")).message)
    run = served.run("night")
    assert run.state is not None and run.state.is_scheduled()
    assert run.state.state_details.scheduled_time == served.opens
    assert control.cancel(served.client, run) == "cancelled"
    assert served.state("night") == "Cancelled"


def test_a_job_that_fails_says_why_also_to_the_webhook(served: Served):
    wait("the failure", lambda: served.state("late") == "Failed")
    assert f"{served.late}:" in standing(served.run("late")).message
    with pytest.raises(OperatingError) as refused:
        control.pause(served.client, served.run("late"))
    assert str(refused.value) == (
        "job late: its state is Failed; expected a job that waits or runs. "
        "Jobs that only just start can be paused in a moment."
    )
    wait("the webhook", lambda: served.heard)
    assert (served.heard[0]["job"], served.heard[0]["kind"]) == ("late", "track job")
    assert served.heard[0]["state"] == "Failed" and f"{served.late}:" in served.heard[0]["message"]


def test_a_schedule_is_listed_makes_its_next_runs_rests_and_is_removed(served: Served, tmp_path: Path):
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text("jobs: []\n")
    between, address = "22:00-07:00", served.workspace.address
    words = ("nightly", jobs, "0 2 * * *", "Europe/Berlin", between)
    made = schedules.add(*words, pool="understudy", workspace=address)
    (listed,) = schedules.planned(served.client)
    assert listed == made
    assert (listed.cron, listed.between, listed.active) == ("0 2 * * *", "22:00-07:00 Europe/Berlin", True)
    wait("the runs to come", lambda: any(run.expected_start_time == made.next_start for run in runs_of(served.client)))
    schedules.set_active(served.client, "nightly", False)
    assert schedules.planned(served.client)[0].next_start is None
    schedules.remove(served.client, "nightly")
    assert schedules.planned(served.client) == []
    with pytest.raises(OperatingError) as refused:
        schedules.remove(served.client, "nightly")
    assert str(refused.value) == (
        "schedule nightly: it is not there; expected one that is: none is. See `schedule list`."
    )


def test_a_job_is_found_by_the_beginning_of_its_id_and_a_wrong_one_is_said(served: Served):
    run = served.run("late")
    assert find_run(served.client, str(run.id)[:8]).id == run.id
    with pytest.raises(OperatingError) as refused:
        find_run(served.client, "zzz")
    assert str(refused.value).startswith("job zzz: there is no such job; expected the beginning of one job's id.")


def test_a_server_that_was_killed_comes_back_with_all_it_knew(served: Served):
    server = served.house.server
    psutil.Process(server.pid).kill()
    wait("another server", lambda: served.house.server != server and answers(server.url))
    assert served.state("dusk") == "Completed"
    assert "Prefect's server is gone; it is started again, with the same database" in served.house.said


def test_a_job_outlives_a_reboot_with_all_its_chunks_and_its_film_is_brought(served: Served):
    before = sum(served.chunks("film").values())
    assert control.retry(served.client, served.run("film")) == "runs again when a worker takes it"
    wait("further chunks", lambda: sum(served.chunks("film").values()) > before)
    served.house.lose_power()
    assert not (served.folder / "films").exists()

    served.house.start()
    wait("its end", lambda: served.state("film") == "Completed")
    assert restarts(served.run("film").labels) == 1
    assert [state.name for state in served.states("film")].count("Completed") == 1
    assert "started again, 1 of at most 5" in [line["message"] for line in served.journal("film")]
    chunks = served.chunks("film")
    assert len(chunks) >= CHUNKS and sum(chunks.values()) - len(chunks) <= 1  # one kill
    ending = PrefectWorkers("understudy", served.workspace).ending(served.run("film").id)
    assert ending is not None and ending.is_good
    films = served.folder / "films"
    assert probe(films / "film.mp4").frames == FRAMES
    assert {"film.provenance.json", "film.report.html"} <= {path.name for path in films.iterdir()}
