"""Where the layers of a discriminator lie that were published in one row; ours are grouped in stages."""

from models.patch_discriminator import DiscriminatorConfig


def row(config: DiscriminatorConfig) -> dict[str, int]:
    """Where a stage's convolution and norm lie in a row of conv, LeakyReLU; conv, norm, LeakyReLU, repeated; conv."""
    places = {"stages.0.0": 0}
    for stage in range(1, config.layers + 2):
        places |= {f"stages.{stage}.0": 3 * stage - 1, f"stages.{stage}.1": 3 * stage}
    return places


def flat_layers(weighted: list[int]) -> int:
    """The stages of stride 2, from the places of a row that have weights: the last is at 3·layers + 2."""
    return (weighted[-1] - 2) // 3
