"""How different two pictures look to a network fitted to people's judgement: LPIPS, by its authors' package."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.checkpoint import fit_weights, read_published
from pipeline.image import to_tensor

SMALLEST = 64  # pixels: the shorter side of what AlexNet is shown; smaller pictures are enlarged


class LpipsDistance:
    """LPIPS 0.1 over AlexNet: 0 for equal pictures, about 0.5 and more for unlike ones.

    Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric".
    """

    def __init__(self, backbone: Path, device: str = "cpu") -> None:
        """Read torchvision's AlexNet; the layers fitted to people's judgement come with the package.

        Raises:
            ModelError: the file is damaged or holds other weights.
        """
        self._network = _network()
        published = read_published(backbone, "torchvision's AlexNet weights")
        trunk = self._network.get_submodule("net")
        fit_weights(trunk, _in_slices(published, trunk.state_dict()), backbone)
        self._network.requires_grad_(False).to(device)
        self._device = device

    def __call__(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
        """The distance of two pictures (h, w, 3), RGB, of one size."""
        with torch.no_grad():
            return float(
                self._network(to_tensor(_enlarged(one), self._device), to_tensor(_enlarged(other), self._device))
            )


def _network() -> nn.Module:
    import lpips  # type: ignore[import-untyped]  # here, for it brings torchvision: three seconds

    # The package fills AlexNet by chance before it can be given weights: that must not move the caller's chance.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings(
            "ignore", category=UserWarning, module="torchvision"
        )  # lpips 0.1.4 uses an old argument
        network: nn.Module = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    return network


def _in_slices(published: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's names as the package has them: `features.3.weight` is `slice2.3.weight`; classes are left out."""
    places = {f"features.{name.partition('.')[2]}": name for name in own}
    return {places.get(name, name): one for name, one in published.items() if not name.startswith("classifier.")}


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = SMALLEST / min(picture.shape[:2])
    if scale <= 1:
        return picture
    size = max(SMALLEST, round(scale * picture.shape[1])), max(SMALLEST, round(scale * picture.shape[0]))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
