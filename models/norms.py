"""The choice among norms, by the words that configs and model.json say."""

from typing import Literal

from models.blocks import Norm, affine_norm, batch_norm, instance_norm

NormName = Literal["instance", "affine", "batch"]

NORMS: dict[NormName, Norm] = {
    "instance": instance_norm,
    "affine": affine_norm,  # what published weights need: batch norms trained on one picture at a time (methods 15.1)
    "batch": batch_norm,
}
