"""Find the flow between the true pictures of a prepared clip once, and keep it with its confidence for training.

Training asks for the same pairs of frames hundreds of times; a teacher that ran every time would cost as much as the
generator. Taught flow is a folder of plain .npy arrays beside the prepared clip, read memory-mapped.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from models.optical_flow import Raft, confidence, load_raft, resize_flow
from pipeline.array_file import DAMAGE
from pipeline.artifacts import atomic_folder
from pipeline.errors import TrainingError, UnknownChoice
from pipeline.image import to_tensor
from pipeline.limits import bounded_text
from pipeline.streams import batched, prefetched
from stages.optical_flow import Flow

VERSION = 1
TEACHERS = ("dis", "raft")
BATCH = 8  # pairs found, judged and written at a time; twice as many of 144x256 took longer each
SMALL = 256  # pixels of the shorter side: up to here the search looks at the pixels themselves, not at halves

U8 = NDArray[np.uint8]
Ways = tuple[Tensor, Tensor]  # (b, 2, h, w) each, pixels: back from the later pictures, forth from the earlier
Teacher = Callable[[U8, U8], Ways]  # of later and earlier pictures, (b, h, w, 3) RGB


class Footage(Protocol):
    """What flow can be found in: a prepared clip, or a store of pictures."""

    @property
    def pictures(self) -> U8:
        """(n, h, w, 3) RGB."""

    @property
    def follows(self) -> NDArray[np.bool_]:
        """(n,): the picture and the one before are of one shot."""

    @property
    def trained(self) -> int:
        """Pictures 0 … trained-1 may be learnt from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTeacherConfig:
    """Who finds the flow, and how finely it is kept."""

    kind: Literal["dis", "raft"] = "dis"  # OpenCV's search, or a network whose weights must be there
    reduce: int = 2  # the flow is kept this many times smaller than the pictures, whose sides it divides

    def __post_init__(self) -> None:
        if self.kind not in TEACHERS:
            raise UnknownChoice.among("flow teacher", self.kind, TEACHERS)
        if self.reduce < 1:
            raise ValueError(f"FlowTeacherConfig.reduce is {self.reduce}, expected 1 or more")


@dataclass(frozen=True, slots=True, eq=False)
class GapFlow:
    """The flow from every frame that may be learnt from to the one `gap` frames before; memory-mapped, read-only."""

    gap: int
    flow: NDArray[np.float16]  # (n, 2, h/reduce, w/reduce): x, y in pixels of that size; 0 where there is no pair
    confidence: U8  # (n, h, w/8): eight pixels a byte, 1 to be believed; 0 where there is no pair


