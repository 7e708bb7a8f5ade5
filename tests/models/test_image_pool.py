"""A pool shows old pictures half of the time, and comes back from a file as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.image_pool import ImagePool
from models.training_state import Progress, TrainingState


def numbered(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2).contiguous()


def numbers(pictures: Tensor) -> list[int]:
    return [int(number) for number in pictures[:, 0, 0, 0]]


def pool_of(size: int) -> ImagePool:
    return ImagePool(size, channels=3, height=2, width=2)


class Scripted(np.random.Generator):
    """Chance that is written down: of each picture the number that decides, and the place it would take."""

    def __init__(self, *moves: tuple[float, int]) -> None:
        super().__init__(np.random.PCG64(0))
        self.moves = list(moves)

    def random(self) -> float:
        self.decision, self.place = self.moves.pop(0)
        return self.decision

    def integers(self, high: int) -> int:
        assert self.place < high
        return self.place


def test_while_there_is_room_pictures_are_kept_and_shown() -> None:
    pool = pool_of(3)
    assert numbers(pool(numbered(1, 2), Scripted())) == [1, 2]
    assert numbers(pool(numbered(3), Scripted())) == [3]
    assert numbers(pool.pictures) == [1, 2, 3]


def test_a_full_pool_decides_for_each_picture_of_a_batch() -> None:
    pool = pool_of(3)
    pool(numbered(1, 2, 3), Scripted())
    # 4 takes the place of 2, 5 passes, 6 takes the place of 4, which is shown again.
    shown = pool(numbered(4, 5, 6), Scripted((0.49, 1), (0.5, 0), (0.0, 1)))
    assert numbers(shown) == [2, 5, 4]
    assert numbers(pool.pictures) == [1, 6, 3]


def test_a_batch_that_overflows_is_first_kept_and_then_decided_on() -> None:
    pool = pool_of(2)
    assert numbers(pool(numbered(1, 2, 3), Scripted((0.1, 0)))) == [1, 2, 1]
    assert numbers(pool.pictures) == [3, 2]


def test_a_pool_of_one_shows_the_picture_or_the_one_before_it() -> None:
    pool, chance = pool_of(1), np.random.default_rng(0)
    shown = [numbers(pool(numbered(number), chance))[0] for number in range(100)]
    late = [number - picture for number, picture in enumerate(shown)]
    assert shown[0] == 0 and min(late) == 0 and max(late) > 1


def test_half_of_the_pictures_of_a_full_pool_are_old() -> None:
    pool, chance = pool_of(50), np.random.default_rng(0)
    pool(numbered(*range(50)), chance)
    shown = numbers(pool(numbered(*range(1000, 2000)), chance))
    old = sum(picture != number for picture, number in zip(shown, range(1000, 2000), strict=True))
    assert 450 < old < 550  # three deviations of 1000 throws are 47


def test_a_pool_without_room_passes_everything_through() -> None:
    assert numbers(pool_of(0)(numbered(1, 2), Scripted())) == [1, 2]


@pytest.mark.parametrize("size", [0, 2])
def test_what_is_shown_has_no_graph_and_is_nobody_elses(size: int) -> None:
    pool, painted = pool_of(size), numbered(1).requires_grad_()
    shown = pool(painted, np.random.default_rng(0))
    assert not shown.requires_grad
    if size:
        shown.fill_(9)
        assert numbers(painted) == [1] and numbers(pool.pictures) == [1, 0]


def test_a_restored_training_is_shown_what_it_would_have_been_shown(tmp_path: Path) -> None:
    def state(pool: ImagePool, chance: np.random.Generator) -> TrainingState:
        return TrainingState(modules={"pool": pool}, samplers={"chance": chance})

    pool, chance = pool_of(4), np.random.default_rng(1)
    pool(numbered(*range(7)), chance)
    state(pool, chance).save(tmp_path / "state.safetensors", Progress(step=7))
    expected = numbers(pool(numbered(*range(7, 30)), chance))

    again, other = pool_of(4), np.random.default_rng(2)
    state(again, other).restore(tmp_path / "state.safetensors")
    assert numbers(again(numbered(*range(7, 30)), other)) == expected


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="ImagePool: the size is -1, expected 0 or more"):
        pool_of(-1)
