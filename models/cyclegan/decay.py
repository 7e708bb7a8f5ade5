"""How CycleGAN's and pix2pix's learning rate falls: constant, then in a straight line, epoch by epoch."""


def rate_multiplier(epoch: int, *, constant: int = 100, decaying: int = 100) -> float:
    """Return what the learning rate is multiplied by in an epoch: 1 − max(0, e + 1 − constant) / (decaying + 1).

    With 100 and 100: 1 up to epoch 99, 100/101 in epoch 100, and 1/101 in epoch 199, the last: never 0.

    Args:
        epoch: counts from 0.
        constant, decaying: epochs at the full rate, and epochs over which it falls; the published training has 100 of
            each.
    Raises: ValueError where a count is negative or the training is over.
    Source: Zhu et al. 2017, appendix 7.1; exactly the steps of its published code.
    """
    if min(epoch, constant, decaying) < 0 or epoch >= constant + decaying:
        raise ValueError(f"Epoch {epoch} is none of {constant} constant and {decaying} decaying ones.")
    return 1 - max(0, epoch + 1 - constant) / (decaying + 1)
