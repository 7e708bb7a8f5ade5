"""What Inception-v3 of 2015 sees in a picture: the 2048 features that the Fréchet Inception distance is taken over.

torchvision's network differs from the published one in three places, all of them pooling: its averages count the zeros
beyond the border, and the last block averages where the published one takes the greatest.
Sources: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision"; Heusel et al. 2017, "GANs
Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (the distance, and which weights).
"""

from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from models.checkpoint import fit_weights, read_published

CLASSES = 1008  # of the published weights
SIDE = 299  # pixels
AVERAGING = ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7b")
GREATEST = "Mixed_7c"


class InceptionFeatures(nn.Module):
    """Pictures to features; frozen."""

    num_features = 2048

    def __init__(self, network: nn.Module) -> None:
        """Take over `inception_network()` with weights in it."""
        super().__init__()
        network.fc = nn.Identity()
        self.network = network
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, pictures: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2048"]:
        """See pictures: RGB, 0..255, of any size; they are made 299×299 bilinearly, as the published numbers are."""
        unit = F.interpolate(pictures.float() / 255, (SIDE, SIDE), mode="bilinear", align_corners=False)
        features: Tensor = self.network(2 * unit - 1)
        return features


def load_inception(path: Path) -> InceptionFeatures:
    """Build the network from a file of its published weights, converted for PyTorch.

    Raises:
        ModelError: the file is missing, damaged or holds other weights.
    """
    network = inception_network()
    published = read_published(path, "the Inception weights of the Fréchet distance")
    own = network.state_dict()
    counters = {name: own[name] for name in own if name.endswith("num_batches_tracked")}  # not in the published file
    fit_weights(network, counters | published, path)
    return InceptionFeatures(network)


def inception_network() -> nn.Module:
    """torchvision's Inception-v3 with the published pooling, 23,850,960 weights with nothing in them yet."""
    from torchvision.models import inception_v3  # here, for it takes three seconds and most commands do without

    with torch.device("meta"):
        network: nn.Module = inception_v3(weights=None, num_classes=CLASSES, aux_logits=False, init_weights=False)
    for name in AVERAGING:
        _pool(
            getattr(network, name), partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
        )
    _pool(getattr(network, GREATEST), partial(F.max_pool2d, kernel_size=3, stride=1, padding=1))
    return network.to_empty(device="cpu")


def _pool(block: nn.Module, pooling: "partial[Tensor]") -> None:
    """Let a block's last branch see the block's input through `pooling`, whatever torchvision pooled it by."""
    seen: list[Tensor] = []
    block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block.get_submodule("branch_pool").register_forward_pre_hook(lambda _, __: (pooling(seen.pop()),))
