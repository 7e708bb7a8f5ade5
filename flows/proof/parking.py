"""deliver_or_park: a finished film goes under its name, or, where its gates say no, aside, its offences cut out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.evaluate import (
    EvaluationSettings,
    alone_numbers,
    evaluate_alone,
    evaluate_steadiness,
    frames_of,
    steadiness_numbers,
)
from flows.progress import say
from flows.proof.gates import CLIPS, Evidence, Gates, Offence, Verdict, judge
from flows.store.caching import whole
from flows.store.results import Face, Moved
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef, as_storage_error, atomic_file
from pipeline.errors import FilmParked
from pipeline.values import Status
from pipeline.video import frame_times, read_video, write_video
from stages.evaluation.frame_scores import FrameScores
from stages.model_folder import read_facts
from stages.retargeting.body import measure_body
from stages.retargeting.face_model_file import load_face_model
from stages.retargeting.performance_file import load_performance
from stages.retargeting.reenact import ReenactConfig, edit_only, reenact
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.tracking.face import FaceTrackerConfig
from stages.tracking.pose import TrackerConfig
from stages.tracking.track_file import load_track

PARKED = "parked"  # the folder beside the films that were delivered

Flags = NDArray[np.bool_]
Publish = Callable[[Path, bool], None]  # where to put the film, whether one there may be replaced


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What came of a film's gates."""

    verdict: Verdict
    scores: FrameScores | None  # of every frame; None: it was not looked at


@dataclass(slots=True, eq=False)
class Gated:
    """A film's gates, what is known of it before it is looked at, and, once it is finished, what came of them.

    Flicker is that along the film's own motion over the source's along its own. Where nobody is tracked, the film moves
    as its source does: then it is the film's along the source's motion over the source's own.
    """

    gates: Gates
    source: FileRef  # the clip whose time the film has
    known: FileRef | None  # its track; None: nobody is tracked
    performance: FileRef | None  # joints that the film was told; None for portraits and translations
    missing: Flags  # (n,): nobody in the performance
    clamped: Flags  # (n,): the performance was held back
    tracker: TrackerConfig | FaceTrackerConfig | None  # of the film; None: nobody is tracked
    workspace: Workspace
    judged: Judged | None = None  # for the film's report

    def judge(self, film: Path) -> Verdict:
        """Hold a finished film against its gates; it is tracked and looked through where they ask for that.

        Raises: VideoError: it cannot be read, or has not its source's times.
        """
        self.judged = self._judged(film)
        return self.judged.verdict

    def _judged(self, film: Path) -> Judged:
        nothing = np.full(len(self.missing), np.nan)
        times, clamped = np.array([float(time) for time in frame_times(film)]), self.clamped.astype(np.float64)
        if not self.gates.look_at_film:
            return Judged(judge(self.gates, Evidence(times, nothing, nothing, nothing, None, clamped)), None)
        frames, flicker = self._measured(FileRef.of(film))
        lost = np.nan_to_num(_column(frames, "missed")) > 0
        evidence = Evidence(
            times=times,
            missing=(self.missing | lost).astype(np.float64),
            pose_error_pct=_column(frames, "pose_error_pct"),
            warp_error_ratio=_column(frames, "warp_error_ratio"),
            whole_warp_error_ratio=flicker,
            clamped=clamped,
        )
        return Judged(judge(self.gates, evidence), frames)

    def _measured(self, film: FileRef) -> tuple[FrameScores, float | None]:
        """The film's scores in every frame, and the flicker of all of it."""
        if self.tracker is None:
            files = whole(evaluate_steadiness, film, self.source, self.workspace)
            return frames_of(files), steadiness_numbers(files).warp_error_ratio
        settings = EvaluationSettings(pictures=self.gates.max_warp_error_ratio is not None)
        told = self.source, self.performance, self.known
        files = whole(evaluate_alone, film, *told, self.tracker, settings, self.workspace)
        return frames_of(files), alone_numbers(files).warp_error_ratio


def gate_dance(
    gates: Gates | None,
    source: FileRef,
    track: FileRef,
    moved: FileRef,
    model: FileRef,
    retargeting: RetargetConfig,
    tracker: TrackerConfig,
    workspace: Workspace,
) -> Gated | None:
    """The gates of a dancer's film; None where there are none.

    Args:
        source, track: the clip whose performance was borrowed, and its joints.
        moved: the retargeted performance.
        model: model.json of the likeness.
        tracker: of the source; the film, which shows one person, is tracked as quickly.
    """
    if gates is None or not gates.any_asked:
        return None
    joints = load_track(track.path)
    clamped = np.zeros(len(joints), np.bool_)
    if gates.max_clamped_pct is not None:
        body = read_facts(model.path.parent).body
        clamped = retarget(joints, measure_body(joints), body, retargeting).clamped_frames
    missing = load_track(moved.path).status == Status.MISSING
    film_tracker = replace(tracker, performer=None)
    return Gated(gates, source, track, moved, missing, clamped, film_tracker, workspace)


