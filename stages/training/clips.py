"""Prepare a clip for training once: pictures, conditions, person masks and plates at the network's size, on disk.

A prepared clip is a folder of plain .npy arrays that training reads memory-mapped, so neither the film's length nor its
resolution costs memory, and no frame is decoded twice.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from pipeline.array_file import DAMAGE
from pipeline.artifacts import atomic_folder
from pipeline.errors import TrainingError
from pipeline.image import crop, resize
from pipeline.limits import bounded_text
from pipeline.values import Box, FaceTrack, Status, Track
from stages.conditioning.background import (
    WHOLE_SAMPLES,
    Layer,
    fill_plate,
    layer_of,
    make_plates,
    plate_frames,
    plate_of_frames,
)
from stages.conditioning.face_images import CHANNELS as FACE_CHANNELS
from stages.conditioning.face_images import FaceImagesFormat
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure
from stages.tracking.mask import person_masks
from stages.training.clip_pieces import as_drawn
from stages.training.framing import Framing
from stages.training.subject import U8, Subject, masked_frames

VERSION = 2
HELD_OUT = 0.15  # of the clip, its end: never trained on
SHORTEST = 48  # frames: below, there is nothing to learn from and nothing to hold out
KEPT_BYTES = 1 << 30  # of full frames and masks that are held for the background: fewer frames in large films
NOSE = 0

ARRAYS = ("pictures", "conditions", "masks", "plates", "plate_of", "joints", "follows", "present")

Style = StickFigureFormat | FaceImagesFormat

# What a clip's conditions are, by their channels.
STYLES: dict[int, type[StickFigureFormat] | type[FaceImagesFormat]] = {
    3: StickFigureFormat,
    FACE_CHANNELS: FaceImagesFormat,
}


@dataclass(frozen=True, slots=True, eq=False)
class PreparedClip:
    """What training reads; arrays are memory-mapped and read-only."""

    framing: Framing
    style: Style
    pictures: U8  # (n, h, w, 3) RGB
    conditions: U8  # (n, h, w, 3) RGB: stick figures; (n, h, w, 12): four pictures of a face
    masks: U8  # (n, h, w): person, 0 … 255
    plates: U8  # (p, h, w, 3) RGB
    plate_of: NDArray[np.int32]  # (n,): the plate behind each frame
    joints: NDArray[np.float32]  # (n, 33, 3): x, y in pixels of the network's picture, confidence
    follows: NDArray[np.bool_]  # (n,): the frame and the one before are of one shot, with the person seen in both
    present: NDArray[np.bool_]  # (n,): the person is seen; a pose that is only held does not count
    trained: int  # frames 0 … trained-1 may be learnt from; the rest is held out

    @property
    def noses(self) -> NDArray[np.float32]:
        """(n, 3): x, y in pixels of the network's picture, confidence."""
        return self.joints[:, NOSE]

    @property
    def figures(self) -> StickFigureFormat:
        """How its stick figures are drawn.

        Raises: TrainingError where its conditions show faces.
        """
        if not isinstance(self.style, StickFigureFormat):
            raise TrainingError(
                "the prepared clip", "its conditions show a face", "stick figures", "Use a method for portraits."
            )
        return self.style

    @property
    def face_images(self) -> FaceImagesFormat:
        """How its face images are drawn.

        Raises: TrainingError where its conditions show stick figures.
        """
        if not isinstance(self.style, FaceImagesFormat):
            raise TrainingError(
                "the prepared clip", "its conditions show a body", "face images", "Use a method for dances."
            )
        return self.style

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Second frames of all pairs of consecutive frames that may be learnt from."""
        return np.flatnonzero(self.follows[: self.trained])

    @property
    def unbroken(self) -> NDArray[np.int64]:
        """(trained,): how many frames before each that may be learnt from follow each other without a break."""
        places = np.arange(self.trained)
        starts: NDArray[np.int64] = np.maximum.accumulate(np.where(self.follows[: self.trained], 0, places))
        return places - starts

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Frames that were never learnt from and show the person."""
        return np.flatnonzero(self.present[self.trained :]) + self.trained


def trained_frames(frames: int) -> int:
    """How many frames of a clip are learnt from; the last 15 % are held out."""
    return frames - round(frames * HELD_OUT)


def prepare_clip(
    video: Path,
    track: Track,
    framing: Framing,
    style: StickFigureFormat,
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
    pieces: Sequence[Path] = (),
) -> None:
    """Write a prepared clip to `folder`, whole or not at all, with `background.png`'s pixels as `background.npy`.

    Memory is bounded by `KEPT_BYTES` of full frames for that background, whatever the film's length and size.

    Args:
        pieces: what `draw_piece` wrote of the `dancer`; the clip is the same to the bit.

    Raises:
        TrainingError: too few frames with the person in them.
        VideoError, TrackError: the clip cannot be read, or the track is not its own.
    """
    subject = dancer(track, framing, style)
    write_clip(video, as_drawn(subject, pieces) if pieces else subject, framing, style, folder, progress=progress)


def dancer(track: Track, framing: Framing, style: StickFigureFormat) -> Subject:
    """Who is filmed where a body is: with stick figures, and masks that follow the track."""
    width, height = framing.width, framing.height
    known = np.flatnonzero(track.status != Status.MISSING)

    def last_known(index: int) -> int:
        """Where the track says MISSING, a mask is sought where the last one was."""
        before = known[: np.searchsorted(known, index, side="right")]
        return int(before[-1]) if len(before) else 0

    return Subject(
        track=track,
        joints=np.concatenate([track.points, track.confidence[..., None]], axis=2),
        channels=3,
        draw=lambda index: draw_stick_figure(track[index], framing.window, width, height, style),
        masks=lambda frames: person_masks(frames, track),
        masks_from=last_known,
        word="the person",
        advice="Film the target for a minute or more: arms up, out and across, steps, turns.",
    )


