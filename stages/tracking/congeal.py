"""congeal: joints pulled to where the performer's own looks say they are, so that they sit alike in every frame.

The joint network errs by a few percent of a limb's length, mostly along the limb, and differently for different poses
and clothes. But a knee or a cuff looks alike in all frames of a clip. What a patch of the body usually shows, averaged
over the clip in the places that the network gave, is a picture on which the network's errors have cancelled; moving the
joints until each frame's patch matches it takes the errors out of the frame too.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

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
AT_ONCE = 25  # frames moved together, by a thread; 5 MB of pictures
ROUNDS = 5  # of moving the joints; each moves them about three fifths as far as the one before
SURE = 0.5  # both joints of a patch must be as confident for it to count
FEWEST = 10  # sure frames that a patch's usual looks can be taken from
_BLUR = 0.6  # pixels of the crop
_GRAIN = 7.65  # of 255: deviation of colours that nothing is better known than
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
_ENDS = np.array([(patch.begin, patch.end) for patch in PATCHES])
_ROWS = (2 * np.searchsorted(_MOVED, _ENDS)[..., None] + (0, 1)).reshape(-1, 4)  # of each patch's coordinates


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What p patches usually show; of those that too few frames show, all is 0."""

    picture: NDArray[np.float32]  # (p, 3, 216): colours, 0 … 255
    weight: NDArray[np.float32]  # (p, 3, 216): one over their variance
    pulls: NDArray[np.float32]  # (p, 3 * 216, 5): `patches.moves`, weighted
    products: NDArray[np.float32]  # (p, 216, 5 * 5): of moves by moves, weighted, over the colours


def congeal(
    paths: Paths,
    confidence: NDArray[np.float64],
    snapshots: Sequence[Snapshot | None],
    album: Album,
    leeway: float,
    workers: int = 1,
) -> Paths:
    """The paths with x and y of sure joints moved to where the body looks as it usually does; a new array.

    For every frame the most likely joints: the network's, give or take `leeway`, and patches that look as usual, give
    or take what each of their points usually differs. Where a patch shows nothing that holds a joint (plain cloth), or
    something else than usual (an arm before it, the back of a turned body), the joint stays with the network.

    Args:
        paths, confidence: as of `guard_swaps`.
        snapshots: one a frame; None leaves the frame's joints where they are.
        leeway: standard deviation of the network's joints, torso lengths; 0 leaves all joints where they are.
        workers: threads; the result does not depend on it.
    Source: Learned-Miller 2006, "Data driven image models through continuous joint alignment", with Gauss-Newton steps
        as of Baker and Matthews 2004, "Lucas-Kanade 20 years on", sec. 5, and a prior.
    """
    frames = np.array([index for index, snapshot in enumerate(snapshots) if snapshot is not None], dtype=np.intp)
    moved = paths.copy()
    if leeway <= 0 or not frames.size:
        return moved
    clip = _Clip(paths, confidence, _sizes(paths, frames), snapshots, album)
    places = np.unique(np.linspace(0, frames.size - 1, min(frames.size, LEARNED_FROM)).round().astype(np.intp))
    chosen, others = _blocks(frames[places]), _blocks(np.delete(frames, places))
    with ThreadPoolExecutor(workers, thread_name_prefix="congeal") as pool:
        course, shifts = _learn(list(pool.map(clip.cuts, chosen)), leeway, pool)
        shifts += pool.map(lambda rows: _settled(clip.cuts(rows), course, leeway), others)
    for rows, shift in zip([*chosen, *others], shifts, strict=True):
        moved[rows, :, :2] += _carried(shift)
    return moved


