"""A training that was saved and restored goes on bit for bit as one that never stopped."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from models.checkpoint import read_tensors, save_weights, write_tensors
from models.ema import Ema
from models.training_state import Progress, TrainingState
from pipeline.errors import TrainingError


@dataclass
class Training:
    """A small network that learns from noise, with every kind of state a real one has."""

    net: nn.Module
    average: Ema
    optimiser: torch.optim.Optimizer
    noise: torch.Generator
    order: np.random.Generator

    @classmethod
    def start(
        cls, seed: int = 0, *, inputs: int = 4, optimiser: type[torch.optim.Optimizer] = torch.optim.Adam
    ) -> "Training":
        noise = torch.Generator().manual_seed(seed)
        net = nn.Sequential(nn.Linear(inputs, 3), nn.BatchNorm1d(3))
        nn.init.normal_(net[0].weight, generator=noise)
        return cls(net, Ema(net), optimiser(net.parameters(), lr=0.1), noise, np.random.default_rng(seed))

    @property
    def state(self) -> TrainingState:
        return TrainingState(
            modules={"generator": self.net, "average": self.average},
            optimisers={"generator": self.optimiser},
            generators={"noise": self.noise},
            samplers={"clips": self.order},
        )

    def step(self) -> None:
        batch = torch.randn(8, 4, generator=self.noise) * float(self.order.random())
        self.optimiser.zero_grad()
        self.net(batch).square().mean().backward()
        self.optimiser.step()
        for group in self.optimiser.param_groups:
            group["lr"] *= 0.9  # a schedule that must be found again
        self.average.update(self.net)


def everything(training: Training, path: Path) -> dict[str, torch.Tensor]:
    training.state.save(path, Progress())
    return load_file(path)


@pytest.mark.parametrize("optimiser", [torch.optim.Adam, torch.optim.RMSprop])
def test_a_restored_training_goes_on_bit_for_bit(tmp_path: Path, optimiser: type[torch.optim.Optimizer]) -> None:
    path = tmp_path / "state.safetensors"
    whole = Training.start(optimiser=optimiser)
    for _ in range(3):
        whole.step()
    whole.state.save(path, Progress(step=3))
    for _ in range(3):
        whole.step()

    other = Training.start(seed=99, optimiser=optimiser)
    other.step()
    assert other.state.restore(path).step == 3
    for _ in range(3):
        other.step()

    assert other.optimiser.param_groups[0]["lr"] == whole.optimiser.param_groups[0]["lr"] == pytest.approx(0.1 * 0.9**6)
    expected, found = everything(whole, tmp_path / "a.safetensors"), everything(other, tmp_path / "b.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert torch.rand(1, generator=other.noise) == torch.rand(1, generator=whole.noise)
    assert other.order.random() == whole.order.random()


def test_an_optimisers_state_comes_back_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    saved, restored = Training.start(), Training.start(seed=1)
    saved.step()
    saved.state.save(path, Progress())
    restored.state.restore(path)
    before, after = saved.optimiser.state_dict(), restored.optimiser.state_dict()
    assert after["param_groups"] == before["param_groups"]  # betas are a tuple again
    assert list(after["state"]) == [0, 1, 2, 3]  # numbers, not words
    assert all(
        torch.equal(after["state"][1][key], before["state"][1][key]) for key in ("step", "exp_avg", "exp_avg_sq")
    )


def test_notes_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    notes = {
        "minutes": 1 / 3,
        "size": (512, 288),
        "clip": "blue_dance.mp4",
        "curve": [1, None, True],
        "best": {"loss": 0.5},
    }
    Training.start().state.save(path, Progress(step=7, notes=notes))
    assert Training.start().state.restore(path) == Progress(step=7, notes=notes)


def test_what_is_no_json_value_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"notes/path is a (Posix|Windows)Path; a training state holds JSON values"):
        Training.start().state.save(tmp_path / "state.safetensors", Progress(notes={"path": tmp_path}))
    assert not list(tmp_path.iterdir())


def test_a_state_holds_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    Training.start().state.save(path, Progress())
    names = load_file(path)
    assert {"modules/generator/0.weight", "modules/average/average.0.weight", "generators/noise"} <= names.keys()


def test_the_state_of_another_network_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    Training.start(inputs=5).state.save(path, Progress())
    training = Training.start()
    before = everything(training, tmp_path / "before.safetensors")
    with pytest.raises(TrainingError) as raised:
        training.state.restore(path)
    assert str(raised.value) == (
        f"{path}: the weights of module 'generator' do not fit: 1 of another shape (0.weight is 3×5, not 3×4); "
        "expected exactly the weights of this network. "
        "Go on with the settings it was started with, or start a new training."
    )
    after = everything(training, tmp_path / "after.safetensors")
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_state_of_another_optimiser_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    Training.start(optimiser=torch.optim.RMSprop).state.save(path, Progress())
    with pytest.raises(
        TrainingError, match=r"'generator' is RMSprop of \[4\] parameters; expected Adam of \[4\] parameters"
    ):
        Training.start().state.restore(path)


def test_a_state_with_other_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    training = Training.start()
    TrainingState(modules={"generator": training.net}).save(path, Progress())
    with pytest.raises(TrainingError, match=r"the modules are \['generator'\]; expected \['average', 'generator'\]"):
        training.state.restore(path)


def test_a_generator_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    TrainingState(modules={}, samplers={"clips": np.random.Generator(np.random.PCG64DXSM(0))}).save(path, Progress())
    with pytest.raises(TrainingError, match="sampler 'clips' is PCG64DXSM; expected PCG64"):
        TrainingState(modules={}, samplers={"clips": np.random.default_rng(0)}).restore(path)


def test_weights_alone_are_no_training_state(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(Training.start().net, path)
    with pytest.raises(TrainingError, match="the file holds weights only; expected a training state"):
        Training.start().state.restore(path)
    with pytest.raises(TrainingError, match="the weights cannot be read; expected a training state"):
        Training.start().state.restore(tmp_path / "nothing.safetensors")


def test_random_numbers_of_another_device_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    Training.start().state.save(path, Progress())
    tensors, words = read_tensors(path)
    tensors["generators/noise"] = torch.zeros(16, dtype=torch.uint8)  # as long as CUDA's
    write_tensors(path, tensors, words)
    with pytest.raises(TrainingError, match="generator 'noise' ran on another device; expected one on cpu"):
        Training.start().state.restore(path)


def test_a_state_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr("models.training_state.VERSION", 0)
        Training.start().state.save(path, Progress())
    with pytest.raises(TrainingError, match="the training state has version 0; expected version 1"):
        Training.start().state.restore(path)