@dataclass(frozen=True, slots=True, eq=False)
class TaughtFlow:
    """What training reads of a teacher."""

    config: FlowTeacherConfig
    width: int  # of the prepared clip's pictures
    height: int
    by_gap: tuple[GapFlow, ...]  # in rising order; gaps that no two frames of the clip lie apart are not there

    @property
    def gaps(self) -> tuple[int, ...]:
        """Frames between the two of a pair, for which there is flow."""
        return tuple(found.gap for found in self.by_gap)

    def between(self, frame: int, gap: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The flow from `frame` back to `frame - gap`, and how far to believe it.

        Returns:
            (2, h, w) pixels (x, y) of the prepared clip's pictures, and (h, w), 1 to be believed, else 0. All 0 where
            the two frames make no pair.
        Raises:
            TrainingError: there is no flow for this gap, or the frame is not among those that may be learnt from.
        """
        for found in self.by_gap:
            if found.gap == gap and 0 <= frame < len(found.flow):
                kept = torch.from_numpy(found.flow[frame, None].astype(np.float32))
                flow = resize_flow(kept, self.height, self.width)
                belief = np.unpackbits(found.confidence[frame], axis=-1, count=self.width)
                return flow[0].numpy(), belief.astype(np.float32)
        raise TrainingError(
            f"frame {frame} and the one {gap} before",
            "no flow was taught",
            f"a gap among {list(self.gaps)} and a frame that may be learnt from",
            "Teach the flow of this gap; see TaughtFlow.gaps for what there is.",
        )


def pairs_apart(clip: Footage, gap: int) -> NDArray[np.int64]:
    """Later frames of all pairs `gap` frames apart that may be learnt from: one shot, the person seen throughout.

    Raises: ValueError where the gap is below 1.
    """
    if gap < 1:
        raise ValueError(f"a gap of {gap} frames was asked for, expected 1 or more")
    follows = clip.follows[: clip.trained]
    if len(follows) < gap:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.lib.stride_tricks.sliding_window_view(follows, gap).all(axis=1)) + gap - 1


def teach_flow(
    clip: Footage,
    gaps: Sequence[int],
    config: FlowTeacherConfig,
    folder: Path,
    *,
    weights: Path | None = None,
    device: str = "cpu",
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Find flow and confidence of all pairs of the clip, and write them to `folder`, whole or not at all.

    Args:
        clip: its pictures up to `trained` are looked at, the held-out ones never.
        gaps: frames between the two of a pair. One that no pair of the clip has is left out: see `TaughtFlow.gaps`.
        config: the teacher.
        folder: where to; what lies there is replaced.
        weights: of the network, None where torchvision keeps them; the search needs none.
        device: of the network; the search runs on the processor.
        workers: threads of the search; the result is the same for any number.
        progress: told how many pairs are done, of the sum of `pairs_apart` over the gaps.

    Raises:
        WeightsMissing, ModelError: the network's weights are not there or are others.
        ValueError: `config.reduce` does not divide the pictures' sides, or a gap or the workers are below 1.
        StorageError: the folder cannot be written.
    """
    _refuse_size(clip, config)
    pairs = {gap: found for gap in sorted(set(gaps)) if len(found := pairs_apart(clip, gap))}
    teacher = _teacher(clip, config, weights, device, workers)
    done = 0
    with atomic_folder(folder) as beside:
        for gap, later in pairs.items():
            with closing(_teach_gap(beside, clip, gap, later, config.reduce, teacher)) as batches:
                for count in batches:
                    done += count
                    if progress is not None:
                        progress(done)
        height, width = clip.pictures.shape[1:3]
        facts = {"version": VERSION, "config": asdict(config), "width": width, "height": height, "gaps": list(pairs)}
        (beside / "flow.json").write_text(json.dumps(facts), encoding="utf-8")


def open_flow(folder: Path) -> TaughtFlow:
    """Open taught flow without reading its arrays.

    Raises:
        TrainingError: the folder holds none, or one of another version.
    """
    try:
        facts = json.loads(bounded_text(folder / "flow.json"))
        if facts["version"] != VERSION:
            raise TrainingError(folder, f"version {facts['version']}", f"version {VERSION}", "Teach the flow again.")
        by_gap = tuple(_open_gap(folder, int(gap)) for gap in facts["gaps"])
        return TaughtFlow(FlowTeacherConfig(**facts["config"]), facts["width"], facts["height"], by_gap)
    except DAMAGE as error:
        raise TrainingError(
            folder, f"no taught flow ({error})", "a folder that a flow teacher wrote", "Teach the flow again."
        ) from error


def _refuse_size(clip: Footage, config: FlowTeacherConfig) -> None:
    height, width = clip.pictures.shape[1:3]
    if height % config.reduce or width % config.reduce:
        raise ValueError(
            f"FlowTeacherConfig.reduce is {config.reduce}, expected a divisor of the pictures' sides {width}x{height}"
        )


def _teach_gap(
    beside: Path, clip: Footage, gap: int, later: NDArray[np.int64], reduce: int, teacher: Teacher
) -> Generator[int, None, None]:
    """Write one gap's arrays, batch by batch, and say how many pairs each held; the teacher is a batch ahead."""
    height, width = clip.pictures.shape[1:3]
    shape = height // reduce, width // reduce
    flow_path, confidence_path = _paths(beside, gap)
    flows = open_memmap(flow_path, mode="w+", dtype=np.float16, shape=(clip.trained, 2, *shape))
    beliefs = open_memmap(confidence_path, mode="w+", dtype=np.uint8, shape=(clip.trained, height, -(-width // 8)))
    with closing(prefetched(_found(clip, gap, later, teacher), 1)) as batches:
        for frames, ways in batches:
            now, before = (to_tensor(clip.pictures[wanted], str(ways[0].device)) for wanted in (frames, frames - gap))
            flows[frames], beliefs[frames] = _kept(now, before, ways, shape)
            yield len(frames)


def _found(
    clip: Footage, gap: int, later: NDArray[np.int64], teacher: Teacher
) -> Iterator[tuple[NDArray[np.int64], Ways]]:
    for batch in batched(later, BATCH):
        frames = np.array(batch)
        yield frames, teacher(clip.pictures[frames], clip.pictures[frames - gap])


@torch.no_grad()
def _kept(now: Tensor, before: Tensor, ways: Ways, shape: tuple[int, int]) -> tuple[NDArray[np.float16], U8]:
    """Flow and confidence as they are stored; what is judged is the flow as it will be read back."""
    size = now.shape[-2:]
    small = resize_flow(ways[0], *shape).half()
    belief = confidence(now, before, resize_flow(small.float(), *size), ways[1])[:, 0].bool()
    return small.cpu().numpy(), np.packbits(belief.cpu().numpy(), axis=-1)


def _teacher(clip: Footage, config: FlowTeacherConfig, weights: Path | None, device: str, workers: int) -> Teacher:
    if workers < 1:
        raise ValueError(f"{workers} workers were asked for, expected 1 or more")
    if config.kind == "raft":
        return partial(_by_network, load_raft(weights).to(device), device)
    return partial(_by_search, [_search(clip) for _ in range(workers)])


def _search(clip: Footage) -> Flow:
    """As careful as pays at this size.

    On two dances at 144x240 and 144x256 the preset MEDIUM with finest=0 took 19 to 22 ms for a pair, where this takes
    10 to 12, and came no closer to the true pictures within the person than 3 %; with finest=1 it took 5 to 6 and was a
    fifth farther off.
    """
    finest = 0 if min(clip.pictures.shape[1:3]) <= SMALL else 1
    return Flow(finest=finest, stride=4, descents=16, refinements=2, blur=0.6)


def _by_search(searches: Sequence[Flow], now: U8, before: U8) -> Ways:
    """Every thread has its own search, and takes each pair that is as many after its last one as there are threads."""
    count = len(searches)

    def share(first: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        pairs = zip(now[first::count], before[first::count], strict=True)
        return [searches[first].both_ways(*pair) for pair in pairs]

    ways = np.empty((2, len(now), 2, *now.shape[1:3]), np.float32)
    with ThreadPoolExecutor(count, thread_name_prefix="flow") as pool:
        for first, found in enumerate(pool.map(share, range(count))):
            for pair, both in enumerate(found):
                ways[:, first + pair * count] = np.stack(both).transpose(0, 3, 1, 2)
    return torch.from_numpy(ways[0]), torch.from_numpy(ways[1])


def _by_network(raft: Raft, device: str, now: U8, before: U8) -> Ways:
    later, earlier = to_tensor(now, device), to_tensor(before, device)
    return raft(later, earlier), raft(earlier, later)


def _open_gap(folder: Path, gap: int) -> GapFlow:
    flow, belief = (np.load(path, mmap_mode="r", allow_pickle=False) for path in _paths(folder, gap))
    return GapFlow(gap, flow, belief)


def _paths(folder: Path, gap: int) -> tuple[Path, Path]:
    return folder / f"flow-{gap}.npy", folder / f"confidence-{gap}.npy"
