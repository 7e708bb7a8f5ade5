"""Hours: the part of the day in which a job may run, as the clock on a wall of its time zone shows it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import OperatingError

MINUTE = timedelta(minutes=1)
LONGEST_WAIT = timedelta(days=3)  # where the clock jumps over an opening, the next night has one
_FORM = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?")


@dataclass(frozen=True, slots=True)
class Hours:
    """From `opens` up to, without, `closes`: over midnight where it closes before it opens."""

    opens: time
    closes: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str | None = None) -> "Hours":
        """Read `22:00-07:00`, or `22:00-07:00 Europe/Berlin`; without a zone there, `zone` or else UTC is meant.

        Raises: OperatingError: another form, a time that no clock shows, no length, an unknown time zone.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise _refused(text, "this is no span of hours")
        try:
            opens, closes = (time(int(found[hour]), int(found[hour + 1])) for hour in (1, 3))
        except ValueError as error:
            raise _refused(text, "no clock shows these times") from error
        if opens == closes:
            raise _refused(text, "these hours have no length")
        return cls(opens, closes, zone_named(found[5] or zone or "UTC"))

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M} {self.zone.key}"

    def is_open(self, moment: datetime) -> bool:
        """Whether a job may run at a moment (aware of its zone)."""
        shown = moment.astimezone(self.zone).time()
        if self.opens < self.closes:
            return self.opens <= shown < self.closes
        return shown >= self.opens or shown < self.closes

    def next_opening(self, moment: datetime) -> datetime:
        """The first full minute from `moment` on in which a job may run, in UTC.

        Looked for minute by minute, so that days on which the clock is changed need no rules of their own.

        Raises: OperatingError: there is none in three days, as the clock of the zone never shows these hours.
        """
        start = moment.astimezone(UTC)
        if self.is_open(start):
            return start
        minute = start.replace(second=0, microsecond=0) + MINUTE
        while minute - start < LONGEST_WAIT:
            if self.is_open(minute):
                return minute
            minute += MINUTE
        raise _refused(str(self), "these hours never come")


def zone_named(name: str) -> ZoneInfo:
    """A time zone of the IANA's list.

    Raises: OperatingError.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise OperatingError(
            "--timezone", f"there is no {name!r}", "a zone such as Europe/Berlin", "See the IANA's list of time zones."
        ) from error


def _refused(text: str, found: str) -> OperatingError:
    return OperatingError(f"--between {text!r}", found, "hours such as 22:00-07:00", "Give an opening and a closing.")
