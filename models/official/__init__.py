"""Published weights of CycleGAN, pix2pix, pix2pixHD, Everybody Dance Now and NVIDIA's vid2vid, in our networks."""

from models.official.families import NETWORKS, NetworkConfig, NetworkName
from models.official.loading import (
    OfficialNetwork,
    load_official,
    load_official_discriminator,
    load_official_generator,
)
from models.official.reading import BatchNorms, OfficialPart, read_official

__all__ = [
    "NETWORKS",
    "BatchNorms",
    "NetworkConfig",
    "NetworkName",
    "OfficialNetwork",
    "OfficialPart",
    "load_official",
    "load_official_discriminator",
    "load_official_generator",
    "read_official",
]
