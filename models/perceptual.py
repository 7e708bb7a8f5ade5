"""How different two pictures look to VGG-19: the perceptual loss, with torchvision's network and published weights.

Sources: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"; the layers and
their weights are those of Wang et al. 2018, "High-Resolution Image Synthesis …", and its published training.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.checkpoint import fit_weights, read_published
from models.gan_losses import absolute_error
from pipeline.errors import WeightsMissing

ENDS = (2, 7, 12, 21, 30)  # after relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 in torchvision's numbering
WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
ALL_LAYERS = 37  # of the published `features`; those from 30 on are not used

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class PerceptualLoss(nn.Module):
    """Weighted mean absolute differences of five feature maps of a frozen VGG-19."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: nn.Sequential, *, normalise: bool = True) -> None:
        """Take over `features` (torchvision's, layers 0 … 29) and freeze them.

        Args:
            features: `vgg_features()` with weights in them.
            normalise: feed what VGG was trained on, ImageNet's mean and deviation taken out. False feeds -1..1 as it
                is, like the published pix2pixHD and Everybody Dance Now: only for comparing with their numbers.
        """
        super().__init__()
        self.slices = nn.ModuleList(features[a:b] for a, b in pairwise((0, *ENDS)))
        self.normalise = normalise
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, fake: Float[Tensor, "b 3 h w"], real: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
        """Compare pictures: RGB, -1..1, at least 16×16 pixels. 0 for equal ones; no gradient flows into `real`."""
        ours = self._features(fake)
        with torch.no_grad():
            truth = self._features(real)
        terms = [weight * absolute_error(a, b) for weight, a, b in zip(WEIGHTS, ours, truth, strict=True)]
        return torch.stack(terms).sum()

    def _features(self, picture: Tensor) -> list[Tensor]:
        if self.normalise:
            picture = ((picture + 1) / 2 - self.mean) / self.deviation
        maps = []
        for part in self.slices:
            picture = part(picture)
            maps.append(picture)
        return maps


def load_perceptual(path: Path | None = None, *, normalise: bool = True) -> PerceptualLoss:
    """Build the loss from a file of VGG-19 weights; nothing is downloaded.

    Args:
        path: torchvision's vgg19 state dict, whole or only its features; None looks where torchvision keeps its own.
        normalise: see `PerceptualLoss`.
    Raises:
        WeightsMissing: no such file.
        ModelError: the file is damaged or holds other weights.
    """
    path = path or published_weights()
    if not path.is_file():
        raise WeightsMissing(
            path,
            "the VGG-19 weights of the perceptual loss are not there",
            f"the file {published_url()}",
            "Put it there, name it with --perceptual FILE, or train without this loss: --perceptual none.",
        )
    features = vgg_features()
    fit_weights(features, _used_layers(read_published(path, "torchvision's VGG-19 weights")), path)
    return PerceptualLoss(features, normalise=normalise)


def published_weights() -> Path:
    """Where torchvision keeps VGG-19's weights on this machine, whether they are there or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(published_url()).name


def published_url() -> str:
    """Where torchvision publishes VGG-19's weights."""
    from torchvision.models import VGG19_Weights  # here, for it takes three seconds and most commands do without

    url: str = VGG19_Weights.DEFAULT.url
    return url


def vgg_features() -> nn.Sequential:
    """The layers of torchvision's VGG-19 up to relu5_1, 12,944,960 weights with nothing in them yet."""
    from torchvision.models import vgg19  # see published_url

    with torch.device("meta"):  # spares half a gigabyte of classifier that is thrown away
        features: nn.Sequential = vgg19(weights=None).features[: ENDS[-1]]
    return features.to_empty(device="cpu")


def _used_layers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what lies behind relu5_1, and the prefix; keep every other name, known or not, for the strict check."""
    unused = ("classifier.", *(f"{layer}." for layer in range(ENDS[-1], ALL_LAYERS)))
    bare = {name.removeprefix("features."): tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in bare.items() if not name.startswith(unused)}
