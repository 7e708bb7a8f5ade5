"""Gates: judged by hand; a film that passes is delivered, another parked with what offends, and why is said."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flows.engine import Engine
from flows.proof.gates import Evidence, Gates, judge
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import FilmParked
from pipeline.image import resize
from pipeline.values import Frame, Status
from pipeline.video import LOSSLESS, probe, read_video, write_video

if TYPE_CHECKING:
    from flows.proof.parking import Gated

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SAMPLE = Path(__file__).parents[3] / "sample_videos" / "red_dance.mp4"
FRAMES, LOST = 12, (5, 6, 7)
NAN = math.nan


def evidence(frames: int = 100, **seen: Any) -> Evidence:
    """A film of ten frames a second in which nothing is wrong but what is given."""
    fine = Evidence(
        times=np.arange(frames) / 10,
        missing=np.zeros(frames),
        pose_error_pct=np.full(frames, 1.0),
        warp_error_ratio=np.full(frames, 1.0),
        whole_warp_error_ratio=1.0,
        clamped=np.zeros(frames),
    )
    return replace(fine, **seen)


def flagged(*rows: int, frames: int = 100) -> np.ndarray:
    flags = np.zeros(frames)
    flags[list(rows)] = 1
    return flags


ALL = Gates(max_missing_pct=5, max_pose_error_pct=4, max_warp_error_ratio=1.5, max_clamped_pct=10)


def test_a_film_within_all_its_gates_passes_and_every_gate_says_so():
    verdict = judge(ALL, evidence(missing=flagged(0, 1, 2, 3, 4)))  # 5 % is allowed, and is no more
    assert (verdict.passed, verdict.failures, verdict.offending) == (True, (), ())
    assert verdict.lines == (
        "passed  frames that show nobody: 5 %, 5 allowed",
        "passed  pose error: 1 % of the body height, 4 allowed",
        "passed  flicker: 1 times the source's, 1.5 allowed",
        "passed  frames held back: 0 %, 10 allowed",
    )


def test_only_what_is_asked_for_is_judged():
    assert judge(Gates(), evidence(missing=np.ones(100))).passed
    assert not Gates().any_asked and Gates(max_clamped_pct=0).any_asked
    assert not Gates(max_clamped_pct=3).look_at_film and Gates(max_missing_pct=3).look_at_film


def test_offences_are_three_seconds_around_what_is_wrong_the_worst_first_and_at_most_five():
    missing = flagged(*range(20, 50), 80, 81)
    verdict = judge(Gates(max_missing_pct=10), evidence(missing=missing))
    assert verdict.failures == ("frames that show nobody: 32 %, 10 allowed",)
    spans = [
        (one.first, one.stop, round(one.start_seconds, 6), round(one.stop_seconds, 6)) for one in verdict.offending
    ]
    assert spans == [(20, 50, 2.0, 5.0), (52, 82, 5.2, 8.2)]
    many = judge(Gates(max_clamped_pct=1), evidence(400, clamped=np.ones(400), missing=np.zeros(400)))
    assert len(many.offending) == 5 and {one.stop - one.first for one in many.offending} == {30}


def test_a_pose_error_is_that_of_the_frames_that_show_one():
    errors = np.full(100, NAN)
    errors[:10] = 2.0
    errors[50:60] = 9.0
    verdict = judge(Gates(max_pose_error_pct=5), evidence(pose_error_pct=errors))
    assert verdict.failures == ("pose error: 5.5 % of the body height, 5 allowed",)
    assert [(one.first <= 50, one.stop >= 60) for one in verdict.offending] == [(True, True)]


def test_what_was_asked_for_and_cannot_be_measured_does_not_pass():
    verdict = judge(
        Gates(max_pose_error_pct=5, max_warp_error_ratio=2),
        evidence(pose_error_pct=np.full(100, NAN), warp_error_ratio=np.full(100, NAN), whole_warp_error_ratio=None),
    )
    assert verdict.failures == (
        "pose error: could not be measured, 5 allowed",
        "flicker: could not be measured, 2 allowed",
    )
    assert verdict.offending == ()


@pytest.mark.parametrize("wrong", [{"max_missing_pct": 101}, {"max_warp_error_ratio": -1}, {"max_clamped_pct": NAN}])
def test_limits_that_are_none_are_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match=f"Gates.{next(iter(wrong))} is .*, expected 0 to"):
        Gates(**wrong)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("source") / "source.mp4")


def copied(output: Path, lost: tuple[int, ...] = ()) -> Path:
    """The sample's first frames at half size; the lost ones show a wall."""
    with read_video(SAMPLE, stop_index=FRAMES) as video:
        width, height = video.info.width // 2, video.info.height // 2
        info = replace(video.info, path=output, width=width, height=height)
        with write_video(output, info, encoding=LOSSLESS) as film:
            for frame in video:
                small = resize(frame.image, width, height)
                shown = np.full_like(small, 90) if frame.index in lost else small
                film.write(Frame(shown, frame.time, frame.index))
    return output


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def gated(engine: Engine, workspace: Workspace, source: Path) -> "Gated":
    """A film of whose frames at most a tenth may show nobody."""
    from flows.proof.parking import Gated
    from stages.tracking.pose import TrackerConfig, track_pose
    from stages.tracking.track_file import save_track

    track = track_pose(source)
    save_track(track, workspace.root / "track.npz")
    known = FileRef.of(workspace.root / "track.npz")
    return Gated(
        gates=Gates(max_missing_pct=10, max_pose_error_pct=50),
        source=FileRef.of(source),
        known=known,
        performance=known,
        missing=track.status == Status.MISSING,
        clamped=np.zeros(FRAMES, np.bool_),
        tracker=TrackerConfig(),
        workspace=workspace,
    )


