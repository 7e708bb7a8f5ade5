"""The perceptual loss is torchvision's VGG-19 with weights from a file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.perceptual import ENDS, PerceptualLoss, load_perceptual, published_weights, vgg_features
from pipeline.errors import ModelError, WeightsMissing


@pytest.fixture(scope="module")
def random_state() -> dict[str, Tensor]:
    """Weights of the used layers, at He's scale so that deep features neither vanish nor explode."""
    rng = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(tensor.shape, generator=rng) * (2 / tensor[0].numel()) ** 0.5
        for name, tensor in vgg_features().state_dict().items()
    }


@pytest.fixture(scope="module")
def weights_file(random_state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As torchvision publishes them: prefixed, with layers behind those in use (stand-ins of one number here)."""
    unused = {
        "features.30.weight": torch.zeros(1),
        "features.34.bias": torch.zeros(1),
        "classifier.0.weight": torch.zeros(1),
    }
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save({f"features.{name}": tensor for name, tensor in random_state.items()} | unused, path)
    return path


@pytest.fixture(scope="module")
def loss(weights_file: Path) -> PerceptualLoss:
    return load_perceptual(weights_file)


def pictures(seed: int) -> Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_equal_pictures_cost_nothing_and_different_ones_something(loss: PerceptualLoss) -> None:
    assert loss(pictures(0), pictures(0)).item() == 0
    assert loss(pictures(0), pictures(1)).item() > 0


def test_the_features_are_cut_after_the_first_activation_of_each_size(loss: PerceptualLoss) -> None:
    sizes = [tuple(features.shape[1:]) for features in loss._features(pictures(0))]
    assert sizes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]
    assert all(features.min() >= 0 for features in loss._features(pictures(0)))


def test_deep_features_count_more(loss: PerceptualLoss, random_state: dict[str, Tensor]) -> None:
    features = vgg_features()
    features.load_state_dict(random_state)
    normal = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    a, b = (((pictures(s) + 1) / 2 - normal[0].view(1, 3, 1, 1)) / normal[1].view(1, 3, 1, 1) for s in (0, 1))
    by_hand = 0.0
    with torch.no_grad():
        for weight, end in zip((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1), ENDS, strict=True):
            by_hand += weight * (features[:end](a) - features[:end](b)).abs().mean().item()
    assert loss(pictures(0), pictures(1)).item() == pytest.approx(by_hand, rel=1e-4)


def test_unnormalised_pictures_are_seen_as_they_are(random_state: dict[str, Tensor]) -> None:
    features = vgg_features()
    features.load_state_dict(random_state)
    seen = PerceptualLoss(features, normalise=False)._features(pictures(0))[0]
    assert torch.equal(seen, features[:2](pictures(0)))


def test_only_the_generated_picture_gets_a_gradient(loss: PerceptualLoss) -> None:
    fake, real = pictures(0).requires_grad_(), pictures(1).requires_grad_()
    loss(fake, real).backward()
    assert fake.grad is not None and fake.grad.any() and real.grad is None
    assert not any(weight.requires_grad for weight in loss.parameters())


def test_a_file_of_the_features_alone_is_the_same_loss(
    loss: PerceptualLoss, random_state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "features.pth"
    torch.save(random_state, path)
    assert load_perceptual(path)(pictures(0), pictures(1)).item() == loss(pictures(0), pictures(1)).item()


def test_missing_weights_say_how_to_do_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert published_weights() == tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth"
    with pytest.raises(WeightsMissing) as raised:
        load_perceptual()
    assert str(raised.value) == (
        f"{published_weights()}: the VGG-19 weights of the perceptual loss are not there; expected the file "
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth. "
        "Put it there, name it with --perceptual FILE, or train without this loss: --perceptual none."
    )


def test_published_weights_are_found_where_torchvision_keeps_them(
    monkeypatch: pytest.MonkeyPatch, weights_file: Path, tmp_path: Path, loss: PerceptualLoss
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    published_weights().parent.mkdir()
    published_weights().symlink_to(weights_file)
    assert load_perceptual()(pictures(0), pictures(1)).item() == loss(pictures(0), pictures(1)).item()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3), "head.weight": torch.zeros(1)}, path)
    with pytest.raises(
        ModelError, match=r"weights do not fit: 25 missing \(0\.bias, .*; 1 unexpected \(head\.weight\)"
    ):
        load_perceptual(path)


@pytest.mark.parametrize("content", [b"", b"not a state dict"])
def test_a_file_that_is_no_state_dict_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "vgg19.pth"
    path.write_bytes(content)
    with pytest.raises(
        ModelError, match="the file cannot be read as a state dict; expected torchvision's VGG-19 weights"
    ):
        load_perceptual(path)
