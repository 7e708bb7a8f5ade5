"""What sets of loss weights and sets of losses have in common: two dataclasses whose fields have the same names."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.errors import UnknownChoice

Weights = TypeVar("Weights", bound=Any)  # a dataclass of numbers; a term of weight 0 is not computed


def refuse_negative(weights: Any) -> None:
    """Raise ValueError naming the first weight that is below 0, or no number."""
    for term in fields(weights):
        value = getattr(weights, term.name)
        if not value >= 0:
            raise ValueError(f"{type(weights).__name__}.{term.name} is {value}, expected 0 or more.")


def without_terms(weights: Weights, names: Iterable[str]) -> Weights:
    """Switch terms off, for an ablation.

    Raises: UnknownChoice listing all terms.
    """
    known = [term.name for term in fields(weights)]
    off = dict.fromkeys(names, 0.0)
    for name in off:
        if name not in known:
            raise UnknownChoice.among("loss term", name, known)
    switched: Weights = replace(weights, **off)
    return switched


def weighted_sum(terms: Any, weights: Any) -> Float[Tensor, ""]:
    """Return the sum of a dataclass of losses, each times the weight of its name: what to call `backward` on."""
    return torch.stack([getattr(weights, term.name) * getattr(terms, term.name) for term in fields(terms)]).sum()


def named_terms(terms: Any) -> dict[str, Tensor]:
    """Return each loss of a dataclass under its name, without its graph, for curves."""
    return {term.name: getattr(terms, term.name).detach() for term in fields(terms)}
