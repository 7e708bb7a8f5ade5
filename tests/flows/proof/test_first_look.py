"""The first look at a long film: what it shows, what it costs, and how a yes is waited for."""

import sys
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer

from flows.delivering import PLAIN, Delivery
from flows.proof.first_look import Coming, doubt_of, look_first, spans_to_show, told
from pipeline.errors import NotApproved
from pipeline.image import read_png
from pipeline.values import JOINTS, Frame, Status, Track, VideoInfo
from pipeline.video import DEFAULT_ENCODING, probe, read_video, write_video
from stages.evaluation.change import picture_change
from stages.provenance.origin import Ingredient, Origin
from stages.provenance.verify import SAME, verify
from stages.rendering.render import Stretch
from stages.report.look_sheet import SheetPart, contact_sheet, fitted, spread

RATE = 4  # frames a second
ORIGIN = Origin(work="dance", ingredients=(Ingredient(role="source", name="clip.mp4", sha256="0" * 64),))


def times(frames: int, rate: int = RATE) -> tuple[Fraction, ...]:
    return tuple(Fraction(index, rate) for index in range(frames))


def doubts(frames: int, **at: float) -> np.ndarray:
    """0 everywhere but at the frames that are named f7=0.5."""
    doubt = np.zeros(frames)
    for name, value in at.items():
        doubt[int(name[1:])] = value
    return doubt


def track_of(statuses: list[Status], confidence: list[float]) -> Track:
    n = len(statuses)
    sure = np.repeat(np.array(confidence, np.float32)[:, None], JOINTS, axis=1)
    points, world = np.zeros((n, JOINTS, 2), np.float32), np.zeros((n, JOINTS, 3), np.float32)
    return Track(64, 48, times(n), points, sure, world, np.array(statuses, np.uint8), np.zeros(n, np.int32))


def save_numbered(path: Path, stretch: Stretch) -> Path:
    """A segment of film whose frames' grey is their number in the whole film, and that keeps the film's time."""
    with write_video(path, VideoInfo(path, 64, 48, Fraction(RATE), Fraction(1, RATE))) as film:
        for index in range(stretch.start, stretch.stop):
            film.write(Frame(np.full((48, 64, 3), index % 256, np.uint8), Fraction(index, RATE), index))
    return path


@dataclass
class Painter:
    """Renders segments, and remembers which."""

    folder: Path
    asked: list[Stretch] = field(default_factory=list)

    def __call__(self, stretch: Stretch) -> Path:
        self.asked.append(stretch)
        return save_numbered(self.folder / f"{stretch.start}.mp4", stretch)


@pytest.fixture
def painter(tmp_path: Path) -> Painter:
    return Painter(tmp_path)


def coming(folder: Path, frames: int, doubt: np.ndarray | None, chunk: int = 40) -> Coming:
    source = save_numbered(folder / "clip.mp4", Stretch(0, 4))
    return Coming(folder / "film.mp4", source, times(frames), doubt, Stretch(0, min(chunk, frames)), DEFAULT_ENCODING)


def greys(path: Path) -> list[int]:
    with read_video(path) as video:
        return [round(float(frame.image.mean())) for frame in video]


def test_doubt_is_what_was_not_seen_and_what_is_unsure():
    tracked, filled, missing = Status.TRACKED, Status.INTERPOLATED, Status.MISSING
    track = track_of([tracked, tracked, filled, missing], [1.0, 0.75, 0.25, 0.0])
    np.testing.assert_allclose(doubt_of(track), [0.0, 0.25, 1.75, 1.0])


def test_the_first_three_seconds_are_the_frames_before_the_third():
    assert spans_to_show(times(100), None) == (Stretch(0, 12),)
    assert spans_to_show(times(8), None) == (Stretch(0, 8),)


