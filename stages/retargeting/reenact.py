"""Lets one head do what another did, wholly or in parts, with sliders; identity, light and place stay the target's."""

import logging
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnknownChoice
from pipeline.values import FacePerformance, Status
from stages.retargeting.face_edits import FaceEdits, move_gaze, move_lids, slide_expression, turn_head
from stages.retargeting.face_limits import (
    ClampedShares,
    Excess,
    Reals,
    judge,
    limit_gaze,
    limit_lids,
    limit_rotation,
    limit_translation,
)
from stages.retargeting.face_model import FaceModel
from stages.retargeting.face_regions import lid_weights, mouth_weights
from stages.retargeting.face_transfer import HeadMotion, Mode, borrow_expression, carry_over, open_lids
from stages.retargeting.pendulum import frames_behind

logger = logging.getLogger(__name__)

Part = Literal["pose", "expression", "gaze", "lids", "mouth"]
PARTS: tuple[Part, ...] = get_args(Part)  # mouth: of the expression only lips and jaw, as for dubbing
WHOLE: tuple[Part, ...] = ("pose", "expression", "gaze", "lids")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReenactConfig:
    """What is borrowed from the source, how, and what is changed after that."""

    mode: Mode = "relative"
    parts: tuple[Part, ...] = WHOLE  # any order; what is not named is the target's own
    motion: float = 1.0  # relative: pose and expression by so much larger than the source's
    edits: FaceEdits = field(default_factory=FaceEdits)

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UnknownChoice.among("mode of transfer", self.mode, get_args(Mode))
        for part in self.parts:
            if part not in PARTS:
                raise UnknownChoice.among("part of a performance", part, PARTS)
        if not self.parts:
            raise ValueError("ReenactConfig.parts is empty, expected one or more. To edit without a source: edit_only.")
        if self.motion < 0 or (self.mode == "absolute" and self.motion != 1):
            raise ValueError(
                f"ReenactConfig.motion is {self.motion} in {self.mode} mode, expected 0 or more, and 1 in absolute "
                "mode: only relative motion has a place from which it grows."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Reenactment:
    """A performance for the target, and what is to be said of it in log and report."""

    performance: FacePerformance  # at the source's times, in the target's frame
    follows: NDArray[np.int32]  # (n,): which frame of the target's clip lies behind each
    clamped: ClampedShares  # in which share of the frames each part was held back visibly, 0 … 1
    clamped_frames: NDArray[np.bool_]  # (n,): in which frames any was
    lines: tuple[str, ...]  # plain sentences for the log


def parse_parts(word: str) -> tuple[Part, ...]:
    """Read parts from a word such as `pose,gaze`, in the order of `PARTS`.

    Raises:
        UnknownChoice: a part that is none.
    """
    names = [name.strip() for name in word.split(",")]
    for name in names:
        if name not in PARTS:
            raise UnknownChoice.among("--transfer", name, PARTS)
    return tuple(part for part in PARTS if part in names)


def reenact(
    source: FacePerformance,
    source_model: FaceModel,
    target: FacePerformance,
    target_model: FaceModel,
    config: ReenactConfig | None = None,
) -> Reenactment:
    """Let the target's head do what the source's does. A performance laid onto itself in absolute mode stays itself.

    What is not borrowed is the target's own, from the frame that lies behind: the target's clip plays to and fro, by
    time. Its shoulders always are. Everything borrowed or edited is kept inside the range seen in training, softly:
    see `keep_within`. Times, statuses and shots are the source's; where it shows no face, neither does the output.

    Args:
        source: the performance.
        source_model: the source's face.
        target: the target's performance in its own clip.
        target_model: the face that the network was trained on.
        config: `ReenactConfig()` unless given.

    Raises:
        TrackError: the target's face is in no frame.
    Source: Kim et al. 2018, "Deep Video Portraits"; regions, limits and sliders are ours.
    """
    config = config or ReenactConfig()
    follows = frames_behind(source.times, source.status, target.times, target.status)
    heard = HeadMotion.of(source, np.arange(len(source)))
    asked = carry_over(heard, source_model, target_model, mode=config.mode, gain=config.motion)
    result = _perform(source, asked, config.parts, config.edits, target, follows, target_model)
    said = (_opening_line(config), *_lines_on_frames(source, target), *result.lines)
    return _logged(replace(result, lines=said))


def edit_only(target: FacePerformance, target_model: FaceModel, edits: FaceEdits) -> Reenactment:
    """The target's own performance with sliders, without a source. What no slider touches stays, bit for bit."""
    frames = np.arange(len(target), dtype=np.int32)
    return _logged(_perform(target, HeadMotion.of(target, frames), (), edits, target, frames, target_model))


def _perform(
    score: FacePerformance,
    asked: HeadMotion,
    parts: tuple[Part, ...],
    edits: FaceEdits,
    target: FacePerformance,
    follows: NDArray[np.int32],
    model: FaceModel,
) -> Reenactment:
    """Take the parts from `asked`, edit, then limit; `score` gives times, statuses and shots."""
    own = HeadMotion.of(target, follows)
    wanted = _edited(_borrowed(own, asked, parts), edits, score.times, model)
    rotation = limit_rotation(wanted.rotation, own.rotation, model)
    translation = limit_translation(wanted.translation, own.translation, model)
    gaze, lids = limit_gaze(wanted.gaze, own.gaze, model), limit_lids(wanted.lids, own.lids, model)
    weights = _expression_weights(parts, model)
    expression, lost = borrow_expression(own.expression, asked.expression, weights, model)
    expression, lost_too = slide_expression(expression, edits, score.times, model)
    if "lids" in parts or not edits.lids.rests:
        expression = open_lids(expression, own, lids, model)
    excess = Excess(
        rotation=np.abs(wanted.rotation - rotation),
        translation=np.abs(wanted.translation - translation),
        expression=np.maximum(lost, lost_too),
        gaze=np.abs(wanted.gaze - gaze),
        lids=np.abs(wanted.lids - lids),
    )
    present = score.status != Status.MISSING
    clamping = judge(excess, present)
    granted = HeadMotion(rotation, translation, expression, gaze, lids)
    performance = _written(score, target, follows, own, granted, present)
    return Reenactment(performance, follows, clamping.shares, clamping.frames, clamping.lines)


def _borrowed(own: HeadMotion, asked: HeadMotion, parts: tuple[Part, ...]) -> HeadMotion:
    """Pose, gaze and lids from the source where they are asked for; the expression is still the target's."""
    pose = asked if "pose" in parts else own
    return HeadMotion(
        rotation=pose.rotation,
        translation=pose.translation,
        expression=own.expression,
        gaze=asked.gaze if "gaze" in parts else own.gaze,
        lids=asked.lids if "lids" in parts else own.lids,
    )


def _edited(motion: HeadMotion, edits: FaceEdits, times: tuple[Fraction, ...], model: FaceModel) -> HeadMotion:
    """Pose, gaze and lids with the sliders for them."""
    return replace(
        motion,
        rotation=turn_head(motion.rotation, edits, times) if edits.turns else motion.rotation,
        gaze=move_gaze(motion.gaze, edits, times) if edits.looks else motion.gaze,
        lids=motion.lids if edits.lids.rests else move_lids(motion.lids, edits, times, model),
    )


def _expression_weights(parts: tuple[Part, ...], model: FaceModel) -> Reals:
    """Each point's share of the source's expression, (468,): the lids go with `lids`, the rest with `expression`."""
    lids, mouth = lid_weights(model.neutral), mouth_weights(model.neutral)
    weights = np.zeros(len(model.neutral))
    if "mouth" in parts:
        weights = mouth * (1 - lids)
    if "expression" in parts:
        weights = 1 - lids
    return weights + lids if "lids" in parts else weights


def _written(
    score: FacePerformance,
    target: FacePerformance,
    follows: NDArray[np.int32],
    own: HeadMotion,
    granted: HeadMotion,
    present: NDArray[np.bool_],
) -> FacePerformance:
    """The performance as it is passed on; frames without a face carry the target's own values, unchanged."""

    def kept(values: Reals, otherwise: Reals) -> NDArray[np.float32]:
        there = present.reshape(-1, *(1,) * (values.ndim - 1))
        return np.where(there, values, otherwise).astype(np.float32)

    return FacePerformance(
        width=target.width,
        height=target.height,
        times=score.times,
        rotation=kept(granted.rotation, own.rotation),
        translation=kept(granted.translation, own.translation),
        expression=kept(granted.expression, own.expression),
        gaze=kept(granted.gaze, own.gaze),
        lids=kept(granted.lids, own.lids),
        shoulders=target.shoulders[follows],
        status=score.status,
        shot=score.shot,
    )


def _opening_line(config: ReenactConfig) -> str:
    kept = [part for part in WHOLE if part not in config.parts]
    own = f"; {', '.join(kept)}: the target's own" if kept else ""
    return f"Borrowed from the source, {config.mode}: {', '.join(part for part in PARTS if part in config.parts)}{own}."


def _lines_on_frames(source: FacePerformance, target: FacePerformance) -> tuple[str, ...]:
    """What frames without a face, and a source longer than the target's clip, mean for the film."""
    lines = []
    if missing := int((source.status == Status.MISSING).sum()):
        lines.append(
            f"The source shows no face in {missing} of {len(source)} frames: there the target stays as filmed."
        )
    if source.times[-1] > target.times[-1]:
        lengths = f"{float(source.times[-1]):.1f} s against {float(target.times[-1]):.1f} s"
        lines.append(f"The target's clip plays to and fro behind a longer source ({lengths}).")
    return tuple(lines)


def _logged(result: Reenactment) -> Reenactment:
    for line in result.lines:
        logger.info(line)
    return result
