"""Prepare a clip for training once: pictures, stick figures, person masks and plates at the network's size, on disk.

A prepared clip is a folder of plain .npy arrays that training reads memory-mapped, so neither the film's length nor its
resolution costs memory, and no frame is decoded twice.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from pipeline.artifacts import atomic_folder
from pipeline.errors import TrainingError
from pipeline.image import crop, resize
from pipeline.streams import in_step, prefetched
from pipeline.values import Box, Frame, Status, Track
from pipeline.video import read_video
from stages.conditioning.background import (
    WHOLE_SAMPLES,
    Layer,
    fill_plate,
    layer_of,
    make_plates,
    plate_frames,
    plate_of_frames,
)
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure
from stages.tracking.mask import person_masks
from stages.training.framing import Framing

VERSION = 2
HELD_OUT = 0.15  # of the clip, its end: never trained on
SHORTEST = 48  # frames: below, there is nothing to learn from and nothing to hold out
KEPT_BYTES = 1 << 30  # of full frames and masks that are held for the background: fewer frames in large films
NOSE = 0

ARRAYS = ("pictures", "conditions", "masks", "plates", "plate_of", "joints", "follows", "present")

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedClip:
    """What training reads; arrays are memory-mapped and read-only."""

    framing: Framing
    style: StickFigureFormat
    pictures: U8  # (n, h, w, 3) RGB
    conditions: U8  # (n, h, w, 3) RGB
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
    def pairs(self) -> NDArray[np.int64]:
        """Second frames of all pairs of consecutive frames that may be learnt from."""
        return np.flatnonzero(self.follows[: self.trained])

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
) -> None:
    """Write a prepared clip to `folder`, whole or not at all, with `background.png`'s pixels as `background.npy`.

    Memory is bounded by `KEPT_BYTES` of full frames for that background, whatever the film's length and size.

    Raises:
        TrainingError: too few frames with the person in them.
        VideoError, TrackError: the clip cannot be read, or the track is not its own.
    """
    _refuse_short(video, track)
    known = trained_frames(len(track))
    with atomic_folder(folder) as beside:
        _write_arrays(beside, video, track, framing, style, known, progress)
        text = json.dumps({"version": VERSION, "framing": asdict(framing), "style": asdict(style), "trained": known})
        (beside / "clip.json").write_text(text, encoding="utf-8")


def _write_arrays(
    beside: Path,
    video: Path,
    track: Track,
    framing: Framing,
    style: StickFigureFormat,
    known: int,
    progress: Callable[[int], None] | None,
) -> None:
    """All arrays of the clip; none is open any more at the end, as Windows renames no folder with open files in it."""
    frames, size, pace = len(track), (framing.height, framing.width), _seconds_per_frame(track)
    arrays = {
        "pictures": _array(beside / "pictures.npy", (frames, *size, 3)),
        "conditions": _array(beside / "conditions.npy", (frames, *size, 3)),
        "masks": _array(beside / "masks.npy", (frames, *size)),
    }
    np.save(beside / "background.npy", fill_plate(_fill(arrays, video, track, framing, style, known, progress)))
    plate_of = plate_of_frames(known, pace)
    plates = _array(beside / "plates.npy", (int(plate_of[-1]) + 1, *size, 3))
    for number, plate in enumerate(make_plates(arrays["pictures"][:known], arrays["masks"][:known], pace)):
        plates[number] = plate
    np.save(beside / "plate_of.npy", np.pad(plate_of, (0, frames - known), mode="edge"))
    np.save(beside / "joints.npy", _joints(track, framing))
    np.save(beside / "follows.npy", _follows(track))
    np.save(beside / "present.npy", _present(track))


def open_clip(folder: Path) -> PreparedClip:
    """Open a prepared clip without reading its arrays.

    Raises:
        TrainingError: the folder holds none, or one of another version.
    """
    try:
        facts = json.loads((folder / "clip.json").read_text(encoding="utf-8"))
        if facts["version"] != VERSION:
            raise TrainingError(folder, f"version {facts['version']}", f"version {VERSION}", "Prepare the clip again.")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            folder, f"no prepared clip ({error})", "a folder that training prepared", "Prepare the clip again."
        ) from error
    framing = dict(facts["framing"])
    framing["window"] = Box(**framing["window"])
    return PreparedClip(
        framing=Framing(**framing), style=StickFigureFormat(**facts["style"]), trained=facts["trained"], **arrays
    )


def _refuse_short(video: Path, track: Track) -> None:
    seen = int(_present(track).sum())
    if seen < SHORTEST:
        raise TrainingError(
            video,
            f"the person is seen in {seen} frames",
            f"at least {SHORTEST}, better some thousand",
            "Film the target for a minute or more: arms up, out and across, steps, turns.",
        )


def _array(path: Path, shape: tuple[int, ...]) -> U8:
    return np.asanyarray(open_memmap(path, mode="w+", dtype=np.uint8, shape=shape))


def _fill(
    arrays: dict[str, U8],
    video: Path,
    track: Track,
    framing: Framing,
    style: StickFigureFormat,
    known: int,
    progress: Callable[[int], None] | None,
) -> list[Layer]:
    """One pass over the film; returns the medians that the full-size background is made of, nearest first."""
    groups = plate_frames(known, _seconds_per_frame(track), known - 1, _affordable(track.width * track.height))
    wanted = {index for group in groups for index in group}
    pictures: dict[int, U8] = {}
    masks: dict[int, U8] = {}
    window, size = framing.window, (framing.width, framing.height)
    for frame, mask in _with_masks(video, track):
        if frame.index in wanted:
            pictures[frame.index], masks[frame.index] = frame.image, mask
        arrays["pictures"][frame.index] = resize(crop(frame.image, window), *size)
        arrays["masks"][frame.index] = resize(crop(mask, window), *size)
        arrays["conditions"][frame.index] = draw_stick_figure(track[frame.index], window, *size, style)
        if progress is not None:
            progress(frame.index + 1)
    return [layer_of(pictures, masks, group) for group in groups]


def _affordable(pixels: int) -> int:
    """Frames of the whole clip that the background may be made of, when as many again are taken from near its end."""
    return max(3, min(WHOLE_SAMPLES, KEPT_BYTES // (2 * 4 * pixels)))


def _with_masks(video: Path, track: Track) -> Iterator[tuple[Frame, U8]]:
    """Every frame of the film with its person mask as uint8; the track must be exactly as long."""
    seen: list[Frame] = []  # the one frame that the tracker is looking at
    with read_video(video) as reader, closing(prefetched(reader, 4)) as frames:

        def passing() -> Iterator[Frame]:
            for frame in frames:
                seen.append(frame)
                yield frame

        for mask, _ in in_step(person_masks(passing(), track), range(len(track)), names=(video.name, "its track")):
            yield seen.pop(), (mask * 255).round().astype(np.uint8)


def _seconds_per_frame(track: Track) -> float:
    return float(track.times[-1] - track.times[0]) / max(len(track) - 1, 1) or 1.0


def _joints(track: Track, framing: Framing) -> NDArray[np.float32]:
    return np.concatenate([framing.in_picture(track.points), track.confidence[..., None]], axis=2)


def _present(track: Track) -> NDArray[np.bool_]:
    """Where the person is seen, or was just before and just after; a pose that is only held would teach guesses."""
    return np.isin(track.status, (Status.TRACKED, Status.INTERPOLATED))


def _follows(track: Track) -> NDArray[np.bool_]:
    present = _present(track)
    joined = np.zeros(len(track), dtype=bool)
    joined[1:] = present[1:] & present[:-1] & (np.diff(track.shot) == 0)
    return joined
