"""The learning rate falls as in the published training, epoch by epoch."""

import pytest

from models.cyclegan.decay import rate_multiplier


@pytest.mark.parametrize(
    ("epoch", "multiplier"),
    [(0, 1), (98, 1), (99, 1), (100, 100 / 101), (101, 99 / 101), (149, 51 / 101), (199, 1 / 101)],
)
def test_a_hundred_epochs_are_constant_and_a_hundred_fall(epoch: int, multiplier: float) -> None:
    assert rate_multiplier(epoch) == pytest.approx(multiplier, abs=1e-12)


def test_other_lengths_fall_as_straight() -> None:
    assert [rate_multiplier(epoch, constant=2, decaying=3) for epoch in range(5)] == pytest.approx(
        [1, 1, 3 / 4, 2 / 4, 1 / 4]
    )
    assert [rate_multiplier(epoch, constant=0, decaying=1) for epoch in range(1)] == [0.5]


@pytest.mark.parametrize(("epoch", "constant"), [(-1, 100), (200, 100), (0, -1)])
def test_an_epoch_that_is_none_of_the_training_is_refused(epoch: int, constant: int) -> None:
    with pytest.raises(ValueError, match=f"Epoch {epoch} is none of {constant} constant and 100 decaying ones"):
        rate_multiplier(epoch, constant=constant)
