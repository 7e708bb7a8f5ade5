"""Weights of a network in a file: whole or not there, and read only into a network they fit exactly.

Ours are safetensors; what others have published as .pth is read without running any code in it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.artifacts import as_storage_error, atomic_file
from pipeline.errors import ModelError

NAMED_AT_MOST = 3  # names in a message; a wrong file differs in hundreds


def save_weights(module: nn.Module, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a network's parameters and buffers, on whatever device they lie, replacing an older file in one step.

    Args:
        module: its `state_dict` holds tensors only, no two of which share memory.
        path: ends in .safetensors.
        metadata: words that travel in the file's header.
    Raises: StorageError where the file cannot be written.
    """
    write_tensors(path, module.state_dict(), metadata or {})


def load_weights(module: nn.Module, path: Path) -> dict[str, str]:
    """Read weights into a network, in its own precision and on its own device; return the header's words.

    Raises: ModelError where the file is missing or damaged, or its names or shapes are not exactly the network's; the
        network is then untouched.
    """
    tensors, metadata = read_tensors(path)
    fit_weights(module, tensors, path)
    return metadata


def fit_weights(module: nn.Module, tensors: Mapping[str, Tensor], where: str | Path) -> None:
    """Copy named tensors into a network.

    Raises: ModelError naming `where` unless names and shapes are exactly the network's.
    """
    refuse_misfits(module, tensors, where)
    module.load_state_dict(dict(tensors))


def refuse_misfits(module: nn.Module, tensors: Mapping[str, Tensor], where: str | Path) -> None:
    """Raise ModelError naming `where` unless names and shapes are exactly the network's, which may be on "meta"."""
    found = differences(module, tensors)
    if found:
        raise ModelError(
            where,
            f"the weights do not fit: {found}",
            "exactly the weights of this network",
            "Choose the file that its training wrote.",
        )


def differences(module: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """Say in which names and shapes `tensors` are not a network's weights, the first few of each; "" where they are."""
    return misfits(module.state_dict(), tensors)


def misfits(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> str:
    """The same for the weights that are expected, which need hold no values."""
    shared = [name for name in own if name in tensors]
    reshaped = [
        f"{name} is {_size(tensors[name])}, not {_size(own[name])}"
        for name in shared
        if tensors[name].shape != own[name].shape
    ]
    kinds = {
        "missing": [name for name in own if name not in tensors],
        "unexpected": [name for name in tensors if name not in own],
        "of another shape": reshaped,
    }
    return "; ".join(f"{len(names)} {kind} ({_first(names)})" for kind, names in kinds.items() if names)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write named tensors and words in one safetensors file, atomically.

    Raises: StorageError where the file cannot be written.
    """
    on_host = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as beside:
        try:
            save_file(on_host, beside, dict(metadata))
        except SafetensorError as error:  # it hides the system's error number in its words
            number = re.search(r"os error (\d+)", str(error))
            raise as_storage_error(path, OSError(int(number[1]) if number else 0, str(error))) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file: its tensors, in memory of their own on the host, and its words.

    Raises: ModelError where the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            # Copies: what the library returns may lie in the mapped file, and Windows does not replace a mapped file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118, not a mapping
            return tensors, dict(file.metadata() or {})
    except OSError as error:
        raise ModelError(
            path, "the weights cannot be read", "a safetensors file", f"{error.strerror or error}."
        ) from error
    except SafetensorError as error:
        raise ModelError(
            path, f"the weights are damaged ({error})", "a whole safetensors file", "Copy it again, or train again."
        ) from error


def read_published(path: Path, what: str) -> dict[str, Tensor]:
    """Read a state dict that `torch.save` wrote, alone or as `state_dict` beside other things; only data is unpickled.

    Args:
        what: the file should hold, for the message.
    Raises: ModelError where the file is missing, damaged or anything but a dict of tensors.
    """
    try:
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # any: a damaged pickle fails in whatever way its bytes lead to (torch 2.13)
        raise ModelError(path, "the file cannot be read as a state dict", what, "Download it again.") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"] or state
    if not isinstance(state, dict) or not all(isinstance(n, str) and isinstance(t, Tensor) for n, t in state.items()):
        raise ModelError(path, "the file is no state dict", what, "Take the file of weights alone.")
    return state


def _size(tensor: Tensor) -> str:
    return "×".join(str(length) for length in tensor.shape) or "one number"


def _first(names: list[str]) -> str:
    return ", ".join(names[:NAMED_AT_MOST]) + (", …" if len(names) > NAMED_AT_MOST else "")
