"""Taught flow leads from every later frame back to the earlier one, and says where it is not to be believed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.optical_flow import raft_network
from pipeline.errors import TrainingError, UnknownChoice, WeightsMissing
from stages.optical_flow import Flow
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import FlowTeacherConfig, TaughtFlow, open_flow, pairs_apart, teach_flow

DIS = FlowTeacherConfig()
MOTION = 0.05  # pixels that a flow may be wrong where the whole picture moves alike
RIGHT, DOWN = 3, -2  # pixels that a made film's content moves from frame to frame
HEIGHT, WIDTH = 64, 96
FRAMES = 6


def textured(height: int, width: int) -> NDArray[np.uint8]:
    """A picture with something to follow everywhere."""
    noise = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return ((smooth - smooth.mean()) / smooth.std() * 35 + 128).clip(0, 255).astype(np.uint8)


@pytest.fixture
def moving(clip: PreparedClip) -> PreparedClip:
    """A window that travels over a large picture: all its content moves alike, frame by frame."""
    scene = textured(HEIGHT + 20, WIDTH + 20)
    corners = [(10 - DOWN * frame, 20 - RIGHT * frame) for frame in range(FRAMES)]
    pictures = np.stack([scene[top : top + HEIGHT, left : left + WIDTH] for top, left in corners])
    return replace(clip, pictures=pictures, follows=np.arange(FRAMES) > 0, trained=FRAMES)


def taught(clip: PreparedClip, gaps: tuple[int, ...], folder: Path, **settings: Any) -> TaughtFlow:
    teach_flow(clip, gaps, settings.pop("config", DIS), folder, **settings)
    return open_flow(folder)


def moved(picture: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every pixel fetched from where the flow says it was."""
    height, width = picture.shape[:2]
    x, y = np.arange(width, dtype=np.float32)[None] + flow[0], np.arange(height, dtype=np.float32)[:, None] + flow[1]
    return np.asarray(cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("reduce", [1, 2, 4])
def test_flow_points_back_over_the_whole_gap_in_the_pictures_own_pixels(
    moving: PreparedClip, tmp_path: Path, reduce: int
) -> None:
    flow = taught(moving, (1, 2), tmp_path / "flow", config=FlowTeacherConfig(reduce=reduce))
    assert flow.by_gap[0].flow.shape == (FRAMES, 2, HEIGHT // reduce, WIDTH // reduce)
    for gap in (1, 2):
        found, belief = flow.between(4, gap)
        assert found.shape == (2, HEIGHT, WIDTH) and belief.shape == (HEIGHT, WIDTH)
        assert found.dtype == belief.dtype == np.float32
        middle = found[:, 16:-16, 16:-16]
        np.testing.assert_allclose(np.median(middle, axis=(1, 2)), (-RIGHT * gap, -DOWN * gap), atol=MOTION)
        assert belief[16:-16, 16:-16].mean() > 0.99


def test_what_came_from_outside_the_picture_is_not_believed(moving: PreparedClip, tmp_path: Path) -> None:
    _, belief = taught(moving, (2,), tmp_path / "flow").between(4, 2)
    assert belief[:, : 2 * RIGHT - 1].max() == 0  # the last of the six columns may lie on the border itself
    assert belief[2 * DOWN + 1 :].max() == 0
    assert set(np.unique(belief)) == {0.0, 1.0}


def test_a_teacher_sees_no_motion_where_there_is_none(moving: PreparedClip, tmp_path: Path) -> None:
    still = replace(moving, pictures=np.repeat(moving.pictures[:1], FRAMES, axis=0))
    found, belief = taught(still, (1,), tmp_path / "flow").between(3, 1)
    assert np.abs(found).max() < MOTION and belief.min() == 1


def test_pairs_lie_in_one_shot_with_the_person_seen_throughout(moving: PreparedClip) -> None:
    broken = replace(moving, follows=np.array([False, True, True, False, True, True]))
    assert pairs_apart(broken, 1).tolist() == [1, 2, 4, 5]
    assert pairs_apart(broken, 2).tolist() == [2, 5]
    assert pairs_apart(broken, 3).tolist() == []
    assert pairs_apart(replace(broken, trained=5), 2).tolist() == [2]
    with pytest.raises(ValueError, match="a gap of 0 frames was asked for, expected 1 or more"):
        pairs_apart(broken, 0)


def test_frames_across_a_cut_have_no_flow(moving: PreparedClip, tmp_path: Path) -> None:
    broken = replace(moving, follows=np.array([False, True, True, False, True, True]))
    flow = taught(broken, (1, 2), tmp_path / "flow")
    for frame, gap in ((0, 1), (3, 1), (3, 2), (4, 2), (1, 2)):
        found, belief = flow.between(frame, gap)
        assert not found.any() and not belief.any()
    assert flow.between(4, 1)[1].any() and flow.between(2, 2)[1].any()


def test_gaps_that_no_pair_of_the_clip_has_are_left_out(moving: PreparedClip, tmp_path: Path) -> None:
    flow = taught(moving, (9, 5, 1, 6, 5), tmp_path / "flow")
    assert flow.gaps == (1, 5)
    with pytest.raises(TrainingError) as caught:
        flow.between(5, 6)
    assert str(caught.value) == (
        "frame 5 and the one 6 before: no flow was taught; expected a gap among [1, 5] and a frame that may be learnt "
        "from. Teach the flow of this gap; see TaughtFlow.gaps for what there is."
    )


def test_held_out_frames_are_never_looked_at(moving: PreparedClip, tmp_path: Path) -> None:
    flow = taught(replace(moving, trained=4), (1,), tmp_path / "flow")
    assert len(flow.by_gap[0].flow) == 4
    for frame in (4, -1):
        with pytest.raises(TrainingError, match="a frame that may be learnt from"):
            flow.between(frame, 1)


def test_any_number_of_threads_writes_the_same_bytes(moving: PreparedClip, tmp_path: Path) -> None:
    for workers in (1, 2, 5):
        teach_flow(moving, (1, 2), DIS, tmp_path / f"{workers}", workers=workers)
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert files == ["confidence-1.npy", "confidence-2.npy", "flow-1.npy", "flow-2.npy", "flow.json"]
    for name in files:
        assert len({(tmp_path / f"{workers}" / name).read_bytes() for workers in (1, 2, 5)}) == 1


def test_progress_counts_the_pairs_of_all_gaps(moving: PreparedClip, tmp_path: Path) -> None:
    seen: list[int] = []
    teach_flow(moving, (1, 2), DIS, tmp_path / "flow", progress=seen.append)
    assert seen == [5, 9]
    assert seen[-1] == sum(len(pairs_apart(moving, gap)) for gap in (1, 2))


def test_an_interrupted_lesson_leaves_the_older_one(moving: PreparedClip, tmp_path: Path) -> None:
    teach_flow(moving, (1,), DIS, tmp_path / "flow")

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach_flow(moving, (2,), DIS, tmp_path / "flow", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["flow"]
    assert open_flow(tmp_path / "flow").gaps == (1,)


def test_on_a_real_dance_flow_explains_the_person_better_than_standing_still(
    clip: PreparedClip, tmp_path: Path
) -> None:
    flow = taught(clip, (1, 3), tmp_path / "flow")
    for gap in (1, 3):
        still, explained, shares = [], [], []
        for frame in range(6, clip.trained, 6):
            person = clip.masks[frame] > 128
            found, belief = flow.between(frame, gap)
            now, before = clip.pictures[frame].astype(np.float32), clip.pictures[frame - gap]
            weight = belief * person
            still.append((np.abs(now - before).mean(axis=2) * weight).sum() / weight.sum())
            explained.append((np.abs(now - moved(before, found)).mean(axis=2) * weight).sum() / weight.sum())
            shares.append(belief[person].mean())
        assert np.mean(explained) < 0.75 * np.mean(still)
        assert 0.6 < np.mean(shares) < 1


def test_a_searcher_looks_both_ways_as_in_two_calls() -> None:
    before = textured(64, 96)
    now = np.roll(before, 2, axis=1)
    back, forth = Flow(finest=0, blur=0.6).both_ways(now, before)
    again = Flow(finest=0, blur=0.6)
    assert np.array_equal(back, again(now, before)) and np.array_equal(forth, again(before, now))
    np.testing.assert_allclose(np.median(back, axis=(0, 1)), (-2, 0), atol=MOTION)
    np.testing.assert_allclose(np.median(forth, axis=(0, 1)), (2, 0), atol=MOTION)


def test_raft_teaches_from_a_file_of_weights(moving: PreparedClip, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(raft_network().state_dict(), tmp_path / "raft.pth")
    two = replace(moving, trained=2)
    raft = FlowTeacherConfig(kind="raft")
    flow = taught(two, (1,), tmp_path / "flow", config=raft, weights=tmp_path / "raft.pth")
    assert flow.config == raft and flow.gaps == (1,)
    assert flow.between(1, 1)[0].shape == (2, HEIGHT, WIDTH) and flow.between(1, 1)[0].any()


def test_raft_without_weights_leaves_no_folder(moving: PreparedClip, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="--flow-teacher dis"):
        teach_flow(moving, (1,), FlowTeacherConfig(kind="raft"), tmp_path / "flow", weights=tmp_path / "none.pth")
    assert not list(tmp_path.iterdir())


def test_an_unknown_teacher_and_a_size_that_does_not_divide_are_refused(moving: PreparedClip, tmp_path: Path) -> None:
    with pytest.raises(UnknownChoice, match="there is no 'flownet2'; expected one of dis, raft"):
        FlowTeacherConfig(kind="flownet2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"FlowTeacherConfig\.reduce is 0, expected 1 or more"):
        FlowTeacherConfig(reduce=0)
    with pytest.raises(ValueError, match="reduce is 5, expected a divisor of the pictures' sides 96x64"):
        teach_flow(moving, (1,), FlowTeacherConfig(reduce=5), tmp_path / "flow")
    with pytest.raises(ValueError, match="0 workers were asked for, expected 1 or more"):
        teach_flow(moving, (1,), DIS, tmp_path / "flow", workers=0)


def test_a_folder_without_taught_flow_or_of_another_version_is_said_so(moving: PreparedClip, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no taught flow .*expected a folder that a flow teacher wrote\. Teach"):
        open_flow(tmp_path)
    teach_flow(moving, (1,), DIS, tmp_path / "flow")
    facts = json.loads((tmp_path / "flow/flow.json").read_text())
    (tmp_path / "flow/flow.json").write_text(json.dumps(facts | {"version": 99}))
    with pytest.raises(TrainingError, match=r"version 99; expected version 1\. Teach the flow again"):
        open_flow(tmp_path / "flow")
    (tmp_path / "flow/flow.json").write_text(json.dumps(facts))
    (tmp_path / "flow/confidence-1.npy").unlink()
    with pytest.raises(TrainingError, match=r"confidence-1\.npy"):
        open_flow(tmp_path / "flow")