def test_the_worst_three_seconds_are_those_with_most_doubt_in_all():
    # One frame of 1.5 against three of 0.6 within three seconds: 1.8; the earliest span that holds all three.
    doubt = doubts(100, f20=1.5, f60=0.6, f65=0.6, f71=0.6)
    assert spans_to_show(times(100), doubt) == (Stretch(0, 12), Stretch(60, 72))


def test_the_earliest_of_spans_that_are_equally_bad_is_shown():
    assert spans_to_show(times(100), doubts(100, f30=1.0, f80=1.0))[1] == Stretch(19, 31)


def test_what_is_badly_tracked_in_the_first_span_is_shown_once():
    assert spans_to_show(times(100), doubts(100, f3=2.0)) == (Stretch(0, 12),)


def test_spans_go_by_time_where_the_rate_varies():
    """A second at four frames, then one frame a second."""
    uneven = (*times(4), *(Fraction(second) for second in range(1, 20)))
    assert spans_to_show(uneven, doubts(23, f15=1.0)) == (Stretch(0, 6), Stretch(13, 16))


def test_a_short_film_gets_no_first_look_unless_a_yes_is_asked_for(tmp_path: Path, painter: Painter):
    look_first(coming(tmp_path, 240, None), painter, ORIGIN, PLAIN, approve=False)  # its last frame is at 59.75 s
    assert painter.asked == [] and not (tmp_path / "film.first-look.mp4").exists()


def test_a_long_film_is_shown_by_its_beginning_and_its_worst_part_and_goes_on_unasked(
    tmp_path: Path, painter: Painter, capsys: pytest.CaptureFixture[str]
):
    look_first(coming(tmp_path, 260, doubts(260, f200=1.0)), painter, ORIGIN, PLAIN, approve=False)
    look, sheet = tmp_path / "film.first-look.mp4", tmp_path / "film.first-look-sheet.png"
    assert painter.asked == [Stretch(0, 40), Stretch(189, 201)]  # the film's first chunk, and the worst part alone
    np.testing.assert_allclose(greys(look), [*range(12), *range(189, 201)], atol=3)
    assert probe(look).frames == 24 and probe(look).duration == 6
    said = " ".join(capsys.readouterr().err.split())
    assert "show 0:00.0 to 0:02.8, and 0:47.2 to 0:50.0, where tracking is worst" in said
    assert "".join(f"First look: {look}, and as pictures {sheet}, show".split()) in said.replace(" ", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("0.mp4", "189.mp4", "clip.mp4"),
        *("film.first-look-sheet.png", "film.first-look-sheet.provenance.json"),
        *("film.first-look.mp4", "film.first-look.provenance.json"),
    ]


def test_the_sheet_shows_every_picture_of_both_parts_over_its_time_and_says_that_it_is_made(
    tmp_path: Path, painter: Painter
):
    look_first(coming(tmp_path, 260, doubts(260, f200=1.0)), painter, ORIGIN, PLAIN, approve=False)
    path = tmp_path / "film.first-look-sheet.png"
    sheet = read_png(path)
    assert sheet is not None
    # Per part: a gap of 8, a line of 24, three rows of four pictures 64x48 over lines of 24; and a gap below it all.
    assert sheet.shape == (2 * (8 + 24 + 3 * (48 + 24)) + 8, 4 * (64 + 8) + 8, 3)
    middles = [sheet[top + 32 + 24, 8 + 32 + 72 * column] for top in (0, 72, 144, 248, 320, 392) for column in range(4)]
    np.testing.assert_allclose([int(one[0]) for one in middles], [*range(12), *range(189, 201)], atol=3)
    found = verify(path)
    assert (found.state, found.synthetic, found.sidecar) == ("intact", "partly", SAME)


def test_of_a_long_part_the_sheet_shows_twelve_pictures_from_first_to_last():
    assert spread(5) == (0, 1, 2, 3, 4)
    assert spread(90) == (0, 8, 16, 24, 32, 40, 49, 57, 65, 73, 81, 89)
    assert fitted(np.zeros((1080, 1920, 3), np.uint8)).shape == (180, 320, 3)
    assert fitted(np.zeros((1920, 1080, 3), np.uint8)).shape == (320, 180, 3)