def deliver(engine: Engine, made: Path, output: Path, gated: "Gated | None") -> None:
    """Publishing is copying: who signs is not of interest here."""
    from prefect import flow

    from flows.proof.parking import deliver_or_park

    def publish(place: Path, overwrite: bool) -> None:
        assert overwrite or not place.exists()
        shutil.copyfile(made, place)

    @flow(name="deliver")
    def delivering() -> None:
        deliver_or_park(made, output, gated, publish, overwrite=False)

    engine.run(delivering)


def test_a_film_that_passes_is_delivered(engine, gated, source, tmp_path, capsys):
    deliver(engine, source, tmp_path / "film.mp4", gated)
    assert (tmp_path / "film.mp4").read_bytes() == source.read_bytes()
    assert not (tmp_path / "parked").exists()
    assert "passed  frames that show nobody: 0 %, 10 allowed" in capsys.readouterr().err


def test_a_film_without_gates_is_delivered_unseen(engine, tmp_path):
    (tmp_path / "made.mp4").write_bytes(b"never looked at")
    deliver(engine, tmp_path / "made.mp4", tmp_path / "film.mp4", None)
    assert (tmp_path / "film.mp4").read_bytes() == b"never looked at"


def test_a_film_that_does_not_pass_is_parked_with_its_offences_and_a_text(engine, gated, tmp_path):
    made, output = copied(tmp_path / "made.mp4", LOST), tmp_path / "film.mp4"
    (tmp_path / "parked").mkdir()
    (tmp_path / "parked" / "film-offence-4.mp4").write_bytes(b"of an older film")
    with pytest.raises(FilmParked) as parked:
        deliver(engine, made, output, gated)
    assert str(parked.value) == (
        f"{output}: the film did not pass its gates: frames that show nobody: 25 %, 10 allowed; "
        f"expected a film within what was allowed. It lies at {tmp_path / 'parked' / 'film.mp4'}, what offends cut out "
        "beside it. Look at it; then raise the gate, train longer, or choose other footage."
    )
    assert not output.exists()
    assert sorted(path.name for path in (tmp_path / "parked").iterdir()) == [
        "film-offence-1.mp4",
        "film.mp4",
        "film.txt",
    ]
    assert probe(tmp_path / "parked" / "film-offence-1.mp4").frames == FRAMES  # half a second, all of it in the clip
    said = (tmp_path / "parked" / "film.txt").read_text().splitlines()
    assert said[:2] == ["film.mp4 was not delivered.", "FAILED  frames that show nobody: 25 %, 10 allowed"]
    assert said[2].startswith("passed  pose error: 0.") and said[2].endswith(" % of the body height, 50 allowed")
    assert said[3:] == ["film-offence-1.mp4: 0.00–0.50 s, frames that show nobody"]


