"""The average follows the weights slowly, and starts quickly."""

import copy

import pytest
import torch
from torch import nn

from models.ema import Ema


def one_weight(value: float) -> nn.Linear:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def weight(module: nn.Module) -> float:
    return next(module.parameters()).item()


def test_the_first_updates_forget_quickly_and_later_ones_keep_to_the_decay() -> None:
    net = one_weight(0.0)
    ema = Ema(net, decay=0.25)
    nn.init.constant_(net.weight, 1.0)
    ema.update(net)
    assert weight(ema.average) == pytest.approx(1 - 1 / 10)
    ema.update(net)
    assert weight(ema.average) == pytest.approx(1 - 1 / 10 * 2 / 11)
    ema.update(net)
    ema.update(net)  # (1 + 3) / (10 + 3) is above 0.25
    assert weight(ema.average) == pytest.approx(1 - 1 / 10 * 2 / 11 * 3 / 12 * 0.25)


def test_an_average_of_a_constant_is_the_constant() -> None:
    net = one_weight(0.3)
    ema = Ema(net)
    for _ in range(10):
        ema.update(net)
    assert weight(ema.average) == weight(net)


def test_the_average_of_bfloat16_weights_is_float32_and_sees_small_steps() -> None:
    net = one_weight(1.0).bfloat16()
    ema = Ema(net, decay=0.999)
    ema.updates += 100_000  # past the warm-up
    nn.init.constant_(net.weight, 2.0)
    ema.update(net)
    assert next(ema.average.parameters()).dtype == torch.float32
    assert weight(ema.average) == pytest.approx(1.001)  # in bfloat16 a step of 0.001 would be lost


def test_the_average_is_no_part_of_the_training() -> None:
    net = one_weight(1.0)
    ema = Ema(net)
    nn.init.constant_(net.weight, 5.0)
    assert weight(ema.average) == 1.0
    assert not any(parameter.requires_grad for parameter in ema.parameters())
    assert not ema.train().average.training


def test_buffers_are_copied_not_averaged() -> None:
    net = nn.BatchNorm1d(1)
    ema = Ema(net)
    net(torch.tensor([[1.0], [3.0]]))
    ema.update(net)
    assert torch.equal(ema.average.running_mean, net.running_mean)
    assert torch.equal(ema.average.num_batches_tracked, torch.tensor(1))


def test_calling_it_calls_the_average() -> None:
    net = one_weight(2.0)
    ema = Ema(net)
    nn.init.constant_(net.weight, 5.0)
    assert ema(torch.ones(1, 1)).item() == 2.0
    ema.copy_to(net)
    assert weight(net) == 2.0


def test_its_state_dict_brings_back_average_and_count() -> None:
    net = one_weight(0.0)
    ema, other = Ema(net), Ema(one_weight(7.0))
    nn.init.constant_(net.weight, 1.0)
    ema.update(net)
    other.load_state_dict(copy.deepcopy(ema.state_dict()))
    ema.update(net)
    other.update(net)
    assert weight(other.average) == weight(ema.average)


def test_an_impossible_decay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Ema\.decay is 1\.0, expected 0 or more and less than 1"):
        Ema(one_weight(0.0), decay=1.0)
