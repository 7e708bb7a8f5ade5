"""How fast ResNet-9 translates pictures, against the plain eager float32 loop on the same weights, in one run.

    python -m benchmarks.translate [--side 256] [--rounds 5] [--steps 40] [--save]

Plainly: one picture after the other, float32, PyTorch's own order in memory and its own instance norm, no gradient.
Ours: `translate_pictures` with convolutions in the precision that is fastest here, channels last, norms that keep that
order, several pictures at once; from uint8 to float 0..255, padding and conversion counted. The work itself is timed,
in seconds of the processor that this program got: other programs share the machine. Both take turns, the best of the
rounds counts.

The outputs' mean difference is given in grey levels for two sets of weights: as training draws them at first, N(0,
0.02), where the network makes noise of any picture and rounding errors with it; and after a few steps of learning to
darken pictures, as any translator's weights are. --save writes results/translate.md.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.video import machine
from models.blocks import InstanceNorm2d, initialise
from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from pipeline.compute import Compute, keep_memory, resolve_compute
from pipeline.image import to_tensor
from stages.rendering.translate import ready, translate_pictures

RESULTS = Path(__file__).parent / "results" / "translate.md"
BATCHES = (1, 2, 4)
TARGET = 1.9  # times the frames a second
CROP = 96  # pixels: of the pictures that are learnt from
TINT = (0.7, 0.8, 1.1)  # of what is learnt: darker, and bluer

Pictures = NDArray[np.uint8]
Translate = Callable[[Pictures], NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256, help="pixels of the pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40, help="of learning, before outputs are compared again")
    parser.add_argument("--save", action="store_true", help="replace benchmarks/results/translate.md")
    options = parser.parse_args()
    keep_memory()
    compute = resolve_compute("auto", 0)
    generator = initialise(ResnetGenerator(ResnetGeneratorConfig()), torch.Generator().manual_seed(0)).eval()
    shown = scenery(max(BATCHES), options.side)
    rates = measure(generator, shown, options.rounds, compute)
    apart = {"as first drawn": difference(generator, shown, compute)}
    if options.steps:
        learn(generator, shown, options.steps)
        apart[f"after {options.steps} steps of learning"] = difference(generator, shown, compute)
    text = "\n".join(lines(rates, apart, options.side, compute))
    print(text)
    if options.save:
        RESULTS.write_text(f"# Translating\n\n{text}\n", encoding="utf-8")


def scenery(count: int, side: int) -> Pictures:
    """Made-up pictures (count, side, side, 3) with broad forms and fine ones, as films have them."""
    rng = torch.Generator().manual_seed(1)
    forms = sum(
        F.interpolate(torch.randn(count, 3, cells, cells, generator=rng), (side, side), mode="bicubic") / cells**0.5
        for cells in (4, 16, 64)
    )
    assert isinstance(forms, Tensor)
    return (forms * 70 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def plain(generator: nn.Module) -> Translate:
    """As one would write it first."""
    network = deepcopy(generator).float().eval()
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, InstanceNorm2d):
                setattr(parent, name, nn.InstanceNorm2d(layer.num_features))

    def translate(pictures: Pictures) -> NDArray[np.float32]:
        made = []
        for picture in pictures:
            given = torch.from_numpy(picture).permute(2, 0, 1)[None].float().contiguous() / 127.5 - 1
            with torch.no_grad():
                made.append((network(given)[0].permute(1, 2, 0) + 1) * 127.5)
        return torch.stack(made).numpy()

    return translate


def ours(generator: ResnetGenerator, compute: Compute) -> Translate:
    """As films are translated."""
    translator = ready(generator, compute, stride=generator.stride)
    return lambda pictures: translate_pictures(pictures, translator)


def measure(generator: ResnetGenerator, shown: Pictures, rounds: int, compute: Compute) -> dict[str, float]:
    """Pictures a second of both, in turns."""
    quick, slow = ours(generator, compute), plain(generator)
    work = {"plain": (slow, shown[:1])} | {f"ours, {batch} at once": (quick, shown[:batch]) for batch in BATCHES}
    best = dict.fromkeys(work, 0.0)
    for number in range(rounds + 1):
        for name, (translate, pictures) in work.items():
            begun = time.process_time()
            translate(pictures)
            if number:  # the first round warms up
                taken = (time.process_time() - begun) / torch.get_num_threads()
                best[name] = max(best[name], len(pictures) / taken)
    return best


def difference(generator: ResnetGenerator, shown: Pictures, compute: Compute) -> float:
    """Mean absolute difference of the two, grey levels."""
    return float(np.abs(plain(generator)(shown) - ours(generator, compute)(shown)).mean())


def learn(generator: ResnetGenerator, shown: Pictures, steps: int) -> None:
    """Let the network learn a darker, bluer look, from crops of the pictures."""
    generator.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999))
    rng = np.random.default_rng(0)
    for _ in range(steps):
        which, top, left = (int(rng.integers(limit)) for limit in (len(shown), *_room(shown)))
        picture = to_tensor(shown[which, top : top + CROP, left : left + CROP])
        wanted = ((picture * 0.6 - 0.2) * torch.tensor(TINT).view(1, 3, 1, 1)).clamp(-1, 1)
        loss = (generator(picture) - wanted).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    generator.eval()


def _room(shown: Pictures) -> Sequence[int]:
    return [max(1, side - CROP) for side in shown.shape[1:3]]


def lines(rates: dict[str, float], apart: dict[str, float], side: int, compute: Compute) -> list[str]:
    """The results, for people."""
    found = [
        f"`python -m benchmarks.translate`, ResNet-9 at {side}x{side}, {compute.precision}, {machine()}, "
        f"{torch.get_num_threads()} threads.",
        "",
        "| | pictures a second | × |",
        "|---|---|---|",
        *(f"| {name} | {rate:.2f} | {rate / rates['plain']:.2f} |" for name, rate in rates.items()),
        "",
        f"Wanted: at least {TARGET} times. Mean difference of the outputs, grey levels of 255: "
        + ", ".join(f"{amount:.2f} with weights {when}" for when, amount in apart.items())
        + ".",
    ]
    return found


if __name__ == "__main__":
    main()
