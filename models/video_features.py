"""What a network for actions sees in a short clip: torchvision's r3d_18, its 512 features before the classes.

Sources: Tran et al. 2018, "A Closer Look at Spatiotemporal Convolutions for Action Recognition" (R3D-18, Kinetics-400).
"""

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from models.checkpoint import fit_weights, read_published

SIDE = 112  # pixels
MEAN = (0.43216, 0.394666, 0.37645)  # of Kinetics, pictures in 0..1
DEVIATION = (0.22803, 0.22145, 0.216989)


class VideoFeatures(nn.Module):
    """Clips to features; frozen."""

    num_features = 512
    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module) -> None:
        """Take over `video_network()` with weights in it."""
        super().__init__()
        network.fc = nn.Identity()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, clips: UInt8[Tensor, "b t 112 112 3"]) -> Float[Tensor, "b 512"]:
        """See clips of `t` frames: RGB, 0..255."""
        unit = clips.permute(0, 4, 1, 2, 3).float() / 255
        features: Tensor = self.network((unit - self.mean) / self.deviation)
        return features


def load_video_features(path: Path) -> VideoFeatures:
    """Build the network from a file of torchvision's Kinetics weights.

    Raises:
        ModelError: the file is missing, damaged or holds other weights.
    """
    network = video_network()
    fit_weights(network, read_published(path, "torchvision's r3d_18 weights"), path)
    return VideoFeatures(network)


def video_network() -> nn.Module:
    """torchvision's r3d_18, 33,371,472 weights with nothing in them yet."""
    from torchvision.models.video import r3d_18  # here, for it takes three seconds and most commands do without

    with torch.device("meta"):
        network: nn.Module = r3d_18(weights=None)
    return network.to_empty(device="cpu")
