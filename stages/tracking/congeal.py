"""congeal: joints pulled to where the performer's own looks say they are, so that they sit alike in every frame.

The joint network errs by a few percent of a limb's length, mostly along the limb, and differently for different poses
and clothes. But a knee or a cuff looks alike in all frames of a clip. What a patch of the body usually shows, averaged
over the clip in the places that the network gave, is a picture on which the network's errors have cancelled; moving the
joints until each frame's patch matches it takes the errors out of the frame too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from stages.tracking.album import Album, Snapshot
from stages.tracking.joints import torso_length
from stages.tracking.patches import MOVES, PATCHES, POINTS, Joints, directions, lines, look, moves
from stages.tracking.region import CROP
from stages.tracking.swaps import Paths

LEARNED_FROM = 100  # frames, evenly spread, that the usual looks are taken from; twice as many told no more
AT_ONCE = 100  # frames moved together; 20 MB of pictures
ROUNDS = 5  # of moving the joints; each moves them about three fifths as far as the one before
SURE = 0.5  # both joints of a patch must be as confident for it to count
FEWEST = 10  # sure frames that a patch's usual looks can be taken from
_BLUR = 0.6  # pixels of the crop
_GRAIN = 0.03  # 0 … 1: deviation of colours that nothing is better known than
_DEVIATION = 1.4826  # of a normal distribution, per median of absolute differences
_INDEPENDENT = 0.05  # share of a patch's points that tell something of their own: neighbours see the same
_LONGEST_STEP = 0.02  # torso lengths, in one round: slopes hold near by only
_CALM = 49  # frames, over which a body's size is taken: it changes slowly, a torso that bends does not

# Joints without a patch of their own go along with others: the face with both ears, fingers with wrists, heels with
# ankles.
_ALONG_WITH = (
    ((0, 1, 2, 3, 4, 5, 6, 9, 10), (7, 8)),
    ((17, 19, 21), (15,)),
    ((18, 20, 22), (16,)),
    ((29,), (27,)),
    ((30,), (28,)),
)
_MOVED = sorted({joint for patch in PATCHES for joint in (patch.begin, patch.end)})
_PLACE = {joint: place for place, joint in enumerate(_MOVED)}


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What a patch usually shows."""

    picture: NDArray[np.float64]  # (216, 3): colours, 0 … 1
    weight: NDArray[np.float64]  # (216, 3): one over their variance
    moves: NDArray[np.float64]  # (216, 3, 5), see `patches.moves`


