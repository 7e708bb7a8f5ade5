"""Reports of films: what a flow knows of one stands on its page, and runs are compared by a command."""

import shutil
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer
from pydantic import TypeAdapter
from typer.testing import CliRunner

from flows.commands.report import report
from flows.proof.gates import Evidence, Gates, judge
from flows.proof.parking import Gated, Judged
from flows.proof.report import report_dance, report_portrait, report_translate
from flows.proof.report_facts import flat
from flows.store.journal import journal, keep_journal
from flows.store.results import Face, Moved
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.delivery import carry_sound
from pipeline.errors import ReportError
from pipeline.values import Box, Status
from pipeline.video import Encoding, frame_times, probe, read_video, write_video
from stages.conditioning.face_images import FaceImagesFormat
from stages.conditioning.stick_figure import StickFigureFormat
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.measures import Column, frame_scores
from stages.model_folder import DanceModel
from stages.model_parts import write_facts
from stages.portrait_model import PortraitModel
from stages.provenance.consent import stated_by_oneself
from stages.provenance.origin import Ingredient, Origin
from stages.provenance.sidecar import describe, sidecar_of, write_sidecar
from stages.report.record import LaneRecord, RunRecord, read_report
from stages.retargeting.body import measure_body
from stages.retargeting.face_model_file import save_face_model
from stages.retargeting.measure_face import measure_face
from stages.retargeting.performance_file import save_performance
from stages.retargeting.reenact import ReenactConfig
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.tracking.face import track_face
from stages.tracking.face_track_file import save_face_track
from stages.tracking.face_triangles import face_triangles
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.track_file import load_track, save_track
from stages.training.framing import Framing
from stages.translate_model import Look, TranslateModel

FRAMING = Framing(frame_width=360, frame_height=640, window=Box(0, 0, 360, 640), width=72, height=128)
CPU = Compute()


@dataclass(frozen=True)
class Danced:
    """A film and what it was made of; the film is the source itself."""

    source: FileRef
    track: FileRef
    model: FileRef
    film: FileRef

    def page(self, **changes: object) -> RunRecord:
        made = replace(self, **changes)  # type: ignore[arg-type]
        path = report_dance(made.source, made.track, made.model, made.film, None, RetargetConfig(), CPU)
        (run,) = read_report(path).runs
        return run


