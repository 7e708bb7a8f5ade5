"""Every moment of a clip has its turn before any has it again, in an order that seed and step alone decide."""

import numpy as np

from stages.training.turns import Turn


def shown(seed: tuple[int, ...], steps: int, count: int = 10, batch: int = 3) -> list[int]:
    return np.concatenate([Turn(seed, step).among(count, batch) for step in range(1, steps + 1)]).tolist()


def test_every_moment_is_shown_once_before_any_is_shown_again() -> None:
    seen = shown((1,), 10)
    assert all(sorted(seen[start : start + 10]) == list(range(10)) for start in (0, 10, 20))
    assert seen[:10] != seen[10:20]


def test_a_step_shows_the_same_whatever_was_shown_before() -> None:
    assert Turn((1,), 4).among(10, 3).tolist() == shown((1,), 4)[9:]


def test_seeds_and_those_who_train_together_have_orders_of_their_own() -> None:
    orders = [shown(seed, 10) for seed in ((1, 0), (1, 1), (2, 0))]
    assert len({tuple(order) for order in orders}) == 3


def test_where_the_count_changes_from_step_to_step_all_are_shown_as_often_in_the_long_run() -> None:
    """As with takes of several strides, which may begin in fewer places the longer they are."""
    counts = np.zeros(12, int)
    for step in range(1, 2001):
        counts += np.bincount(Turn((0,), step).among(12 if step % 2 else 9, 2), minlength=12)
    alike = counts[:9] / counts[:9].mean(), counts[9:] / counts[9:].mean()
    assert all(np.abs(part - 1).max() < 0.1 for part in alike)
