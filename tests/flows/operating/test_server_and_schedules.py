"""A server that is not there, and schedules that make no sense: said in one clear message, at once."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
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


@pytest.fixture
def locked() -> Iterator[str]:
    """A server that says to anybody that it is well, and all else to ann alone."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == f"Basic {b64encode(b'ann:secret').decode()}"
            self.send_response(200 if known or self.path == "/api/health" else 401)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            """Not on the terminal of the tests."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("password", "found"),
    [
        (None, "the server wants a password"),
        ("ann:guess", "the server does not let us in with this password"),
    ],
)
def test_a_server_with_a_password_is_not_met_without_it(
    locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str | None, found: str
):
    monkeypatch.setenv("PREFECT_API_URL", locked)
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    if password is not None:
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", password)
    with pytest.raises(OperatingError) as refused:
        connect(Workspace(tmp_path))
    assert str(refused.value) == (
        f"{locked}: {found}; expected PREFECT_API_AUTH_STRING=NAME:PASSWORD. Ask whoever keeps the server."
    )
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ann:secret")
    assert connect(Workspace(tmp_path)) == locked


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