def test_where_the_film_need_not_be_seen_it_is_not(engine, gated, source, tmp_path, monkeypatch):
    from flows.proof import parking

    monkeypatch.setattr(parking, "whole", None)  # whatever is measured goes through it
    only_clamped = replace(gated, gates=Gates(max_clamped_pct=0), clamped=np.arange(FRAMES) == 3)
    with pytest.raises(FilmParked, match=r"frames held back: 8\.33 %, 0 allowed"):
        deliver(engine, source, tmp_path / "film.mp4", only_clamped)


def test_a_job_without_limits_has_no_gates_and_a_head_no_joints(engine, gated):
    from flows.proof.parking import gate_dance, gate_portrait
    from flows.store.results import Face, Moved
    from stages.retargeting.reenact import ReenactConfig
    from stages.retargeting.retarget import RetargetConfig
    from stages.tracking.face import FaceTrackerConfig

    clip, track, place = gated.source, gated.known, gated.workspace
    for gates in (None, Gates()):
        assert gate_dance(gates, clip, track, track, track, RetargetConfig(), gated.tracker, place) is None
    head = Moved(track, track, ()), None, Face(track, track), ReenactConfig(), FaceTrackerConfig()
    assert gate_portrait(Gates(), clip, track, *head, place) is None
    with pytest.raises(ValueError, match="a portrait has no joints"):
        gate_portrait(Gates(max_pose_error_pct=5), clip, track, *head, place)


def flickering(clip: Path, output: Path) -> Path:
    """The clip, every other picture darker."""
    with read_video(clip) as video, write_video(output, replace(video.info, path=output), encoding=LOSSLESS) as film:
        for frame in video:
            film.write(replace(frame, image=(frame.image * (0.8 if frame.index % 2 else 1)).astype(np.uint8)))
    return output


def test_a_translation_is_judged_by_its_flicker_along_the_clips_motion(engine, workspace, source, tmp_path):
    from flows.proof.parking import gate_translation

    clip, limits = FileRef.of(source), Gates(max_warp_error_ratio=1.5)
    steady = gate_translation(limits, clip, FRAMES, workspace)
    deliver(engine, source, tmp_path / "steady.mp4", steady)
    assert (tmp_path / "steady.mp4").exists()
    assert steady.judged.verdict.lines == ("passed  flicker: 1 times the source's, 1.5 allowed",)
    restless = gate_translation(limits, clip, FRAMES, workspace)
    with pytest.raises(FilmParked, match=r"flicker: \d+(\.\d+)? times the source's, 1\.5 allowed"):
        deliver(engine, flickering(source, tmp_path / "made.mp4"), tmp_path / "film.mp4", restless)
    assert (tmp_path / "parked" / "film-offence-1.mp4").exists()
    assert restless.judged.scores.names == ("warp_error_ratio",)
    assert np.isnan(restless.judged.scores.of("warp_error_ratio")[0])
    assert (restless.judged.scores.of("warp_error_ratio")[1:] > 1.5).all()


def test_gates_that_a_translation_has_not_are_refused(workspace, source):
    from flows.proof.parking import gate_translation

    clip = FileRef.of(source)
    for gates in (None, Gates()):
        assert gate_translation(gates, clip, FRAMES, workspace) is None
    for limits in (
        {"max_missing_pct": 5},
        {"max_pose_error_pct": 5},
        {"max_clamped_pct": 5, "max_warp_error_ratio": 2},
    ):
        with pytest.raises(ValueError, match="nobody is tracked in a translated clip: of Gates only max_warp_error"):
            gate_translation(Gates(**limits), clip, FRAMES, workspace)


def test_the_gates_of_a_dance_know_where_nobody_is_in_the_performance(engine, gated):
    from flows.proof.parking import gate_dance
    from stages.retargeting.retarget import RetargetConfig
    from stages.tracking.people import Performer
    from stages.tracking.pose import TrackerConfig
    from stages.tracking.track_file import load_track, save_track

    track = load_track(gated.known.path)
    status = track.status.copy()
    status[2:4] = Status.MISSING
    told = gated.workspace.root / "told.npz"
    save_track(replace(track, status=status), told)
    tracker = TrackerConfig(performer=Performer(choice="left"))
    limits, source, known = Gates(max_missing_pct=5), gated.source, gated.known
    found = gate_dance(limits, source, known, FileRef.of(told), known, RetargetConfig(), tracker, gated.workspace)
    assert found is not None and np.flatnonzero(found.missing).tolist() == [2, 3]
    assert found.tracker == TrackerConfig()  # the film shows one person, wherever they stand