def test_a_titles_letters_stay_within_a_sheet_of_narrow_pictures():
    narrow = tuple(np.zeros((40, 20, 3), np.uint8) for _ in range(5))
    part = SheetPart("where tracking is worst, " * 5, narrow, ("0:00.0",) * 5)
    sheet = contact_sheet([part])
    assert sheet.shape == (8 + 24 + 2 * (40 + 24) + 8, 4 * 28 + 8, 3)
    assert sheet[8:32].max() > 40 and sheet[:, -4:].max() < 40  # there is a title, and it ends before the border


def test_where_a_clip_changes_most_counts_motion_light_and_cuts(tmp_path: Path):
    greys = [100, 100, 120, 120, 20]
    with write_video(
        tmp_path / "clip.mp4", VideoInfo(tmp_path / "clip.mp4", 64, 48, Fraction(4), Fraction(1, 4))
    ) as it:
        for index, grey in enumerate(greys):
            it.write(Frame(np.full((48, 64, 3), grey, np.uint8), Fraction(index, 4), index))
    change = picture_change(tmp_path / "clip.mp4")
    np.testing.assert_allclose(change, [0, 0, 20 / 255, 0, 100 / 255], atol=2 / 255)


def test_a_worst_part_within_the_first_chunk_is_not_rendered_twice(tmp_path: Path, painter: Painter):
    look_first(coming(tmp_path, 260, doubts(260, f30=1.0)), painter, ORIGIN, PLAIN, approve=False)
    assert painter.asked == [Stretch(0, 40)]
    np.testing.assert_allclose(greys(tmp_path / "film.first-look.mp4"), [*range(12), *range(19, 31)], atol=3)


def test_a_label_is_written_into_the_first_look_as_well(tmp_path: Path, painter: Painter):
    look_first(coming(tmp_path, 260, None), painter, ORIGIN, Delivery(label="made by AI"), approve=False)
    with read_video(tmp_path / "film.first-look.mp4") as video:
        assert max(int(np.ptp(frame.image)) for frame in video) > 60  # the plain frames are of one grey


def test_without_a_terminal_a_yes_cannot_be_had_and_nothing_is_lost(
    tmp_path: Path, painter: Painter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(NotApproved) as caught:
        look_first(coming(tmp_path, 8, None), painter, ORIGIN, PLAIN, approve=True)
    assert str(caught.value) == (
        f"{tmp_path / 'film.first-look.mp4'}: there is no terminal to ask on; expected a yes to the first look. "
        "Look at film.first-look.mp4, then give the same command without --approve: it goes on from there."
    )
    assert (tmp_path / "film.first-look.mp4").exists()


@pytest.mark.parametrize("answer", [True, False])
def test_a_yes_lets_the_render_go_on_and_a_no_ends_it(
    tmp_path: Path, painter: Painter, monkeypatch: pytest.MonkeyPatch, answer: bool
):
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda text, err: asked.append(text) or answer)
    film = coming(tmp_path, 8, None)
    if answer:
        look_first(film, painter, ORIGIN, PLAIN, approve=True)
    else:
        with pytest.raises(NotApproved, match="the answer was no; expected a yes to the first look"):
            look_first(film, painter, ORIGIN, PLAIN, approve=True)
    assert asked == ["Render all 8 frames?"]


def test_times_are_told_in_minutes_and_seconds_with_what_makes_the_second_part_worth_a_look(tmp_path: Path):
    film = replace(coming(tmp_path, 300, None), worst="where the clip changes most")
    assert told([Stretch(0, 12)], film) == "0:00.0 to 0:02.8"
    assert told([Stretch(0, 12), Stretch(260, 272)], film) == (
        "0:00.0 to 0:02.8, and 1:05.0 to 1:07.8, where the clip changes most; "
        "that part is painted without what went before"
    )