@pytest.fixture(scope="module")
def tracked(clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("track") / "track.npz"
    save_track(track_pose(clips[0], TrackerConfig(workers=1)), path)
    return path


@pytest.fixture
def danced(clips: tuple[Path, Path], tracked: Path, tmp_path: Path) -> Danced:
    film, model, track = tmp_path / "film.mp4", tmp_path / "model", tmp_path / "track.npz"
    shutil.copyfile(clips[0], film)
    shutil.copyfile(tracked, track)
    (model / "training").mkdir(parents=True)
    (model / "training" / "phase0.csv").write_text("1,2.5\n2,1.5\n")
    facts = DanceModel(
        preset="draft",
        network="vid2vid",
        framing=FRAMING,
        style=StickFigureFormat(),
        body=measure_body(load_track(track)),
        clip_name="blue.mp4",
        clip_sha256="ab" * 32,
    )
    write_facts(model, TypeAdapter(DanceModel), facts)
    refs = (FileRef.of(path) for path in (clips[0], track, model / "model.json", film))
    return Danced(*refs)


def test_what_a_film_had_to_pass_stands_in_its_report_with_every_frames_score(danced: Danced) -> None:
    missing, pose = np.zeros(20), np.where(np.arange(20) < 5, 9.0, 1.0)
    seen = Evidence(np.arange(20) / 24, missing, pose, missing, None, missing)
    gates = Gates(max_missing_pct=5, max_pose_error_pct=2)
    scores = frame_scores(np.arange(20) / 24, (Column("pose_error_pct", pose),))
    clip, nobody = danced.source, np.zeros(20, np.bool_)
    gated = Gated(gates, clip, danced.track, danced.track, nobody, nobody, TrackerConfig(), Workspace(Path("unused")))
    gated.judged = Judged(judge(gates, seen), scores)
    what = clip, danced.track, danced.model, danced.film, None, RetargetConfig(), CPU
    (run,) = read_report(report_dance(*what, gated=gated)).runs
    (section,) = (section for section in run.facts if section.title == "Gates")
    assert section.rows == (
        ("film", "FAILED: the film was parked, not delivered"),
        ("passed", "frames that show nobody: 0 %, 5 allowed"),
        ("FAILED", "pose error: 3 % of the body height, 2 allowed"),
    )
    assert [lane.name for lane in run.lanes][-1] == "pose error"
    assert all(section.title != "Gates" for section in danced.page().facts)  # which had nothing to pass


def facts_of(run: RunRecord, title: str) -> dict[str, str]:
    (section,) = (section for section in run.facts if section.title == title)
    return dict(section.rows)


def test_the_report_lies_beside_the_film_and_shows_what_was_borrowed_told_and_made(danced: Danced) -> None:
    told = danced.film.path.with_name("told.mp4")
    shutil.copyfile(danced.film.path, told)
    path = report_dance(danced.source, danced.track, danced.model, danced.film, FileRef.of(told), RetargetConfig(), CPU)
    assert path == danced.film.path.with_name("film.report.html")
    (run,) = read_report(path).runs
    assert [video.label for video in run.videos] == ["source", "conditioning", "result"]
    assert [video.src for video in run.videos][1:] == ["told.mp4", "film.mp4"]
    assert (run.name, run.frames, run.videos[2].size) == ("film.mp4", 20, (360, 640))


def test_every_frame_has_its_status_and_what_was_held_back(danced: Danced) -> None:
    joints = load_track(danced.track.path)
    status = joints.status.copy()
    status[5:8] = Status.INTERPOLATED
    save_track(replace(joints, status=status), danced.track.path)
    lanes = {lane.name: lane for lane in danced.page().lanes}
    assert list(lanes) == ["tracking", "confidence", "distance", "place"]
    assert lanes["tracking"].runs == ((0, 5), (1, 3), (0, 12))
    assert lanes["distance"].labels == ("in range", "held back")
    assert lanes["place"].runs == ((0, 20),)  # onto their own body nobody leaves the picture


def test_frames_in_which_the_source_comes_nearer_than_its_statistics_say_are_marked(danced: Danced) -> None:
    joints = load_track(danced.track.path)
    far = replace(joints, points=joints.points.copy())
    far.points[10:] = 40 + 0.2 * far.points[10:]
    save_track(far, danced.track.path)
    moved = retarget(far, measure_body(far), measure_body(joints), RetargetConfig())
    lanes = {lane.name: lane for lane in danced.page().lanes}
    assert moved.clamped_frames.any()
    assert states_of(lanes["distance"]) == moved.clamped_frames.tolist()
    assert states_of(lanes["place"]) == moved.outside_frames.tolist()


def states_of(lane: LaneRecord) -> list[bool]:
    return [bool(state) for state, count in lane.runs for _ in range(count)]


def test_scores_become_lanes_with_their_units(danced: Danced) -> None:
    values = np.full((20, 2), 30.0)
    values[3, 0], values[:, 1] = 12, np.nan
    scores = FrameScores(("person_psnr_db", "lpips"), np.arange(20) / 24, values, ("high", "low"))
    path = report_dance(
        danced.source, danced.track, danced.model, danced.film, None, RetargetConfig(), CPU, scores=scores
    )
    lane = read_report(path).runs[0].lanes[-1]
    assert (lane.name, lane.unit, lane.better, lane.values[3]) == ("person PSNR", "dB", "high", 12)


def test_the_model_its_curves_and_the_film_are_described(danced: Danced) -> None:
    run = danced.page()
    assert facts_of(run, "Model")["training clip"] == "blue.mp4"
    assert facts_of(run, "Film")["SHA-256"] == danced.film.sha256
    assert facts_of(run, "Film")["frame rate"] == "24 a second"
    assert [(curve.name, curve.mean) for curve in run.curves] == [("phase0", (2.5, 1.5))]


def test_what_the_films_own_record_says_of_consent_and_signature_is_shown(danced: Danced) -> None:
    part = Ingredient(role="source", name="red.mp4", sha256="cd" * 32)
    settings = {"": "RenderSettings", "encoding": {"": "Encoding", "crf": 18}, "retargeting": {"mode": "auto"}}
    origin = Origin(work="dance", ingredients=(part,), configuration=settings, consent=stated_by_oneself())
    film = danced.film.path
    write_sidecar(sidecar_of(film), describe(film, danced.film.sha256, origin, None))
    run = danced.page()
    assert facts_of(run, "Ingredients") == {"source": f"red.mp4\n{'cd' * 32}"}
    assert facts_of(run, "Settings") == {"encoding.crf": "18", "retargeting.mode": "auto"}
    vouched = facts_of(run, "Consent and provenance")
    assert vouched["consent: kind"] == "self"
    assert vouched["signed"] == "no: this kind of file can carry no manifest"


def test_stages_are_listed_with_their_cost_and_chunks_together(danced: Danced) -> None:
    with keep_journal(None, "a dance"):
        for name in ("track", "render chunk", "render chunk"):
            with journal().stage(name):
                pass
        run = danced.page()
    assert [stage.name for stage in run.stages] == ["track", "render chunk (2 times)"]


def test_a_film_that_browsers_do_not_play_is_shown_as_a_copy_with_its_sound_made_once(danced: Danced) -> None:
    silent, film = (danced.film.path.with_name(name) for name in ("silent.mp4", "hevc.mp4"))
    encoding = Encoding(codec="libx265", preset="ultrafast")
    with read_video(danced.film.path) as video, write_video(silent, video.info, encoding=encoding) as output:
        for frame in video:
            output.write(frame)
    carry_sound(silent, danced.film.path, film)
    source = FileRef.of(film)
    first = danced.page(source=source)
    copy = film.parent / first.videos[0].src
    assert first.videos[0].src == f"report-films/{source.sha256[:20]}.mp4"
    assert (probe(copy).codec, probe(copy).has_sound) == ("h264", True)
    assert frame_times(copy) == frame_times(film)
    made = copy.stat().st_mtime_ns
    danced.page(source=source)
    assert copy.stat().st_mtime_ns == made


def test_pictures_that_start_late_are_known_to_the_page(danced: Danced) -> None:
    late = danced.film.path.with_name("late.mp4")
    with read_video(danced.film.path) as video, write_video(late, video.info) as output:
        for frame in video:
            output.write(replace(frame, time=frame.time + Fraction(1, 2)))
    assert danced.page(source=FileRef.of(late)).videos[0].offset == 0.5


@pytest.fixture(scope="module")
def head(heads: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[FileRef, Face]:
    """A head's track and face, measured once."""
    folder = tmp_path_factory.mktemp("head")
    points = track_face(heads[0])
    model, performance = measure_face(points, face_triangles(filled=True))
    save_face_track(points, folder / "track.npz")
    save_face_model(model, folder / "face.npz")
    save_performance(performance, folder / "performance.npz")
    return FileRef.of(folder / "track.npz"), Face(
        FileRef.of(folder / "face.npz"), FileRef.of(folder / "performance.npz")
    )


@pytest.mark.parametrize("borrowed", [True, False])
def test_a_heads_report_shows_where_its_motion_was_held_back(
    heads: tuple[Path, Path], head: tuple[FileRef, Face], tmp_path: Path, borrowed: bool
) -> None:
    film, (track, face) = tmp_path / "film.mp4", head
    shutil.copyfile(heads[0], film)
    facts = PortraitModel(
        preset="draft",
        method="deep-video-portraits",
        network="light-portrait",
        framing=FRAMING,
        style=FaceImagesFormat(),
        clip_name="blue.mp4",
        clip_sha256="ab" * 32,
    )
    write_facts(tmp_path, TypeAdapter(PortraitModel), facts)
    path = report_portrait(
        FileRef.of(heads[0]),
        track,
        FileRef.of(tmp_path / "model.json"),
        FileRef.of(film),
        None,
        Moved(face.performance, face.performance, ()),
        face if borrowed else None,
        face,
        ReenactConfig(mode="absolute"),
        CPU,
    )
    (run,) = read_report(path).runs
    tracking, confidence, motion = run.lanes
    assert (run.frames, tracking.runs, len(confidence.values)) == (26, ((0, 26),), 26)
    assert motion.runs == ((0, 26),)  # onto itself nothing is held back


def test_a_translated_clip_has_its_times_without_a_track(clips: tuple[Path, Path], tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    shutil.copyfile(clips[1], film)
    look = Look(name="day", sha256=("ab" * 32,), pictures=7, width=64, height=48)
    facts = TranslateModel(
        preset="draft", method="cyclegan", network="resnet", stride=4, directions=("a-to-b",), a=look, b=look
    )
    write_facts(tmp_path, TypeAdapter(TranslateModel), facts)
    path = report_translate(FileRef.of(clips[1]), FileRef.of(tmp_path / "model.json"), FileRef.of(film), CPU)
    (run,) = read_report(path).runs
    assert (run.frames, run.rate, run.times) == (64, (30000, 1001), ())
    assert facts_of(run, "Model")["look a"] == "day: 7 pictures of 64 x 48"


def test_settings_are_told_by_their_names_without_the_names_of_classes() -> None:
    told = {"": "Config", "a": {"b": [1, 2], "c": None, "d": True}, "e": [{"f": 1}], "g": []}
    assert list(flat(told)) == [("a.b", "1, 2"), ("a.c", "–"), ("a.d", "yes"), ("e[0].f", "1"), ("g", "none")]


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(report)
    return app


def test_two_films_are_compared_by_their_reports(danced: Danced, command: typer.Typer, tmp_path: Path) -> None:
    danced.page()
    other = tmp_path / "other.mp4"
    shutil.copyfile(danced.film.path, other)
    danced.page(film=FileRef.of(other))
    output = tmp_path / "both.html"
    result = CliRunner().invoke(command, [str(danced.film.path), str(other), "-o", str(output)])
    assert result.exit_code == 0 and result.stdout.strip() == str(output)
    assert [run.name for run in read_report(output).runs] == ["film.mp4", "other.mp4"]


def test_one_film_has_nothing_to_be_compared_with_and_its_report_is_named(danced: Danced, command: typer.Typer) -> None:
    danced.page()
    result = CliRunner().invoke(command, [str(danced.film.path)])
    assert result.stdout.strip() == str(danced.film.path.with_name("film.report.html"))


def test_the_films_of_a_jobs_file_are_compared_as_far_as_they_are_made(
    danced: Danced, command: typer.Typer, tmp_path: Path
) -> None:
    danced.page()
    jobs = tmp_path / "jobs.yaml"
    line = "  - {kind: render, source: film.mp4, model: model, output: %s}\n"
    jobs.write_text("jobs:\n" + line % "again.mp4")
    result = CliRunner().invoke(command, [str(jobs)])
    assert isinstance(result.exception, ReportError)
    assert str(result.exception) == (
        f"{jobs}: none of its jobs has a report yet; expected films with their reports beside them. Make them first: "
        "understudy batch jobs.yaml"
    )
    shutil.copyfile(danced.film.path.with_name("film.report.html"), tmp_path / "again.report.html")
    assert CliRunner().invoke(command, [str(jobs)]).stdout.strip() == str(tmp_path / "again.report.html")
