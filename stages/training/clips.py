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
from stages.conditioning.background import fill_plate, free_pixels, make_plates, masked_median, plate_frames
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure
from stages.tracking.mask import person_masks
from stages.training.framing import Framing

VERSION = 1
HELD_OUT = 0.15  # of the clip, its end: never trained on
SHORTEST = 48  # frames: below, there is nothing to learn from and nothing to hold out
NOSE = 0

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
    noses: NDArray[np.float32]  # (n, 3): x, y in pixels of the network's picture, confidence
    follows: NDArray[np.bool_]  # (n,): the frame and the one before are of one shot, with the person in both
    present: NDArray[np.bool_]  # (n,): the person is there
    trained: int  # frames 0 … trained-1 may be learnt from; the rest is held out

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

    Raises:
        TrainingError: too few frames with the person in them.
        VideoError, TrackError: the clip cannot be read, or the track is not its own.
    """
    _refuse_short(video, track)
    frames, size = len(track), (framing.height, framing.width)
    with atomic_folder(folder) as beside:
        arrays = {
            "pictures": _array(beside / "pictures.npy", (frames, *size, 3)),
            "conditions": _array(beside / "conditions.npy", (frames, *size, 3)),
            "masks": _array(beside / "masks.npy", (frames, *size)),
        }
        layers = _fill(arrays, video, track, framing, style, progress)
        np.save(beside / "background.npy", fill_plate(layers))
        known = trained_frames(frames)
        plates = make_plates(arrays["pictures"][:known], arrays["masks"][:known], _seconds_per_frame(track))
        np.save(beside / "plates.npy", plates.pictures)
        np.save(beside / "plate_of.npy", np.pad(plates.of_frame, (0, frames - known), mode="edge"))
        np.save(beside / "noses.npy", _noses(track, framing))
        np.save(beside / "follows.npy", _follows(track))
        np.save(beside / "present.npy", track.status != Status.MISSING)
        for array in arrays.values():
            array.flush()
        text = json.dumps({"version": VERSION, "framing": asdict(framing), "style": asdict(style), "trained": known})
        (beside / "clip.json").write_text(text)


def open_clip(folder: Path) -> PreparedClip:
    """Open a prepared clip without reading its arrays.

    Raises:
        TrainingError: the folder holds none, or one of another version.
    """
    try:
        facts = json.loads((folder / "clip.json").read_text())
    except (OSError, ValueError) as error:
        raise TrainingError(folder, "no prepared clip", "a folder that training prepared", "Start again.") from error
    if facts["version"] != VERSION:
        raise TrainingError(folder, f"version {facts['version']}", f"version {VERSION}", "Prepare the clip again.")
    framing = dict(facts["framing"])
    framing["window"] = Box(**framing["window"])
    names = ("pictures", "conditions", "masks", "plates", "plate_of", "noses", "follows", "present")
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
    return PreparedClip(
        framing=Framing(**framing), style=StickFigureFormat(**facts["style"]), trained=facts["trained"], **arrays
    )


def _refuse_short(video: Path, track: Track) -> None:
    seen = int((track.status != Status.MISSING).sum())
    if seen < SHORTEST:
        raise TrainingError(
            video,
            f"the person is seen in {seen} frames",
            f"at least {SHORTEST}, better some thousand",
            "Film the target for a minute or more: arms up, out and across, steps, turns.",
        )


def _array(path: Path, shape: tuple[int, ...]) -> U8:
    return open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


def _fill(
    arrays: dict[str, U8],
    video: Path,
    track: Track,
    framing: Framing,
    style: StickFigureFormat,
    progress: Callable[[int], None] | None,
) -> list[tuple[U8, NDArray[np.bool_]]]:
    """One pass over the film; returns the medians that the full-size background is made of, nearest first."""
    known = trained_frames(len(track))
    groups = plate_frames(known, _seconds_per_frame(track), known - 1)
    wanted = sorted({index for group in groups for index in group})
    kept: dict[int, tuple[U8, U8]] = {}
    window, size = framing.window, (framing.width, framing.height)
    for frame, mask in _with_masks(video, track):
        if frame.index in wanted:
            kept[frame.index] = (frame.image, mask)
        arrays["pictures"][frame.index] = resize(crop(frame.image, window), *size)
        arrays["masks"][frame.index] = resize(crop(mask, window), *size)
        arrays["conditions"][frame.index] = draw_stick_figure(track[frame.index], window, *size, style)
        if progress is not None:
            progress(frame.index + 1)
    return [
        masked_median(np.stack([kept[i][0] for i in group]), free_pixels(np.stack([kept[i][1] for i in group])))
        for group in groups
    ]


def _with_masks(video: Path, track: Track) -> Iterator[tuple[Frame, U8]]:
    """Every frame of the film with its person mask as uint8; the track must be exactly as long."""
    with read_video(video) as reader, closing(prefetched(reader, 4)) as frames:
        seen: list[Frame] = []

        def passing() -> Iterator[Frame]:
            for frame in frames:
                seen.append(frame)
                yield frame

        for mask, _ in in_step(person_masks(passing(), track), range(len(track)), names=(video.name, "its track")):
            yield seen.pop(), (mask * 255).round().astype(np.uint8)


def _seconds_per_frame(track: Track) -> float:
    return float(track.times[-1] - track.times[0]) / max(len(track) - 1, 1) or 1.0


def _noses(track: Track, framing: Framing) -> NDArray[np.float32]:
    window = framing.window
    scale = np.array([framing.width / window.width, framing.height / window.height])
    points = (track.points[:, NOSE] - (window.left, window.top) + 0.5) * scale - 0.5
    return np.concatenate([points, track.confidence[:, NOSE, None]], axis=1).astype(np.float32)


def _follows(track: Track) -> NDArray[np.bool_]:
    present = track.status != Status.MISSING
    joined = np.zeros(len(track), dtype=bool)
    joined[1:] = present[1:] & present[:-1] & (np.diff(track.shot) == 0)
    return joined
