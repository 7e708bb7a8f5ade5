"""A clip made ready to learn from, and its held-out end as a likeness paints it: what held_out and ablation share.

Everything lies in a folder of the clip's own, named by its content, and is found again there.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.image import resize, write_png
from pipeline.values import Condition, Frame, Track
from pipeline.video import read_video
from stages.conditioning.stick_figure import draw_stick_figure
from stages.evaluation.metrics import SquaredError, squared_error, ssim
from stages.model_folder import LoadedModel
from stages.rendering.composite import Compositor
from stages.rendering.generate import Generation
from stages.rendering.panning import pan_of
from stages.retargeting.body import measure_body
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.track_file import load_track, save_track
from stages.training.bricks import Watch
from stages.training.clips import open_clip, prepare_clip, trained_frames
from stages.training.flow_teacher import FlowTeacherConfig, teach_flow
from stages.training.framing import frame_performer
from stages.training.phases import Budget, DancePreset
from stages.training.train_dance import train_dance

Picture = NDArray[np.uint8]

SHOWN = 8  # frames on a contact sheet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """What there is to learn from."""

    clip: FileRef
    track: Track
    prepared: Path
    folder: Path  # of all that is made of this clip


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A held-out frame, what a user gets for it, and how long that took."""

    true: Frame
    film: Picture  # (height, width, 3) RGB, the full frame
    painting: float  # seconds in the network and around it, at the network's size
    compositing: float  # seconds to lay it over the full frame
    person: bool  # somebody was painted


def get_ready(clip: Path, preset: DancePreset, work: Path, *, size: tuple[int, int] | None = None) -> Lesson:
    """Track a clip and prepare it at the preset's size, or at (width, height), unless that was done before.

    Raises: TrackError, TrainingError, VideoError: the clip cannot be learnt from.
    """
    film = FileRef.of(clip)
    folder = work / f"{clip.stem}-{film.sha256[:8]}"
    track = _tracked(clip, folder)
    framing = frame_performer(track, pixels=preset.pixels, stride=preset.stride, size=size)
    shown = f"{framing.width}x{framing.height}-of-{framing.window.width}x{framing.window.height}"
    prepared = folder / f"prepared-{shown}"
    if not prepared.exists():
        prepare_clip(clip, track, framing, preset.style, prepared)
    return Lesson(clip=film, track=track, prepared=prepared, folder=folder)


def learn(
    lesson: Lesson, preset: DancePreset, budget: Budget, compute: Compute, model: Path, watch: Watch | None = None
) -> None:
    """Train into the folder `model`, or go on where that was left. No perceptual loss: a draft has none.

    Raises: see `train_dance`.
    """
    train_dance(
        lesson.prepared,
        lesson.clip,
        measure_body(lesson.track),
        preset,
        budget,
        compute,
        model,
        flow=_taught(lesson, preset.gaps) if preset.gaps else None,
        watch=watch,
    )


def paint_held_out(lesson: Lesson, model: LoadedModel, compute: Compute) -> Iterator[Painted]:
    """Paint the clip's last 15 % frame after frame, over the full-resolution background."""
    framing, generation = model.facts.framing, Generation(model, compute)
    compositor = Compositor(model.background, framing.window)
    with read_video(lesson.clip.path, start_index=trained_frames(len(lesson.track))) as video:
        for frame in video:
            pose = lesson.track[frame.index]
            pan = pan_of(pose, model.facts)
            image = draw_stick_figure(pose, pan.window, framing.width, framing.height, model.facts.style)
            begun = time.perf_counter()
            painted = generation.paint(Condition(image, frame.time, frame.index), pose, pan)
            done = time.perf_counter()
            film = compositor.paste(painted, pan.window)
            yield Painted(frame, film, done - begun, time.perf_counter() - done, painted.person)


class ReducedComparison:
    """Compares a film with the truth frame by frame, both reduced to one size, and keeps them for a contact sheet."""

    def __init__(self, size: str) -> None:
        """Compare at `size`, such as 144x256."""
        self._width, self._height = (int(side) for side in size.split("x"))
        self._error, self._likeness = SquaredError(), 0.0
        self._columns: list[Picture] = []

    def add(self, film: Picture, true: Picture) -> None:
        """Take one more frame: (height, width, 3) RGB each."""
        made, wanted = (resize(picture, self._width, self._height) for picture in (film, true))
        self._error += squared_error(made, wanted)
        self._likeness += ssim(made, wanted)
        self._columns.append(np.concatenate([made, wanted], axis=0))

    @property
    def frames(self) -> int:
        """Compared so far."""
        return len(self._columns)

    @property
    def psnr_db(self) -> float:
        """Of the squared error over all frames, dB."""
        found = self._error.psnr
        assert found is not None  # a clip has a held-out end
        return found

    @property
    def ssim(self) -> float:
        """Mean over frames."""
        return self._likeness / self.frames

    def write_sheet(self, path: Path) -> None:
        """Write some frames as a picture, the film above the truth.

        Raises: StorageError.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, np.concatenate(self._columns[:: max(1, self.frames // SHOWN)], axis=1))


def _tracked(clip: Path, folder: Path) -> Track:
    path = folder / "track.npz"
    if not path.exists():
        save_track(track_pose(clip, TrackerConfig(workers=2)), path)
    return load_track(path)


def _taught(lesson: Lesson, gaps: tuple[int, ...]) -> Path:
    """The clip's flow over these gaps, as the command line has it found."""
    name = "-".join(map(str, gaps))
    folder = lesson.prepared.with_name(f"{lesson.prepared.name}-flow-{name}")
    if not folder.exists():
        teach_flow(open_clip(lesson.prepared), gaps, FlowTeacherConfig(), folder)
    return folder