def gate_portrait(
    gates: Gates | None,
    source: FileRef,
    track: FileRef,
    moved: Moved,
    heard: Face | None,
    target: Face,
    reenactment: ReenactConfig,
    tracker: FaceTrackerConfig,
    workspace: Workspace,
) -> Gated | None:
    """The gates of a head's film; None where there are none.

    Args:
        source, track: the clip whose time the film has, and the face in it.
        moved: what the head was to do.
        heard: the face that it was borrowed from; None: the target's own motion was edited.
        target: the face that was trained.
        reenactment: what was borrowed and edited.
        tracker: of the film: it names the face where the clip that lies behind shows several.

    Raises: ValueError: a pose error was asked for, which a head has not.
    """
    if gates is None or not gates.any_asked:
        return None
    if gates.max_pose_error_pct is not None:
        raise ValueError("a portrait has no joints: Gates.max_pose_error_pct is for bodies")
    performance = load_performance(moved.performance.path)
    missing = performance.status == Status.MISSING
    clamped = np.zeros(len(missing), np.bool_)
    if gates.max_clamped_pct is not None:
        clamped = held_back(heard, target, reenactment)
    return Gated(gates, source, track, None, missing, clamped, tracker, workspace)


def gate_translation(gates: Gates | None, clip: FileRef, frames: int, workspace: Workspace) -> Gated | None:
    """The gates of a translated clip; None where there are none.

    Args:
        clip: whose time and motion the film has.
        frames: of it.

    Raises: ValueError: more than flicker was asked for: nobody is tracked in it, and nothing was moved over.
    """
    if gates is None or not gates.any_asked:
        return None
    if gates != Gates(max_warp_error_ratio=gates.max_warp_error_ratio):
        raise ValueError("nobody is tracked in a translated clip: of Gates only max_warp_error_ratio is for it")
    nothing = np.zeros(frames, np.bool_)
    return Gated(gates, clip, None, None, nothing, nothing, None, workspace)


def held_back(heard: Face | None, target: Face, reenactment: ReenactConfig) -> Flags:
    """In which frames a head's motion was held back; worked out again, which takes less than reading a frame."""
    own, model = load_performance(target.performance.path), load_face_model(target.model.path)
    if heard is None:
        return edit_only(own, model, reenactment.edits).clamped_frames
    source = load_performance(heard.performance.path), load_face_model(heard.model.path)
    return reenact(*source, own, model, reenactment).clamped_frames


def deliver_or_park(made: Path, output: Path, gated: Gated | None, publish: Publish, *, overwrite: bool) -> None:
    """Put a finished film under its name, or, where it does not pass its gates, beside that into `parked/`.

    There lie then the film (older ones of its name are replaced), at most five clips of what offends, and a text that
    says which gate by how much. A film that was delivered under this name before stays.

    Args:
        made: the film, finished but for what `publish` does.
        output: its name.
        gated: what it has to pass; None: nothing.
        publish: signs it into a place.
        overwrite: whether a film at `output` may be replaced.

    Raises: FilmParked: it was parked; what `publish` raises; StorageError.
    """
    verdict = None if gated is None else gated.judge(made)
    for line in () if verdict is None else verdict.lines:
        say(line)
    if verdict is None or verdict.passed:
        publish(output, overwrite)
        return
    parked = parked_place(output)
    _clear(parked)
    for number, offence in enumerate(verdict.offending, 1):
        _cut(made, offence, clip_of(parked, number))
    publish(parked, True)
    with atomic_file(parked.with_suffix(".txt")) as beside:
        beside.write_text("\n".join(_report(output, verdict)) + "\n", encoding="utf-8")
    raise FilmParked(
        output,
        f"the film did not pass its gates: {'; '.join(verdict.failures)}",
        "a film within what was allowed",
        f"It lies at {parked}, what offends cut out beside it. Look at it; then raise the gate, train longer, or "
        "choose other footage.",
    )


def parked_place(output: Path) -> Path:
    """Where a film lies that was not delivered under its name."""
    return output.parent / PARKED / output.name


def clip_of(parked: Path, number: int) -> Path:
    """Where the clip of an offence, counted from 1, lies."""
    return parked.with_name(f"{parked.stem}-offence-{number}{parked.suffix}")


def _clear(parked: Path) -> None:
    """Take away what an earlier film of this name left."""
    try:
        parked.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, CLIPS + 1):
            clip_of(parked, number).unlink(missing_ok=True)
    except OSError as error:
        raise as_storage_error(parked, error) from error


def _cut(film: Path, offence: Offence, output: Path) -> None:
    """The pictures of an offence, from time 0 on."""
    with (
        read_video(film, start_index=offence.first, stop_index=offence.stop) as video,
        write_video(output, replace(video.info, path=output), overwrite=True) as clip,
    ):
        start = None
        for index, frame in enumerate(video):
            start = frame.time if start is None else start
            clip.write(replace(frame, time=frame.time - start, index=index))


def _report(output: Path, verdict: Verdict) -> list[str]:
    return [
        f"{output.name} was not delivered.",
        *verdict.lines,
        *(
            f"{clip_of(output, number).name}: {offence.start_seconds:.2f}–{offence.stop_seconds:.2f} s, {offence.gate}"
            for number, offence in enumerate(verdict.offending, 1)
        ),
    ]


def _column(frames: FrameScores, name: str) -> NDArray[np.float64]:
    """A measure of every frame; NaN throughout where no frame has it."""
    return frames.of(name) if name in frames.names else np.full(len(frames), np.nan)
