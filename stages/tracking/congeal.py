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

LEARNED_FROM = 200  # frames, evenly spread, that the usual looks are taken from
AT_ONCE = 200  # frames moved together; 40 MB of pictures
ROUNDS = 6  # of moving the joints; the last moves them by a tenth of the first's way
SURE = 0.5  # both joints of a patch must be as confident for it to count
FEWEST = 10  # sure frames that a patch's usual looks can be taken from
_BLUR = 0.6  # pixels of the crop
_GRAIN = 0.03  # 0 … 1: deviation of colours that nothing is better known than
_DEVIATION = 1.4826  # of a normal distribution, per median of absolute differences
_INDEPENDENT = 0.05  # share of a patch's points that tell something of their own: neighbours see the same
_LONGEST_STEP = 0.02  # torso lengths, in one round: slopes hold near by only
_CALM = 49  # frames, over which a body's size is taken: it changes slowly, a torso that bends does not

# Joints without a patch of their own go along with these: fingers with wrists, heels with ankles.
_ALONG_WITH = {17: 15, 19: 15, 21: 15, 18: 16, 20: 16, 22: 16, 29: 27, 30: 28}
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
        leeway: standard deviation of the network's joints, torso lengths.
    Source: Learned-Miller 2006, "Data driven image models through continuous joint alignment", with Gauss-Newton steps
        as of Baker and Matthews 2004, "Lucas-Kanade 20 years on", sec. 5, and a prior.
    """
    frames = np.array([index for index, snapshot in enumerate(snapshots) if snapshot is not None], dtype=np.intp)
    moved = paths.copy()
    if leeway <= 0 or not frames.size:
        return moved
    torso = np.zeros(len(paths))
    torso[frames] = median_filter(torso_length(paths[frames, :, :2]), _CALM, mode="nearest")
    chosen = frames[np.unique(np.linspace(0, frames.size - 1, min(frames.size, LEARNED_FROM)).round().astype(np.intp))]
    course = _learn(_cut(paths, confidence, torso, snapshots, album, chosen), leeway)
    for begin in range(0, frames.size, AT_ONCE):
        rows = frames[begin : begin + AT_ONCE]
        cuts = _cut(paths, confidence, torso, snapshots, album, rows)
        joints = cuts.joints
        for usual in course:
            joints = _step(cuts, joints, usual, look(cuts.crops, joints, cuts.torso), leeway)
        moved[rows, :, :2] += _to_frame(_carried(joints - cuts.joints), snapshots, rows)
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Some frames as the network saw them."""

    crops: NDArray[np.uint8]  # (n, 256, 256, 3)
    joints: Joints  # the network's
    torso: NDArray[np.float64]  # (n,): usual length at that time, pixels of the crop
    sure: NDArray[np.bool_]  # (n, patches): whether both joints are


def _cut(
    paths: Paths,
    confidence: NDArray[np.float64],
    torso: NDArray[np.float64],
    snapshots: Sequence[Snapshot | None],
    album: Album,
    rows: NDArray[np.intp],
) -> _Cuts:
    shots = [snapshot for row in rows if (snapshot := snapshots[row]) is not None]
    crops = album.show(shots)
    for crop in crops:
        cv2.GaussianBlur(crop, (0, 0), _BLUR, dst=crop)
    joints = np.empty((rows.size, paths.shape[1], 2))
    for joint, row, shot in zip(joints, rows, shots, strict=True):
        matrix = shot.region.to_frame()
        joint[:] = np.linalg.solve(matrix[:, :2], (paths[row, :, :2] - matrix[:, 2]).T).T
    ends = np.array([(patch.begin, patch.end) for patch in PATCHES])
    scale = np.array([CROP / shot.region.side for shot in shots])
    return _Cuts(crops, joints, torso[rows] * scale, confidence[rows][:, ends].min(axis=2) >= SURE)


def _to_frame(
    shifts: NDArray[np.float64], snapshots: Sequence[Snapshot | None], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Shifts (n, 33, 2) from pixels of the crops to those of the frames."""
    turns = [shot.region.to_frame()[:, :2] for row in rows if (shot := snapshots[row]) is not None]
    return np.asarray(shifts @ np.stack(turns).swapaxes(1, 2))


def _learn(cuts: _Cuts, leeway: float) -> list[list[Looks | None]]:
    """What each patch usually shows, for every round; None where too few frames show it.

    The first looks are blurred by the network's errors, the last are sharp: as from coarse to fine, in this order, they
    draw joints from farther away than the last alone.
    """
    joints, course = cuts.joints, []
    for _ in range(ROUNDS):
        shown = look(cuts.crops, joints, cuts.torso)
        course.append(_usual(shown, cuts.sure))
        joints = _step(cuts, joints, course[-1], shown, leeway)
    return course


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
    for joint, other in _ALONG_WITH.items():
        carried[:, joint] = shifts[:, other]
    return carried