def write_clip(
    video: Path,
    subject: Subject,
    framing: Framing,
    style: Style,
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write a prepared clip of whoever is filmed; see `prepare_clip`."""
    _refuse_short(video, subject)
    known = trained_frames(len(subject.track))
    with atomic_folder(folder) as beside:
        _write_arrays(beside, video, subject, framing, known, progress)
        text = json.dumps({"version": VERSION, "framing": asdict(framing), "style": asdict(style), "trained": known})
        (beside / "clip.json").write_text(text, encoding="utf-8")


def _write_arrays(
    beside: Path,
    video: Path,
    subject: Subject,
    framing: Framing,
    known: int,
    progress: Callable[[int], None] | None,
) -> None:
    """All arrays of the clip; none is open any more at the end, as Windows renames no folder with open files in it."""
    track, size = subject.track, (framing.height, framing.width)
    frames, pace = len(track), _seconds_per_frame(track)
    arrays = {
        "pictures": _array(beside / "pictures.npy", (frames, *size, 3)),
        "conditions": _array(beside / "conditions.npy", (frames, *size, subject.channels)),
        "masks": _array(beside / "masks.npy", (frames, *size)),
    }
    np.save(beside / "background.npy", fill_plate(_fill(arrays, beside, video, subject, framing, known, progress)))
    plate_of = plate_of_frames(known, pace)
    plates = _array(beside / "plates.npy", (int(plate_of[-1]) + 1, *size, 3))
    for number, plate in enumerate(make_plates(arrays["pictures"][:known], arrays["masks"][:known], pace)):
        plates[number] = plate
    np.save(beside / "plate_of.npy", np.pad(plate_of, (0, frames - known), mode="edge"))
    np.save(beside / "joints.npy", _joints(subject.joints, framing))
    np.save(beside / "follows.npy", _follows(track))
    np.save(beside / "present.npy", _present(track))


def open_clip(folder: Path) -> PreparedClip:
    """Open a prepared clip without reading its arrays.

    Raises:
        TrainingError: the folder holds none, or one of another version.
    """
    try:
        facts = json.loads(bounded_text(folder / "clip.json"))
        if facts["version"] != VERSION:
            raise TrainingError(folder, f"version {facts['version']}", f"version {VERSION}", "Prepare the clip again.")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        framing = dict(facts["framing"])
        framing["window"] = Box(**framing["window"])
        return PreparedClip(
            framing=Framing(**framing),
            style=STYLES[arrays["conditions"].shape[3]](**facts["style"]),
            trained=facts["trained"],
            **arrays,
        )
    except DAMAGE as error:
        raise TrainingError(
            folder, f"no prepared clip ({error})", "a folder that training prepared", "Prepare the clip again."
        ) from error


def _refuse_short(video: Path, subject: Subject) -> None:
    seen = int(_present(subject.track).sum())
    if seen < SHORTEST:
        raise TrainingError(
            video,
            f"{subject.word} is seen in {seen} frames",
            f"at least {SHORTEST}, better some thousand",
            subject.advice,
        )


def _array(path: Path, shape: tuple[int, ...]) -> U8:
    return np.asanyarray(open_memmap(path, mode="w+", dtype=np.uint8, shape=shape))


def _fill(
    arrays: dict[str, U8],
    beside: Path,
    video: Path,
    subject: Subject,
    framing: Framing,
    known: int,
    progress: Callable[[int], None] | None,
) -> list[Layer]:
    """One pass over the film; returns the medians that the full-size background is made of, nearest first."""
    track = subject.track
    groups = plate_frames(known, _seconds_per_frame(track), known - 1, _affordable(track.width * track.height))
    wanted = {index for group in groups for index in group}
    pictures: dict[int, U8] = {}
    masks: dict[int, U8] = {}
    window, size = framing.window, (framing.width, framing.height)
    for frame, mask in masked_frames(video, subject):
        if frame.index in wanted:
            pictures[frame.index], masks[frame.index] = frame.image, mask
        if frame.index == subject.still:
            np.save(beside / "still.npy", frame.image)
        arrays["pictures"][frame.index] = resize(crop(frame.image, window), *size)
        arrays["masks"][frame.index] = resize(crop(mask, window), *size)
        arrays["conditions"][frame.index] = subject.draw(frame.index)
        if progress is not None:
            progress(frame.index + 1)
    return [layer_of(pictures, masks, group) for group in groups]


def _affordable(pixels: int) -> int:
    """Frames of the whole clip that the background may be made of, when as many again are taken from near its end."""
    return max(3, min(WHOLE_SAMPLES, KEPT_BYTES // (2 * 4 * pixels)))


def _seconds_per_frame(track: Track | FaceTrack) -> float:
    return float(track.times[-1] - track.times[0]) / max(len(track) - 1, 1) or 1.0


def _joints(joints: NDArray[np.float32], framing: Framing) -> NDArray[np.float32]:
    return np.concatenate([framing.in_picture(joints[..., :2]), joints[..., 2:]], axis=2)


def _present(track: Track | FaceTrack) -> NDArray[np.bool_]:
    """Where the person is seen, or was just before and just after; a pose that is only held would teach guesses."""
    return np.isin(track.status, (Status.TRACKED, Status.INTERPOLATED))


def _follows(track: Track | FaceTrack) -> NDArray[np.bool_]:
    present = _present(track)
    joined = np.zeros(len(track), dtype=bool)
    joined[1:] = present[1:] & present[:-1] & (np.diff(track.shot) == 0)
    return joined
