"""Flicker is taken out where the film's motion is known, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ModelError
from stages.optical_flow import Flow
from stages.rendering.steady import Last, Steady, find_motion, load_last, save_last

HEIGHT, WIDTH = 96, 128
SMALL = np.random.default_rng(1).integers(40, 216, (HEIGHT // 8 + 2, WIDTH // 8 + 2, 3))
GROUND = np.kron(SMALL, np.ones((8, 8, 1))).astype(np.uint8)  # patches of 8x8 pixels


def seen(x: int) -> np.ndarray:
    """What a camera sees that stands x pixels to the right."""
    return np.ascontiguousarray(GROUND[:HEIGHT, x : x + WIDTH])


def with_box(left: int) -> np.ndarray:
    """A dark box of 24x24 pixels before the ground."""
    picture = seen(0).copy()
    picture[40:64, left : left + 24] = 10
    return picture


def test_flicker_on_a_still_film_shrinks_as_the_recursion_says() -> None:
    """With strength k, ±d every other frame settles at ±d (1-k)/(1+k): 10 grey levels at 0.7 become 1.8."""
    steady, still, flow = Steady(0.7), seen(0), Flow()
    shown = []
    for index in range(40):
        motion = find_motion(flow, still, still) if index else None
        shown.append(steady.blend(np.full(still.shape, 100.0 + 10 * (-1) ** index, np.float32), still, motion))
    assert np.abs(shown[0] - 110).max() == 0  # the first frame is shown as it was painted
    assert np.abs(shown[-1] - shown[-2]).mean() == pytest.approx(2 * 10 * 0.3 / 1.7, rel=0.02)


def test_what_moves_is_fetched_from_where_it_was() -> None:
    motion = find_motion(Flow(), seen(3), seen(0))
    assert motion is not None
    inside = slice(16, -16), slice(16, -16)
    assert np.median(motion.flow[inside][..., 0]) == pytest.approx(3, abs=0.1)
    assert np.median(motion.belief[inside]) > 0.95
    steady = Steady(0.5)
    steady.blend(seen(0).astype(np.float32), seen(0), None)
    shown = steady.blend(seen(3).astype(np.float32), seen(3), motion)
    assert np.abs(shown - seen(3))[inside].mean() < 1


def test_what_comes_into_sight_is_shown_as_it_was_painted() -> None:
    motion = find_motion(Flow(), with_box(56), with_box(48))
    assert motion is not None
    uncovered = motion.belief[42:62, 49:55]
    assert uncovered.mean() < 0.1
    assert np.median(motion.belief) > 0.95


def test_a_sudden_light_is_not_held_back() -> None:
    lit = np.clip(seen(0) * 1.25, 0, 255).astype(np.uint8)
    motion = find_motion(Flow(), lit, seen(0))
    assert motion is None or np.median(motion.belief) < 0.5


def test_nothing_is_blended_across_a_cut() -> None:
    elsewhere = np.full((HEIGHT, WIDTH, 3), (20, 30, 200), np.uint8)
    assert find_motion(Flow(), elsewhere, seen(0)) is None
    steady, raw = Steady(0.7), np.full((HEIGHT, WIDTH, 3), 200, np.float32)
    steady.blend(raw, seen(0), None)
    assert np.array_equal(steady.blend(raw - 100, elsewhere, None), raw - 100)


def test_large_frames_are_looked_at_in_a_smaller_size_and_moves_keep_their_length() -> None:
    large = np.kron(GROUND, np.ones((10, 10, 1))).astype(np.uint8)
    now, before = (np.ascontiguousarray(large[: HEIGHT * 10, x : x + WIDTH * 10]) for x in (12, 0))
    motion = find_motion(Flow(), now, before)
    assert motion is not None
    assert motion.flow.shape == (HEIGHT * 10, WIDTH * 10, 2)
    assert np.median(motion.flow[200:-200, 200:-200, 0]) == pytest.approx(12, abs=0.5)


def test_the_state_comes_back_from_its_file_to_the_bit(tmp_path: Path) -> None:
    painted = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32) * 255
    save_last(tmp_path / "last.safetensors", Last(painted, seen(0)))
    back = load_last(tmp_path / "last.safetensors")
    assert np.array_equal(back.painted, painted) and np.array_equal(back.filmed, seen(0))


def test_another_file_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "last.safetensors").write_text("Dear diary")
    with pytest.raises(ModelError):
        load_last(tmp_path / "last.safetensors")


@pytest.mark.parametrize("strength", [-0.1, 1.0])
def test_a_strength_that_shows_nothing_new_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="expected 0 or more and less than 1"):
        Steady(strength)
