"""Span: which part of a film is scored: all of it, some seconds, or the end that training never saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self, TypeVar

from pipeline.errors import VideoError
from pipeline.values import FaceTrack, Track
from stages.training.clips import trained_frames

Tracked = TypeVar("Tracked", Track, FaceTrack)

REMEDY = "Give seconds that the film has, such as 2.5-7, or leave them out."


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one time up to another, in seconds since the first frame; or the last 15 % of the frames."""

    start: Fraction = Fraction(0)
    stop: Fraction | None = None  # the first time that no longer counts; None: the end
    held_out: bool = False

    def __post_init__(self) -> None:
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise ValueError(f"Span is {self.start} to {self.stop} s, expected a start of 0 or more and a later stop")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the command line: START-STOP in seconds, either may be left out.

        Raises:
            VideoError: something else.
        """
        begin, dash, end = text.partition("-")
        try:
            if not dash:
                raise ValueError(text)
            return cls(start=Fraction(begin or 0), stop=Fraction(end) if end else None)
        except (ValueError, ZeroDivisionError) as error:
            raise VideoError("--between", f"{text!r} is no span of time", "START-STOP in seconds", REMEDY) from error

    def frames(self, times: Sequence[Fraction], film: Path) -> slice:
        """Which frames of a film, whose times are given, are in it.

        Raises:
            VideoError: none is.
        """
        if self.held_out:
            rows = slice(trained_frames(len(times)), len(times))
        else:
            inside = [
                i for i, time in enumerate(times) if time >= self.start and (self.stop is None or time < self.stop)
            ]
            rows = slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)
        if rows.start >= rows.stop:
            raise VideoError(film, f"none of its {len(times)} frames lies in the span", "one frame at least", REMEDY)
        return rows


def part_of(track: Tracked, rows: slice) -> Tracked:
    """The same track of some frames only, in their order."""
    arrays = {
        name: getattr(track, name)[rows] for name in track.__dataclass_fields__ if name not in ("width", "height")
    }
    return replace(track, **arrays)
