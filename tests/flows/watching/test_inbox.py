"""What lies in an inbox: films are taken when they are complete, everything else waits or is refused."""

import os
import shutil
from pathlib import Path

import pytest
from dropped_films import SAMPLES, Place, other

from flows.watching import entries
from flows.watching.entries import Settling, State, ends_where_it_says, entries_of, is_whole
from pipeline.errors import LimitExceeded

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def test_a_film_is_taken_when_it_has_not_changed_for_the_settling_time(place: Place):
    film, watcher = place.drop("a.mp4"), place.watcher(settle=10)
    assert watcher.step() is None
    place.clock.wait(9.9)
    assert watcher.step() is None
    place.clock.wait(0.2)
    assert (watcher.step() or pytest.fail("not taken")).state == "done"
    assert not film.exists()


def test_a_file_that_is_written_to_begins_to_settle_anew(place: Place):
    whole = (SAMPLES / "street_day.mp4").read_bytes()
    film, watcher = place.drop("a.mp4", whole[:5000]), place.watcher(settle=10)
    watcher.step()
    place.clock.wait(9)
    film.write_bytes(whole)
    watcher.step()
    place.clock.wait(9)
    assert watcher.step() is None
    place.clock.wait(2)
    assert watcher.step() is not None


def test_the_file_s_own_time_does_not_count_as_copying_programs_bring_it_along(place: Place):
    film = place.drop("a.mp4")
    os.utime(film, (0, 0))
    assert place.watcher(settle=10).step() is None


@pytest.mark.parametrize("name", ["a.mp4.part", "a.TMP", ".a.mp4", "a.mp4.crdownload"])
def test_a_name_that_says_unfinished_waits(place: Place, name: str):
    place.drop(name)
    assert place.drain() == []
    assert (place.inbox / name).exists()


def test_a_copy_that_has_come_to_a_halt_is_waited_for_ten_times_as_long(place: Place):
    whole = (SAMPLES / "street_day.mp4").read_bytes()
    film, settling = place.drop("a.mp4", whole[: len(whole) // 2]), Settling(10, place.clock)

    def state() -> State:
        (entry,) = entries_of(place.inbox)
        settling.look([entry])
        return settling.state(entry)

    assert state() is State.GROWING
    place.clock.wait(10)
    assert state() is State.INCOMPLETE
    place.clock.wait(89)
    assert state() is State.INCOMPLETE
    place.clock.wait(1)
    assert state() is State.NO_FILM
    film.write_bytes(whole)
    state()
    place.clock.wait(10)
    assert state() is State.READY


def index_first(film: bytes) -> bytes:
    """Boxes with a size and a name, in the order of a film for the web: head, index, pictures."""
    boxes, place = {}, 0
    while place < len(film):
        size = int.from_bytes(film[place : place + 4], "big")
        boxes[film[place + 4 : place + 8]] = film[place : place + size]
        place += size
    return boxes[b"ftyp"] + boxes[b"moov"] + boxes[b"mdat"]


def test_a_film_with_its_index_first_is_not_whole_before_its_last_byte_is_there(tmp_path: Path):
    film = tmp_path / "a.mp4"
    whole = index_first((SAMPLES / "street_day.mp4").read_bytes())
    film.write_bytes(whole[:-1])
    assert not ends_where_it_says(film)
    film.write_bytes(whole)
    assert ends_where_it_says(film)


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        (b"\0\0\0\x08free", True),
        (b"\0\0\0\x09free", False),
        (b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x10", True),  # its size stands in 64 bits
        (b"\0\0\0\x01mdat\0\0\0\1\0\0\0\x10", False),  # 4 GiB of it are not there yet
        (b"\0\0\0\x08ftyp\0\0\0\0mdat123", True),  # the last box may go on to the end
        (b"\x1a\x45\xdf\xa3 Matroska", True),  # has no boxes
        (b"abc", True),
    ],
)
def test_boxes_are_walked_to_the_end_of_the_file(tmp_path: Path, content: bytes, ends: bool):
    file = tmp_path / "a"
    file.write_bytes(content)
    assert ends_where_it_says(file) is ends


def test_a_text_is_no_whole_film(tmp_path: Path):
    text = tmp_path / "a.mp4"
    text.write_text("Dear diary,\n" * 100)
    assert not is_whole(text)
    assert is_whole(SAMPLES / "street_day.mp4")


def test_a_film_beyond_our_limits_is_no_whole_film_and_fails_with_its_message_later(monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> None:
        raise LimitExceeded(path, "40000 pixels wide", "16384 at most", "Raise the limit.")

    monkeypatch.setattr(entries, "probe", refuse)
    assert not is_whole(SAMPLES / "street_day.mp4")


def test_folders_in_the_inbox_are_not_looked_into(place: Place):
    (place.inbox / "trip").mkdir()
    shutil.copy(SAMPLES / "street_day.mp4", place.inbox / "trip" / "a.mp4")
    assert place.drain() == []


def test_a_link_is_refused_and_what_it_leads_to_stays_untouched(place: Place, tmp_path: Path):
    secret = tmp_path / "secret.mp4"
    shutil.copy(SAMPLES / "street_day.mp4", secret)
    (place.inbox / "a.mp4").symlink_to(secret)
    (report,) = place.drain()
    assert report.state == "failed"
    assert report.fault is not None and report.fault.found == "it is a link"
    assert (place.inbox / "failed/a.mp4").is_symlink()
    assert secret.exists() and place.make.jobs == []


def test_the_oldest_file_comes_first(place: Place):
    for number, name in enumerate(("c.mp4", "a.mp4", "b.mp4")):
        os.utime(other(place, name, number), (1000 + number, 1000 + number))
    assert [report.film for report in place.drain()] == ["c.mp4", "a.mp4", "b.mp4"]
