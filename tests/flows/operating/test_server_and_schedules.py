"""A server that is not there, and schedules that make no sense: said in one clear message, at once."""

import json
import time
from pathlib import Path

import pytest

from flows.operating.schedules import add, next_start
from flows.operating.server import connect
from flows.store.workspace import Workspace
from pipeline.errors import OperatingError


def test_without_any_server_the_message_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(OperatingError) as refused:
        connect(Workspace(tmp_path))
    assert str(refused.value) == (
        f"{tmp_path}: no server is known for this workspace; expected one that `understudy serve` keeps up. "
        f"Start `understudy serve --workspace {tmp_path}`, or set PREFECT_API_URL."
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "no-address", "ftp://127.0.0.1/api"])
def test_a_wrong_address_is_found_out_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("PREFECT_API_URL", url)
    begun = time.monotonic()
    with pytest.raises(OperatingError) as refused:
        connect(Workspace(tmp_path))
    assert time.monotonic() - begun < 6
    assert str(refused.value) == (
        f"{url}: no Prefect server answers there; expected an answer within 5 s. "
        "See whether PREFECT_API_URL is right and that server runs."
    )


def test_a_server_of_serve_that_has_died_is_said_to_be_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    address = tmp_path / ".prefect" / "server.json"
    address.parent.mkdir()
    address.write_text(json.dumps({"url": "http://127.0.0.1:9/api", "pid": 1, "keeper": 1}))
    with pytest.raises(OperatingError, match=r"no Prefect server answers there.* Start `understudy serve"):
        connect(Workspace(tmp_path))


def test_a_torn_address_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    address = tmp_path / ".prefect" / "server.json"
    address.parent.mkdir()
    address.write_text('{"url": "http')
    with pytest.raises(OperatingError, match=r"this is no address of a server.* Remove the file; serve again"):
        connect(Workspace(tmp_path))


def test_the_next_start_is_by_the_clock_of_the_zone():
    start = next_start("0 2 * * *", "Europe/Berlin")
    assert (start.hour, start.minute) == (2, 0)
    assert str(start.tzinfo) == "Europe/Berlin" or "Berlin" in repr(start.tzinfo)


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 2 31 2 *", "--cron '0 2 31 2 *': this day never comes; expected one that the calendar has."),
        ("61 2 * * *", "--cron '61 2 * * *': this cannot be read; expected minute, hour, day, month, day of the week."),
        ("at two", "--cron 'at two': this cannot be read; expected minute, hour, day, month, day of the week."),
    ],
)
def test_a_cron_that_never_comes_or_cannot_be_read_is_refused(cron: str, said: str):
    with pytest.raises(OperatingError) as refused:
        next_start(cron, "UTC")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"jobs_file": Path("nowhere.yaml")}, "nowhere.yaml: there is no such file; expected a jobs file."),
        (
            {"timezone": "Mars/Olympus"},
            "--timezone: there is no 'Mars/Olympus'; expected a zone such as Europe/Berlin.",
        ),
        ({"between": "7:00-7:00"}, "--between '7:00-7:00': these hours have no length; expected hours such as"),
        ({"cron": "0 2 31 2 *"}, "--cron '0 2 31 2 *': this day never comes; expected one that the calendar has."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_schedule_that_makes_no_sense_is_refused_before_a_server_is_asked(tmp_path: Path, given: dict, said: str):
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text("jobs: []\n")
    wanted = {"jobs_file": jobs, "cron": "0 2 * * *", "timezone": "Europe/Berlin", "between": None, **given}
    with pytest.raises(OperatingError) as refused:
        add("nightly", **wanted, pool="understudy", workspace=str(tmp_path))
    assert str(refused.value).startswith(said)