def _blocks(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [rows[begin : begin + AT_ONCE] for begin in range(0, rows.size, AT_ONCE)]


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Some frames as the network saw them."""

    crops: NDArray[np.uint8]  # (n, 256, 256, 3)
    to_frame: NDArray[np.float64]  # (n, 2, 3): from pixels of the crop to those of the frame
    joints: Joints  # the network's
    torso: NDArray[np.float64]  # (n,): usual length at that time, pixels of the crop
    sure: NDArray[np.bool_]  # (p, n): whether both joints of each patch are

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
        return _Cuts(crops, to_frame, joints, torso, self.confidence[rows][:, _ENDS].min(axis=2).T >= SURE)


def _sizes(paths: Paths, frames: NDArray[np.intp]) -> NDArray[np.float64]:
    """The torso's usual length around every one of these frames, pixels (n,)."""
    sizes = np.zeros(len(paths))
    sizes[frames] = median_filter(torso_length(paths[frames, :, :2]), _CALM, mode="nearest")
    return sizes


def _learn(
    blocks: Sequence[_Cuts], leeway: float, pool: ThreadPoolExecutor
) -> tuple[list[Looks], list[NDArray[np.float64]]]:
    """What the patches usually show, for every round; and these frames' shifts, block by block.

    The first looks are blurred by the network's errors, the last are sharp: in this order, from coarse to fine, they
    draw joints from farther away than the last alone.
    """
    joints, course = [cuts.joints for cuts in blocks], []
    sure = np.concatenate([cuts.sure for cuts in blocks], axis=1)
    for _ in range(ROUNDS):
        shown = list(pool.map(lambda cuts, places: look(cuts.crops, places, cuts.torso), blocks, joints))
        course.append(_usual(np.concatenate(shown, axis=1), sure, pool))
        joints = list(pool.map(_step, blocks, joints, repeat(course[-1]), shown, repeat(leeway)))
    return course, [cuts.in_frame(places) for cuts, places in zip(blocks, joints, strict=True)]


def _settled(cuts: _Cuts, course: Sequence[Looks], leeway: float) -> NDArray[np.float64]:
    """The shifts (n, 33, 2) of frames that were not learned from, pixels of the frame."""
    joints = cuts.joints
    for usual in course:
        joints = _step(cuts, joints, usual, look(cuts.crops, joints, cuts.torso), leeway)
    return cuts.in_frame(joints)


def _usual(shown: NDArray[np.uint8], sure: NDArray[np.bool_], pool: ThreadPoolExecutor) -> Looks:
    picture, weight = map(np.stack, zip(*pool.map(_typical, shown, sure), strict=True))
    tells = moves(picture)
    weighted = weight[..., None] * tells
    products = np.einsum("pcsi,pcsj->psij", tells, weighted).reshape(-1, POINTS, MOVES**2)
    pulls = weighted.reshape(len(PATCHES), -1, MOVES)
    return Looks(*(part.astype(np.float32) for part in (picture, weight, pulls, products)))


def _typical(colours: NDArray[np.uint8], sure: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A patch's usual colours and their weight, (3, 216): by medians, so that what covers it now and then is not it."""
    if sure.sum() < FEWEST:
        return np.zeros(colours.shape[1:]), np.zeros(colours.shape[1:])
    each = np.moveaxis(colours[sure], 0, -1).astype(np.int16)
    twice = _twice_the_median(each)
    deviation = _DEVIATION / 4 * _twice_the_median(np.abs(2 * each - twice[..., None]))
    return twice / 2, 1 / (deviation**2 + _GRAIN**2)


def _twice_the_median(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Along the last axis; by counting, as numbers of two bytes may be sorted: a fifth of the time of np.median."""
    ranked = np.sort(values, axis=-1, kind="stable")
    return np.asarray(ranked[..., (ranked.shape[-1] - 1) // 2] + ranked[..., ranked.shape[-1] // 2])


def _step(cuts: _Cuts, joints: Joints, usual: Looks, shown: NDArray[np.uint8], leeway: float) -> Joints:
    """One Gauss-Newton step towards the most likely joints."""
    count, size = len(joints), 2 * len(_MOVED)
    certainty = 1 / (leeway * cuts.torso[:, None, None]) ** 2
    matrix = np.eye(size) * certainty
    side = ((cuts.joints - joints)[:, _MOVED] * certainty).reshape(count, size)
    shares = directions(lines(joints, cuts.torso))
    moments, pulls = _moments(usual, shown, cuts.sure)
    squares = shares.swapaxes(2, 3) @ moments @ shares
    ways = np.einsum("pnij,pni->pnj", shares, pulls)
    for rows, square, way in zip(_ROWS, squares, ways, strict=True):
        matrix[:, rows[:, None], rows] += square
        side[:, rows] += way
    stepped = joints.copy()
    longest = _LONGEST_STEP * cuts.torso[:, None, None]
    stepped[:, _MOVED] += np.clip(_solved(matrix, side).reshape(count, -1, 2), -longest, longest)
    return stepped


def _solved(matrix: NDArray[np.float64], side: NDArray[np.float64]) -> NDArray[np.float64]:
    """By OpenCV: NumPy's way of solving wakes a second thread, which then spins for longer than all of this takes."""
    pairs = zip(matrix, side, strict=True)
    return np.stack([cv2.solve(one, other, flags=cv2.DECOMP_CHOLESKY)[1][:, 0] for one, other in pairs])


def _moments(
    looks: Looks, shown: NDArray[np.uint8], sure: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of p patches in n frames: how well their colours tell the five products, (p, n, 5, 5); where they pull them.

    Points that differ by far more than they usually do count little (Cauchy's weights, at twice the deviation).
    """
    off = looks.picture[:, None] - shown
    oddness = np.einsum("pncs,pncs,pcs->pns", off, off, looks.weight)  # three times the square of deviations
    trust = np.float32(_INDEPENDENT) / (1 + oddness / 12) * sure[..., None]
    off *= trust[:, :, None]
    moments = (trust @ looks.products).reshape(*sure.shape, MOVES, MOVES)
    return moments, off.reshape(*sure.shape, -1) @ looks.pulls


def _carried(shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shifts (n, 33, 2), with those of joints that go along with others."""
    carried = shifts.copy()
    for joints, others in _ALONG_WITH:
        carried[:, joints] = shifts[:, others].mean(axis=1, keepdims=True)
    return carried
