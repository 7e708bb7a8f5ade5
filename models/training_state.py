"""All a training loop needs to go on as though it had never stopped, in one safetensors file, without pickle.

Tensors (weights, averages, the optimisers' moments, random states) are the file's tensors; everything else (steps,
learning rates, the sampler's place) is JSON in its header, in which {"tensor": name} stands where a tensor was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.checkpoint import differences, read_tensors, write_tensors
from pipeline.errors import ModelError, TrainingError

HEADER = "understudy_training_state"
VERSION = 1
# What a tree that is none of ours leads to: keys and attributes that are not there, values of other types and lengths.
_MISMATCHES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training has come."""

    step: int = 0  # steps done
    notes: Mapping[str, Any] = field(default_factory=dict)  # what else the loop wants back: JSON values and tuples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingState:
    """The live parts of a training, by name. `save` looks at them, `restore` brings them back to what was saved.

    A running average is a module among `modules`. PyTorch's own random states are generators too:
    `torch.default_generator`, `torch.cuda.default_generators[0]`.
    """

    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)
    samplers: Mapping[str, np.random.Generator] = field(default_factory=dict)

    def save(self, path: Path, progress: Progress) -> None:
        """Write everything to one file, replacing the older state in one step.

        Raises: StorageError where the file cannot be written; TypeError where `progress.notes` holds more than JSON
            values, tuples and tensors.
        """
        tree = {
            "version": VERSION,
            "step": progress.step,
            "notes": dict(progress.notes),
            "modules": {name: dict(module.state_dict()) for name, module in self.modules.items()},
            "optimisers": {
                name: {"kind": type(optimiser).__name__, **optimiser.state_dict()}
                for name, optimiser in self.optimisers.items()
            },
            "generators": {name: generator.get_state() for name, generator in self.generators.items()},
            "samplers": {name: dict(sampler.bit_generator.state) for name, sampler in self.samplers.items()},
        }
        tensors: dict[str, Tensor] = {}
        header = json.dumps(_pack(tree, (), tensors))
        write_tensors(path, tensors, {HEADER: header})

    def restore(self, path: Path) -> Progress:
        """Bring every part back to what `save` saw, in place, and return how far the training had come.

        Raises: TrainingError where the file is missing, damaged or of another training. Nothing is changed then, but
            by a file whose values were tampered with one by one: parts read before those are found out.
        """
        tree = _read(path)
        try:
            self._refuse_another(path, tree)
            self._take(tree)
        except _MISMATCHES as error:
            raise _damaged(path, error) from error
        return Progress(step=tree["step"], notes=tree["notes"])

    def _take(self, tree: Mapping[str, Any]) -> None:
        for name, module in self.modules.items():
            module.load_state_dict(tree["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict({key: tree["optimisers"][name][key] for key in ("state", "param_groups")})
        for name, generator in self.generators.items():
            generator.set_state(tree["generators"][name])
        for name, sampler in self.samplers.items():
            sampler.bit_generator.state = tree["samplers"][name]

    def _refuse_another(self, path: Path, tree: Mapping[str, Any]) -> None:
        """Raise TrainingError unless every part of the saved tree fits the live one of its name."""
        for kind in ("modules", "optimisers", "generators", "samplers"):
            saved, live = sorted(tree[kind]), sorted(getattr(self, kind))
            if saved != live:
                raise _unfit(path, f"the {kind} are {saved}", f"{live}")
        for name, module in self.modules.items():
            if found := differences(module, tree["modules"][name]):
                raise _unfit(
                    path, f"the weights of module {name!r} do not fit: {found}", "exactly the weights of this network"
                )
        for name, optimiser in self.optimisers.items():
            saved_shape, live_shape = _outline(tree["optimisers"][name]), _outline_of(optimiser)
            if saved_shape != live_shape:
                raise _unfit(path, f"optimiser {name!r} is {saved_shape}", live_shape)
        for name, generator in self.generators.items():
            if tree["generators"][name].shape != generator.get_state().shape:
                raise _unfit(path, f"generator {name!r} ran on another device", f"one on {generator.device}")
        for name, sampler in self.samplers.items():
            kind, own = tree["samplers"][name]["bit_generator"], type(sampler.bit_generator).__name__
            if kind != own:
                raise _unfit(path, f"sampler {name!r} is {kind}", own)


def _outline_of(optimiser: torch.optim.Optimizer) -> str:
    return _outline({"kind": type(optimiser).__name__, "param_groups": optimiser.param_groups})


def _outline(optimiser: Mapping[str, Any]) -> str:
    """Kind and size of an optimiser, as words: what must agree before its moments may be loaded."""
    return f"{optimiser['kind']} of {[len(group['params']) for group in optimiser['param_groups']]} parameters"


def _read(path: Path) -> dict[str, Any]:
    try:
        tensors, metadata = read_tensors(path)
    except ModelError as error:
        raise TrainingError(path, error.found, "a training state", error.remedy) from error
    if HEADER not in metadata:
        raise _unfit(path, "the file holds weights only", "a training state")
    try:
        tree: dict[str, Any] = _unpack(json.loads(metadata[HEADER]), tensors)
        if tree["version"] != VERSION:
            raise _unfit(path, f"the training state has version {tree['version']}", f"version {VERSION}")
        if type(tree["step"]) is not int or not isinstance(tree["notes"], dict):
            raise TypeError(f"step {tree['step']!r}, notes {type(tree['notes']).__name__}")
    except _MISMATCHES as error:
        raise _damaged(path, error) from error
    return tree


def _damaged(path: Path, error: Exception) -> TrainingError:
    found = f"the training state is damaged ({error!r})"
    return TrainingError(path, found, "the file as training saved it", "Copy it again, or start a new training.")


def _unfit(path: Path, found: str, expected: str) -> TrainingError:
    return TrainingError(path, found, expected, "Go on with the settings it was started with, or start a new training.")


def _pack(value: Any, place: tuple[str, ...], tensors: dict[str, Tensor]) -> Any:
    """Turn a tree of dicts, lists, tuples, plain values and tensors into JSON values; the tensors go to `tensors`.

    JSON knows neither tuples nor keys that are numbers (optimisers count their parameters), so both are spelt out.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        name = "/".join(place)
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, (*place, str(key)), tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [_pack(item, (*place, str(index)), tensors) for index, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    raise TypeError(f"{'/'.join(place)} is a {type(value).__name__}; a training state holds JSON values and tensors.")


def _unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Undo `_pack`."""
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(_unpack(item, tensors) for item in content)
    return {key: _unpack(item, tensors) for key, item in content}
