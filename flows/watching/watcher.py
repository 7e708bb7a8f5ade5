"""The watcher: takes each complete film of an inbox once, has it made, puts it away with a report."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows.jobs.perform import Outcome
from flows.jobs.specs import Job
from flows.progress import say
from flows.watching.claims import Claims
from flows.watching.entries import Entry, Settling, Stamp, State, entries_of
from flows.watching.making import Making
from flows.watching.names import shown
from flows.watching.outbox import Outbox
from flows.watching.reports import Fault, Memory, Report, now
from pipeline.artifacts import FileRef, as_storage_error
from pipeline.errors import OperatingError, StorageError, UnderstudyError

ATTEMPTS = 5  # at a film whose making ends without a message: a power cut, or a film that takes the program with it
STUMBLES = 3  # films in a row that fail without a message of ours: then it is the watcher that is not well
REST_SECONDS = 60.0  # before the second attempt; before each further one four times as long
LONGEST_WAIT = 5.0  # seconds between two looks into the inbox
_NEVER_TAKEN = "Put the film itself into the inbox, readable for the watcher and with a name in UTF-8."

Perform = Callable[[Job], Outcome]


@dataclass(slots=True)
class Watcher:
    """One of any number of watchers of an inbox."""

    inbox: Path
    outbox: Outbox
    making: Making
    perform: Perform
    settle: float = 10.0  # seconds that a file must not change
    again: bool = False  # make films again that were made before
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    resting: dict[Path, float] = field(default_factory=dict)  # films that wait for another attempt: until when
    _contents: dict[Entry, FileRef] = field(default_factory=dict)
    _stumbles: int = 0  # films in a row that failed for no reason of their own
    settling: Settling = field(init=False)
    claims: Claims = field(init=False)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.settling = Settling(self.settle, self.clock)
        self.claims = Claims(self.inbox)
        self.memory = Memory(self.claims.place / "made")

    def watch(self) -> Iterator[Report]:
        """Take films for ever, a report for each.

        Raises:
            StorageError: no room, or a folder that cannot be written; the film in work is back in the inbox.
            ModelError: the model is gone; no film was taken.
            OperatingError: nothing succeeds any more, for reasons that are not the films'.
        """
        while True:
            if (report := self.step()) is not None:
                yield report
            else:
                self._wait()

    def drain(self) -> Iterator[Report]:
        """Take what lies there and settles, a report for each film; ends when nothing is left that may be taken now.

        Raises: StorageError, ModelError, OperatingError: see `watch`.
        """
        while True:
            if (report := self.step()) is not None:
                yield report
            elif any(self.settling.state(entry) in (State.GROWING, State.INCOMPLETE) for entry in self._entries()):
                self._wait()
            else:
                return

    def step(self) -> Report | None:
        """Look into the inbox and put one film away; None where none is to be taken now.

        Raises: StorageError, ModelError, OperatingError: see `watch`.
        """
        try:
            self._take_over()
            for entry in self._entries():
                if (report := self._put_away(entry)) is not None:
                    fault = "" if report.fault is None else report.fault.found
                    say(f"{report.film}: {report.state}: {report.output or fault}")
                    return report
        except OSError as error:
            raise as_storage_error(Path(error.filename or self.inbox), error) from error
        return None

    def _wait(self) -> None:
        self.sleep(min(self.settle / 2, LONGEST_WAIT))

    def _entries(self) -> list[Entry]:
        entries = list(entries_of(self.inbox))
        self.settling.look(entries)
        time_ = self.clock()
        self.resting = {film: until for film, until in self.resting.items() if until > time_}
        self._contents = {entry: film for entry, film in self._contents.items() if entry in entries}
        return [entry for entry in entries if entry.path not in self.resting]

    def _take_over(self) -> None:
        """Finish what watchers left that died: a film that was made is put away, any other returned to the inbox."""
        for key, film in self.claims.left():
            with self.claims.held(key) as held:
                if not held or not film.exists():
                    continue
                if (made := self.memory.recall(key)) is not None:
                    self._finish(film, key, made)
                else:
                    say(f"{film.name}: taken over from a watcher that has ended")
                    self.claims.put_back(film)

    def _put_away(self, entry: Entry) -> Report | None:
        state = self.settling.state(entry)
        if state is State.REFUSED:
            fault = Fault(shown(entry.path.name), entry.refused, "a plain file that may be read", _NEVER_TAKEN)
            report = replace(self._report(entry.path, ""), state="failed", fault=fault)
            return report if self.claims.put_away(entry.path, report) else None
        if state not in (State.READY, State.NO_FILM):
            return None
        film = self._read(entry)
        if film is None:
            return None
        key = self.making.key(film)
        with self.claims.held(key) as held:
            claimed = self._claimed(entry, key) if held else None
            return None if claimed is None else self._handled(claimed, film.sha256, key)

    def _read(self, entry: Entry) -> FileRef | None:
        """A film's content, read once while it does not change; None where another watcher took it."""
        known = self._contents.get(entry)
        if known is None:
            try:
                known = FileRef.of(entry.path)
            except FileNotFoundError:
                return None
            self._contents[entry] = known
        return known

    def _claimed(self, entry: Entry, key: str) -> Path | None:
        """Take the film, unless it is gone or was written to since it was read."""
        claimed = self.claims.take(entry.path, key)
        if claimed is not None and Stamp.of(claimed.stat()) != entry.stamp:
            self.claims.put_back(claimed)
            return None
        return claimed

    def _handled(self, film: Path, sha256: str, key: str) -> Report | None:
        made = self.memory.recall(key)
        if made is not None and not self.again:
            summary = f"the same as {made.film}; to make it again, watch with --again"
            report = replace(made, film=film.name, state="made before", summary=summary, taken=now(), seconds=0.0)
            self._finish(film, key, report)
            return report
        self.memory.forget(key)
        return self._made(film, key, self._report(film, sha256))

    def _made(self, film: Path, key: str, report: Report) -> Report | None:
        """Make the film; None where it is back in the inbox, as what failed may not be for it to answer for."""
        before, begun = self.claims.begin(key), self.clock()
        if before >= ATTEMPTS:
            return self._failed(film, key, report, _taken_down(film))
        try:
            place = self.outbox.reserve(film.stem, key)
            outcome = self.perform(self.making.job(film, place.film, overwrite=not place.is_new))
        except StorageError:  # no room: not the film's fault, and the next would fail like it
            self._returned(film, key)
            raise
        except UnderstudyError as error:
            return self._failed(film, key, replace(report, seconds=self.clock() - begun), Fault.of(error, film))
        except Exception as error:
            logging.getLogger(__name__).info("making %s failed", film.name, exc_info=error)
            if before + 1 >= ATTEMPTS:
                return self._failed(film, key, report, _unexplained(film, error))
            self._rests(film, before, error)
            return None
        except BaseException:  # Ctrl-C, or a signal to end
            self._returned(film, key)
            raise
        output, seconds = str(outcome.outputs[0]), self.clock() - begun
        summary = "" if outcome.summary == output else outcome.summary
        report = replace(report, output=output, summary=summary, seconds=seconds)
        self.memory.keep(key, report)
        self._finish(film, key, report)
        return report

    def _failed(self, film: Path, key: str, report: Report, fault: Fault) -> Report:
        report = replace(report, state="failed", fault=fault)
        self._finish(film, key, report)
        return report

    def _finish(self, film: Path, key: str, report: Report) -> None:
        self._stumbles = 0
        self.outbox.release(key)
        self.claims.put_away(film, report)
        self.claims.end(key)

    def _returned(self, film: Path, key: str) -> None:
        """Back into the inbox, as if it had not been taken."""
        self.outbox.give_up(key)
        self.claims.put_back(film)
        self.claims.end(key)

    def _rests(self, film: Path, before: int, error: Exception) -> None:
        """Back into the inbox for another attempt, later: a server that is away, or a fault of ours."""
        seconds = REST_SECONDS * 4**before
        self.resting[self.claims.put_back(film)] = self.clock() + seconds
        said = f"{type(error).__name__}: {error}"
        say(f"{film.name}: {said}; tried again in {seconds / 60:.0f} min")
        self._stumbles += 1
        if self._stumbles >= STUMBLES:
            raise OperatingError(
                self.inbox,
                f"{STUMBLES} attempts in a row failed for no reason of the films ({said})",
                "a watcher whose server and disks are well",
                "Start it again; the films are in the inbox.",
            ) from error

    def _report(self, film: Path, sha256: str) -> Report:
        return Report(
            film=shown(film.name),
            sha256=sha256,
            state="done",
            kind=self.making.kind,
            model=str(self.making.model),
            output="",
            summary="",
            taken=now(),
            seconds=0.0,
        )


def _taken_down(film: Path) -> Fault:
    return Fault(
        film.name,
        f"{ATTEMPTS} times the watcher ended in the middle of it, without a message",
        "a film that can be worked on to its end",
        "Put it into the inbox again if the machine was switched off that often; else it brings the program down.",
    )


def _unexplained(film: Path, error: Exception) -> Fault:
    return Fault(
        film.name,
        f"{type(error).__name__} at the last of {ATTEMPTS} attempts: {error}",
        "an attempt that succeeds",
        "Look at the job's journal in the workspace; then put the film into the inbox again.",
    )