def congeal(
    paths: Paths,
    confidence: NDArray[np.float64],
    snapshots: Sequence[Snapshot | None],
    album: Album,
    leeway: float,
) -> Paths:
    """The paths with x and y of sure joints moved to where the body looks as it usually does; a new array.

    For every frame the most likely joints: the network's, give or take `leeway`, and patches that look as usual, give
    or take what each of their points usually differs. Where a patch shows nothing that holds a joint (plain cloth), or
    something else than usual (an arm before it, the back of a turned body), the joint stays with the network.

    Args:
        paths, confidence: as of `guard_swaps`.
        snapshots: one a frame; None leaves the frame's joints where they are.
        leeway: standard deviation of the network's joints, torso lengths; 0 leaves all joints where they are.
    Source: Learned-Miller 2006, "Data driven image models through continuous joint alignment", with Gauss-Newton steps
        as of Baker and Matthews 2004, "Lucas-Kanade 20 years on", sec. 5, and a prior.
    """
    frames = np.array([index for index, snapshot in enumerate(snapshots) if snapshot is not None], dtype=np.intp)
    moved = paths.copy()
    if leeway <= 0 or not frames.size:
        return moved
    clip = _Clip(paths, confidence, _sizes(paths, frames), snapshots, album)
    places = np.unique(np.linspace(0, frames.size - 1, min(frames.size, LEARNED_FROM)).round().astype(np.intp))
    chosen, others = frames[places], np.delete(frames, places)
    course, shifts = _learn(clip.cuts(chosen), leeway)
    moved[chosen, :, :2] += _carried(shifts)
    for begin in range(0, others.size, AT_ONCE):
        rows = others[begin : begin + AT_ONCE]
        moved[rows, :, :2] += _carried(_settled(clip.cuts(rows), course, leeway))
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Some frames as the network saw them."""

    crops: NDArray[np.uint8]  # (n, 256, 256, 3)
    to_frame: NDArray[np.float64]  # (n, 2, 3): from pixels of the crop to those of the frame
    joints: Joints  # the network's
    torso: NDArray[np.float64]  # (n,): usual length at that time, pixels of the crop
    sure: NDArray[np.bool_]  # (n, patches): whether both joints are

    def in_frame(self, joints: Joints) -> NDArray[np.float64]:
        """How far joints lie from the network's, (n, 33, 2) pixels of the frame."""
        return np.asarray((joints - self.joints) @ self.to_frame[:, :, :2].swapaxes(1, 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Clip:
    """All that is known before."""

    paths: Paths
    confidence: NDArray[np.float64]
    torso: NDArray[np.float64]  # (n,): usual length at that time, pixels of the frame
    snapshots: Sequence[Snapshot | None]
    album: Album

    def cuts(self, rows: NDArray[np.intp]) -> _Cuts:
        """What was seen in these frames, all of which have a snapshot."""
        snapshots = [snapshot for row in rows if (snapshot := self.snapshots[row]) is not None]
        crops = self.album.show(snapshots)
        for crop in crops:
            cv2.GaussianBlur(crop, (3, 3), _BLUR, dst=crop)
        to_frame = np.stack([snapshot.region.to_frame() for snapshot in snapshots])
        joints = np.linalg.solve(
            to_frame[:, None, :, :2], (self.paths[rows, :, :2] - to_frame[:, None, :, 2])[..., None]
        )[..., 0]
        torso = self.torso[rows] * np.array([CROP / snapshot.region.side for snapshot in snapshots])
        ends = np.array([(patch.begin, patch.end) for patch in PATCHES])
        return _Cuts(crops, to_frame, joints, torso, self.confidence[rows][:, ends].min(axis=2) >= SURE)


def _sizes(paths: Paths, frames: NDArray[np.intp]) -> NDArray[np.float64]:
    """The torso's usual length around every one of these frames, pixels (n,)."""
    sizes = np.zeros(len(paths))
    sizes[frames] = median_filter(torso_length(paths[frames, :, :2]), _CALM, mode="nearest")
    return sizes


def _learn(cuts: _Cuts, leeway: float) -> tuple[list[list[Looks | None]], NDArray[np.float64]]:
    """What each patch usually shows, for every round (None where too few frames show it); and these frames' shifts.

    The first looks are blurred by the network's errors, the last are sharp: in this order, from coarse to fine, they
    draw joints from farther away than the last alone.
    """
    joints, course = cuts.joints, []
    for _ in range(ROUNDS):
        shown = look(cuts.crops, joints, cuts.torso)
        course.append(_usual(shown, cuts.sure))
        joints = _step(cuts, joints, course[-1], shown, leeway)
    return course, cuts.in_frame(joints)


def _settled(cuts: _Cuts, course: Sequence[Sequence[Looks | None]], leeway: float) -> NDArray[np.float64]:
    """The shifts (n, 33, 2) of frames that were not learned from, pixels of the frame."""
    joints = cuts.joints
    for usual in course:
        joints = _step(cuts, joints, usual, look(cuts.crops, joints, cuts.torso), leeway)
    return cuts.in_frame(joints)


def _usual(shown: NDArray[np.float32], sure: NDArray[np.bool_]) -> list[Looks | None]:
    """Medians and their spread: what covers a limb now and then does not count."""
    usual: list[Looks | None] = []
    for patch, colours, rows in zip(PATCHES, shown, sure.T, strict=True):
        if rows.sum() < FEWEST:
            usual.append(None)
            continue
        picture = np.median(colours[rows], axis=0).astype(np.float64)
        deviation = _DEVIATION * np.median(np.abs(colours[rows] - picture), axis=0)
        usual.append(Looks(picture, 1 / (deviation**2 + _GRAIN**2), moves(patch, picture)))
    return usual


def _step(
    cuts: _Cuts, joints: Joints, usual: Sequence[Looks | None], shown: NDArray[np.float32], leeway: float
) -> Joints:
    """One Gauss-Newton step towards the most likely joints."""
    count, size = len(joints), 2 * len(_MOVED)
    certainty = 1 / (leeway * cuts.torso[:, None, None]) ** 2
    matrix = np.eye(size) * certainty
    side = ((cuts.joints - joints)[:, _MOVED] * certainty).reshape(count, size)
    for patch, looks, colours, sure in zip(PATCHES, usual, shown, cuts.sure.T, strict=True):
        if looks is None:
            continue
        shares = directions(lines(joints, cuts.torso, patch))
        moment, pull = _moments(looks, colours, sure)
        rows = [2 * _PLACE[joint] + axis for joint in (patch.begin, patch.end) for axis in (0, 1)]
        matrix[:, np.array(rows)[:, None], rows] += shares.swapaxes(1, 2) @ moment @ shares
        side[:, rows] += np.einsum("nij,ni->nj", shares, pull)
    way = np.linalg.solve(matrix, side[..., None]).reshape(count, len(_MOVED), 2)
    stepped = joints.copy()
    longest = _LONGEST_STEP * cuts.torso[:, None, None]
    stepped[:, _MOVED] += np.clip(way, -longest, longest)
    return stepped


def _moments(
    looks: Looks, colours: NDArray[np.float32], sure: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of a patch in n frames: (n, 5, 5) how well its colours tell the five products, (n, 5) where they pull them.

    Points that differ by far more than they usually do count little (Cauchy's weights, at twice the deviation).
    """
    off = looks.picture - colours
    trust = _INDEPENDENT / (1 + (off**2 * looks.weight).mean(axis=2) / 4) * sure[:, None]
    weighted = looks.weight[..., None] * looks.moves
    products = np.einsum("sci,scj->sij", looks.moves, weighted).reshape(POINTS, MOVES**2)
    pull = (trust[..., None] * off).reshape(len(off), -1) @ weighted.reshape(-1, MOVES)
    return (trust @ products).reshape(-1, MOVES, MOVES), pull


def _carried(shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shifts (n, 33, 2), with those of joints that go along with others."""
    carried = shifts.copy()
    for joints, others in _ALONG_WITH:
        carried[:, joints] = shifts[:, others].mean(axis=1, keepdims=True)
    return carried
