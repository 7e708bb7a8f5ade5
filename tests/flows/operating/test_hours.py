"""Hours in which jobs may run: over midnight, and over both days of the year on which the clock is changed."""

from datetime import UTC, datetime

import pytest

from flows.operating.hours import Hours
from pipeline.errors import OperatingError

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_hours_over_midnight_are_open_late_and_early_and_closed_at_the_minute_they_end():
    night = Hours.parse("22:00-07:00")
    assert night.is_open(at("2026-01-10 22:00"))
    assert night.is_open(at("2026-01-11 06:59:59"))
    assert not night.is_open(at("2026-01-11 07:00"))
    assert not night.is_open(at("2026-01-10 21:59:59"))


def test_hours_are_read_by_the_clock_of_their_zone():
    night = Hours.parse("22:00-07:00", BERLIN)  # in January an hour ahead of UTC
    assert night.is_open(at("2026-01-10 21:00"))
    assert not night.is_open(at("2026-01-11 06:00"))
    assert str(night) == "22:00-07:00 Europe/Berlin"
    assert Hours.parse(str(night)) == night


def test_the_next_opening_is_now_where_it_is_open_and_the_same_evening_else():
    night = Hours.parse("22:00-07:00 Europe/Berlin")
    assert night.next_opening(at("2026-01-10 23:12:30")) == at("2026-01-10 23:12:30")
    assert night.next_opening(at("2026-01-11 06:00:01")) == at("2026-01-11 21:00")


def test_on_the_short_night_of_spring_it_opens_at_the_same_hour_of_the_wall_which_is_earlier_by_utc():
    night = Hours.parse("22:00-07:00 Europe/Berlin")  # 29 March 2026: 02:00 becomes 03:00, then UTC+2
    assert night.is_open(at("2026-03-29 04:59"))
    assert not night.is_open(at("2026-03-29 05:00"))  # 07:00: the night was an hour shorter
    assert night.next_opening(at("2026-03-29 05:00")) == at("2026-03-29 20:00")


def test_an_opening_that_the_clock_jumps_over_in_spring_is_where_it_lands():
    early = Hours.parse("02:30-05:00 Europe/Berlin")
    assert early.next_opening(at("2026-03-28 23:00")) == at("2026-03-29 01:00")  # 03:00 on the wall


def test_hours_that_the_clock_jumps_over_wholly_open_the_next_day():
    jumped = Hours.parse("02:10-02:50 Europe/Berlin")
    assert jumped.next_opening(at("2026-03-28 23:00")) == at("2026-03-30 00:10")  # 02:10, now UTC+2


def test_on_the_long_night_of_autumn_the_hour_that_comes_twice_is_open_twice():
    early = Hours.parse("02:30-02:45 Europe/Berlin")  # 25 October 2026: 03:00 becomes 02:00, then UTC+1
    assert early.next_opening(at("2026-10-24 23:00")) == at("2026-10-25 00:30")  # 02:30, UTC+2
    assert not early.is_open(at("2026-10-25 00:50"))
    assert early.next_opening(at("2026-10-25 00:50")) == at("2026-10-25 01:30")  # 02:30 again, UTC+1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22-7", "--between '22-7': this is no span of hours; expected hours such as 22:00-07:00."),
        ("22:00-25:00", "--between '22:00-25:00': no clock shows these times; expected hours such as 22:00-07:00."),
        ("07:00-07:00", "--between '07:00-07:00': these hours have no length; expected hours such as 22:00-07:00."),
    ],
)
def test_what_is_no_span_of_hours_is_refused(text: str, said: str):
    with pytest.raises(OperatingError) as refused:
        Hours.parse(text)
    assert str(refused.value) == f"{said} Give an opening and a closing."


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_an_unknown_time_zone_is_refused(zone: str):
    with pytest.raises(OperatingError, match="expected a zone such as Europe/Berlin"):
        Hours.parse("22:00-07:00", zone or " ")
