"""Draw takes from a prepared clip: stretches of consecutive frames with their flow, cut alike throughout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.image import crop, to_tensor
from pipeline.values import Box, Pose, Status
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure
from stages.training.bricks import moved_view, reduced
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import TaughtFlow
from stages.training.turns import Turn

# What may be missing together when a tracker fails: a part of the body and all that hangs on it.
DROPPED_TOGETHER: tuple[tuple[int, ...], ...] = (
    tuple(range(11)),  # the face
    (13, 15, 17, 19, 21), (14, 16, 18, 20, 22),  # arms from the elbow
    (15, 17, 19, 21), (16, 18, 20, 22),  # from the wrist
    (17, 19, 21), (18, 20, 22),  # hands
    (25, 27, 29, 31), (26, 28, 30, 32),  # legs from the knee
    (27, 29, 31), (28, 30, 32),  # from the ankle
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class TaughtGap:
    """What the teacher says of the motion over some frames of a take."""

    flow: (
        Tensor  # (b, t, 2, h, w): pixels, from each frame back to the one `gap` steps before; zero where there is none
    )
    confidence: Tensor  # (b, t, 1, h, w): 0 do not trust it … 1; zero where there is no frame before


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """b stretches of t frames each, `stride` apart in the film; all on the training device."""

    conditions: Tensor  # (b, t, c, h, w), -1..1: c is 3 of stick figures, 9 of faces
    pictures: Tensor  # (b, t, 3, h, w), -1..1
    persons: Tensor  # (b, t, 1, h, w), 0..1
    backdrop: Tensor  # (b, 3, h, w), -1..1
    joints: Tensor  # (b, t, 33, 3): x, y in pixels of these pictures, confidence
    taught: Mapping[int, TaughtGap]  # by gap in steps of this take
    stride: int

    def __len__(self) -> int:
        return int(self.pictures.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePlan:
    """What is drawn."""

    frames: int
    batch: int = 1
    most_stride: int = 1  # frames of the film between those of a take: drawn from 1 … this
    gaps: tuple[int, ...] = (1,)  # steps over which flow is wanted
    shift: float = 0.0  # random shift of the pictures, share of their size
    reduce: int = 1  # pictures are this many times smaller; divides their sides
    drop: float = 0.0  # chance that a part of the body is not drawn, for each part and frame


class TakeSource:
    """Knows where takes of any length may begin."""

    def __init__(self, clip: PreparedClip, flow: TaughtFlow, *, least: int) -> None:
        """Look where frames follow each other.

        Args:
            least: frames that every take has.
        Raises: TrainingError: nowhere so many.
        """
        self.clip, self.flow = clip, flow
        self._before = clip.unbroken
        longest = int(self._before.max(initial=0)) + 1
        if longest < least:
            dances = isinstance(clip.style, StickFigureFormat)
            other = "everybody-dance-now, which needs two" if dances else "deep-video-portraits, which needs no order"
            raise TrainingError(
                "the target's clip",
                f"the person is seen in at most {longest} frames in a row",
                f"at least {least}: the generator looks back on the frames before",
                f"Film a continuous take, or use --method {other}.",
            )

    def longest(self, stride: int = 1) -> int:
        """The most frames that a take of this stride can have."""
        return int(self._before.max()) // stride + 1

    def draw(self, plan: TakePlan, turn: Turn, chance: np.random.Generator, compute: Compute) -> Take:
        """Draw the takes whose turn it is; they are shorter than planned where no stretch of the clip is as long.

        Raises: TrainingError where flow over a gap was never taught, or parts of a body are to be left out of a face.
        """
        if plan.drop > 0 and not isinstance(self.clip.style, StickFigureFormat):
            raise TrainingError(
                "TakePlan.drop", f"it is {plan.drop}", "0 for a clip of a face", "A face has no parts to leave out."
            )
        strides = [s for s in range(1, plan.most_stride + 1) if self.longest(s) >= plan.frames] or [1]
        stride = int(chance.choice(strides))
        frames = min(plan.frames, self.longest(stride))
        ends = np.flatnonzero(self._before >= (frames - 1) * stride).astype(np.int64)
        ends = ends[turn.among(len(ends), plan.batch)]
        rows = ends[:, None] + stride * np.arange(1 - frames, 1)
        framing = self.clip.framing
        views = [moved_view(framing.width, framing.height, plan.shift, chance) for _ in ends]
        dropped = chance.random((*rows.shape, len(DROPPED_TOGETHER))) < plan.drop
        return Take(
            conditions=self._conditions(rows, views, dropped, plan, compute),
            pictures=_pictures(self.clip.pictures, rows, views, plan.reduce, compute),
            persons=_masks(self.clip.masks, rows, views, plan.reduce, compute),
            backdrop=_pictures(self.clip.plates, self.clip.plate_of[ends][:, None], views, plan.reduce, compute)[:, 0],
            joints=_joints(self.clip.joints[rows], views, plan.reduce, compute),
            taught={gap: self._taught(rows, gap, stride, views, plan.reduce, compute) for gap in plan.gaps},
            stride=stride,
        )

    def _conditions(
        self,
        rows: NDArray[np.int64],
        views: Sequence[Box],
        dropped: NDArray[np.bool_],
        plan: TakePlan,
        compute: Compute,
    ) -> Tensor:
        """The stick figures as they were drawn, or drawn anew where a part is left out."""

        def figure(row: int, without: NDArray[np.bool_]) -> NDArray[np.uint8]:
            return self._drawn_without(row, without) if without.any() else self.clip.conditions[row]

        cut = [
            np.stack([crop(figure(int(row), without), view) for row, without in zip(line, gone, strict=True)])
            for line, view, gone in zip(rows, views, dropped, strict=True)
        ]
        return _unflat(reduced(to_tensor(np.concatenate(cut), compute.device), plan.reduce), len(rows))

    def _drawn_without(self, row: int, without: NDArray[np.bool_]) -> NDArray[np.uint8]:
        joints, framing = self.clip.joints[row], self.clip.framing
        confidence = joints[:, 2].copy()
        for parts, gone in zip(DROPPED_TOGETHER, without, strict=True):
            if gone:
                confidence[list(parts)] = 0.0
        pose = Pose(joints[:, :2], confidence, np.zeros((33, 3), np.float32), Status.TRACKED, Fraction(0), row)
        whole = Box(0, 0, framing.width, framing.height)
        return draw_stick_figure(pose, whole, framing.width, framing.height, self.clip.figures)

    def _taught(
        self, rows: NDArray[np.int64], gap: int, stride: int, views: Sequence[Box], reduce: int, compute: Compute
    ) -> TaughtGap:
        framing = self.clip.framing
        flows = np.zeros((*rows.shape, framing.height, framing.width, 2), np.float32)
        sure = np.zeros((*rows.shape, framing.height, framing.width), np.float32)
        for place, (line, view) in enumerate(zip(rows, views, strict=True)):
            for step in range(gap, len(line)):
                flow, confidence = self.flow.between(int(line[step]), gap * stride)
                flows[place, step] = crop(np.ascontiguousarray(flow.transpose(1, 2, 0)), view)
                sure[place, step] = crop(confidence, view)
        flow_tensor = torch.from_numpy(flows).to(compute.device).flatten(0, 1).permute(0, 3, 1, 2)
        sure_tensor = torch.from_numpy(sure).to(compute.device).flatten(0, 1)[:, None]
        return TaughtGap(
            _unflat(reduced(flow_tensor, reduce) / reduce, len(rows)), _unflat(reduced(sure_tensor, reduce), len(rows))
        )


def _pictures(
    array: NDArray[np.uint8],
    rows: NDArray[np.int64] | NDArray[np.int32],
    views: Sequence[Box],
    reduce: int,
    compute: Compute,
) -> Tensor:
    """Cut frames (b, t) out of (n, h, w, c): (b, t, c, h, w), -1..1."""
    cut = [crop(array[row], view) for line, view in zip(rows, views, strict=True) for row in line]
    return _unflat(reduced(to_tensor(np.stack(cut), compute.device), reduce), len(rows))


def _masks(
    array: NDArray[np.uint8], rows: NDArray[np.int64], views: Sequence[Box], reduce: int, compute: Compute
) -> Tensor:
    """Cut masks (b, t) out of (n, h, w): (b, t, 1, h, w), 0..1."""
    cut = [crop(array[row], view) for line, view in zip(rows, views, strict=True) for row in line]
    masks = torch.from_numpy(np.stack(cut)).to(compute.device)[:, None].float() / 255
    return _unflat(reduced(masks, reduce), len(rows))


def _joints(joints: NDArray[np.float32], views: Sequence[Box], reduce: int, compute: Compute) -> Tensor:
    corners = np.array([(view.left, view.top) for view in views], np.float32)[:, None, None]
    moved = joints.copy()
    moved[..., :2] = (joints[..., :2] - corners + 0.5) / reduce - 0.5
    return torch.from_numpy(moved).to(compute.device)


def _unflat(pictures: Tensor, batch: int) -> Tensor:
    """(b·t, c, h, w) → (b, t, c, h, w)."""
    stretches: Tensor = pictures.unflatten(0, (batch, -1))
    return stretches
