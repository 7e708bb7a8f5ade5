"""The published networks rebuilt from their layer tables, in plain PyTorch and under their publishers' names.

What our imported networks are held against. Nothing of the product is used: not its blocks, not its warp.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
N = TypeVar("N", bound=nn.Module)


def plain_norm(channels: int) -> nn.Module:
    """pix2pixHD's: neither weights nor statistics."""
    return nn.InstanceNorm2d(channels)


def counting_norm(channels: int) -> nn.Module:
    """vid2vid's `instance`, and that of PyTorch before 0.4: statistics are counted and never looked at in training."""
    return nn.InstanceNorm2d(channels, track_running_stats=True)


def batch_norm(channels: int) -> nn.Module:
    """vid2vid's default."""
    return nn.BatchNorm2d(channels)


class Residual(nn.Module):
    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width)]
        self.conv_block = nn.Sequential(*half, nn.ReLU(), *again)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def stem(inputs: int, width: int, norm: Norm) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(inputs, width, 7), norm(width), nn.ReLU()]


def halve(width: int, norm: Norm) -> list[nn.Module]:
    return [nn.Conv2d(width, 2 * width, 3, 2, 1), norm(2 * width), nn.ReLU()]


def double(width: int, norm: Norm) -> list[nn.Module]:
    return [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1), norm(width // 2), nn.ReLU()]


def paint(width: int, outputs: int = 3) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]


def down_to(inputs: int, width: int, steps: int, norm: Norm) -> list[nn.Module]:
    layers = stem(inputs, width, norm)
    for step in range(steps):
        layers += halve(width * 2**step, norm)
    return layers


def up_from(width: int, steps: int, norm: Norm) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for step in range(steps):
        layers += double(width // 2**step, norm)
    return layers


def residuals(width: int, count: int, norm: Norm) -> list[nn.Module]:
    return [Residual(width, norm) for _ in range(count)]


def smaller(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture, 3, 2, 1, count_include_pad=False)


class Global(nn.Module):
    """pix2pixHD's `G`, of one scale."""

    def __init__(self, inputs: int = 6, width: int = 4, steps: int = 2, blocks: int = 2, norm: Norm = plain_norm):
        super().__init__()
        wide = width * 2**steps
        layers = down_to(inputs, width, steps, norm) + residuals(wide, blocks, norm) + up_from(wide, steps, norm)
        self.model = nn.Sequential(*layers, *paint(width))

    def forward(self, picture: Tensor) -> Tensor:
        return self.model(picture)


class Enhancer(nn.Module):
    """pix2pixHD's `G`, with two enhancers over the global generator."""

    def __init__(self, inputs: int = 6, width: int = 2, blocks: int = 1, norm: Norm = plain_norm) -> None:
        super().__init__()
        wide = 4 * width
        self.model = nn.Sequential(
            *down_to(inputs, wide, 2, norm), *residuals(4 * wide, blocks, norm), *up_from(4 * wide, 2, norm)
        )
        self.model1_1 = nn.Sequential(*stem(inputs, 2 * width, norm), *halve(2 * width, norm))
        self.model1_2 = nn.Sequential(*residuals(4 * width, 3, norm), *double(4 * width, norm))
        self.model2_1 = nn.Sequential(*stem(inputs, width, norm), *halve(width, norm))
        self.model2_2 = nn.Sequential(*residuals(2 * width, 3, norm), *double(2 * width, norm), *paint(width))

    def forward(self, picture: Tensor) -> Tensor:
        half = smaller(picture)
        coarse = self.model(smaller(half))
        middle = self.model1_2(self.model1_1(half) + coarse)
        return self.model2_2(self.model2_1(picture) + middle)


def patches(inputs: int, width: int, norm: Norm, layers: int = 3) -> list[list[nn.Module]]:
    """The stages of a PatchGAN."""
    widths = [min(width * 2**step, 512) for step in range(layers + 1)]
    stages: list[list[nn.Module]] = [[nn.Conv2d(inputs, width, 4, 2, 2), nn.LeakyReLU(0.2)]]
    for step in range(1, layers + 1):
        stride = 2 if step < layers else 1
        conv = nn.Conv2d(widths[step - 1], widths[step], 4, stride, 2)
        stages.append([conv, norm(widths[step]), nn.LeakyReLU(0.2)])
    return [*stages, [nn.Conv2d(widths[-1], 1, 4, 1, 2)]]


class Judges(nn.Module):
    """`D`: several PatchGANs, the last in the file for the full size; every stage, or every row, an attribute."""

    def __init__(self, widths: Sequence[int], norm: Norm = plain_norm, *, staged: bool = True) -> None:
        super().__init__()
        self.scales, self.staged = len(widths), staged
        for scale, width in enumerate(widths):
            stages = patches(6, width, norm)
            for stage, layers in enumerate(stages if staged else [list(chain(*stages))]):
                name = f"scale{scale}_layer{stage}" if staged else f"layer{scale}"
                self.add_module(name, nn.Sequential(*layers))

    def forward(self, picture: Tensor) -> list[Tensor]:
        """The logits, fine to coarse."""
        logits = []
        for scale in reversed(range(self.scales)):
            names = [f"scale{scale}_layer{stage}" for stage in range(5)] if self.staged else [f"layer{scale}"]
            features = picture
            for name in names:
                features = self.get_submodule(name)(features)
            logits.append(features)
            picture = smaller(picture)
        return logits


class FaceJudge(nn.Module):
    """Everybody Dance Now's `Dface`."""

    def __init__(self, norm: Norm = batch_norm) -> None:
        super().__init__()
        self.facemodel = nn.Sequential(*chain(*patches(6, 4, norm)))

    def forward(self, picture: Tensor) -> Tensor:
        return self.facemodel(picture)


class Painted:
    """What vid2vid's generators return."""

    def __init__(self, **tensors: Tensor | None) -> None:
        self.image, self.flow, self.mask, self.raw, self.image_features, self.flow_features, self.foreground = (
            tensors[name] for name in ("image", "flow", "mask", "raw", "image_features", "flow_features", "foreground")
        )


class Sequential(nn.Module):
    """What the generators of all scales of vid2vid share: the last layers, and how they are put together."""

    def finish(self, image_features: Tensor, flow_features: Tensor, previous: Tensor, pixels: float, fore) -> Painted:
        raw = self.model_final_img(image_features)
        flow = self.model_final_flow(flow_features) * pixels
        mask = torch.sigmoid(self.model_final_w(flow_features))
        image = mask * raw + (1 - mask) * fetched(previous[:, -3:], flow)
        features = None
        if fore is not None:
            features, where = fore
            front = self.indv_final(features)
            raw, image = where * front + (1 - where) * raw, where * front + (1 - where) * image
        return Painted(
            image=image,
            flow=flow,
            mask=mask,
            raw=raw,
            image_features=image_features,
            flow_features=flow_features,
            foreground=features,
        )

    def add_heads(self, width: int) -> None:
        self.model_final_img = nn.Sequential(*paint(width))
        self.model_final_flow = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, 2, 7))
        self.model_final_w = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, 1, 7))


class Composite(Sequential):
    """vid2vid's `G0`: conditions of C channels, L = 2 past frames, three halvings, nd > 2."""

    def __init__(
        self, conditions: int = 6, width: int = 4, steps: int = 3, blocks: int = 3, norm: Norm = batch_norm, *, fg=False
    ) -> None:
        super().__init__()
        wide, late = width * 2**steps, blocks // 2
        early = blocks - late
        self.model_down_seg = nn.Sequential(*down_to(3 * conditions, width, steps, norm), *residuals(wide, early, norm))
        self.model_down_img = nn.Sequential(*down_to(6, width, steps, norm), *residuals(wide, early, norm))
        for branch in ("img", "flow"):
            self.add_module(f"model_res_{branch}", nn.Sequential(*residuals(wide, late, norm)))
            self.add_module(f"model_up_{branch}", nn.Sequential(*up_from(wide, steps, norm)))
        self.add_heads(width)
        if fg:
            thin = width // 2
            self.indv_down = nn.Sequential(*down_to(3 * conditions, thin, steps, norm))
            self.indv_res = nn.Sequential(*residuals(wide // 2, blocks, norm))
            self.indv_up = nn.Sequential(*up_from(wide // 2, steps, norm))
            self.indv_final = nn.Sequential(*paint(thin))

    def forward(self, conditions: Tensor, previous: Tensor, where: Tensor | None = None) -> Painted:
        fused = self.model_down_seg(conditions) + self.model_down_img(previous)
        image_features = self.model_up_img(self.model_res_img(fused))
        flow_features = self.model_up_flow(self.model_res_flow(fused))
        fore = None if where is None else (self.indv_up(self.indv_res(self.indv_down(conditions))), where)
        return self.finish(image_features, flow_features, previous, 20.0, fore)


class Local(Sequential):
    """vid2vid's `G1` and finer, of half the width of the scale below."""

    def __init__(self, scale: int, conditions: int = 6, width: int = 2, norm: Norm = batch_norm, *, fg=False) -> None:
        super().__init__()
        self.scale = scale
        self.model_down_seg = nn.Sequential(*stem(3 * conditions, width, norm), *halve(width, norm))
        self.model_down_img = nn.Sequential(*stem(6, width, norm), *halve(width, norm))
        for branch in ("img", "flow"):
            back = residuals(2 * width, 3, norm) + double(2 * width, norm)
            self.add_module(f"model_up_{branch}", nn.Sequential(*back))
        self.add_heads(width)
        if fg:
            thin = width // 2
            self.indv_down = nn.Sequential(*stem(3 * conditions, thin, norm), *halve(thin, norm))
            self.indv_up = nn.Sequential(*residuals(2 * thin, 3, norm), *double(2 * thin, norm))
            self.indv_final = nn.Sequential(*paint(thin))

    def forward(self, conditions: Tensor, previous: Tensor, coarse: Painted, where: Tensor | None = None) -> Painted:
        seen = self.model_down_seg(conditions) + self.model_down_img(previous)
        image_features = self.model_up_img(seen + coarse.image_features)
        flow_features = self.model_up_flow(seen + coarse.flow_features)
        fore = None if where is None else (self.indv_up(self.indv_down(conditions) + coarse.foreground), where)
        return self.finish(image_features, flow_features, previous, 20.0 * 2**self.scale, fore)


def fetched(picture: Tensor, flow: Tensor) -> Tensor:
    """Backward warp by a flow in pixels, as methods 2.1 has it."""
    height, width = picture.shape[2:]
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    across = columns + 2 * flow[:, 0] / (width - 1)
    down = rows + 2 * flow[:, 1] / (height - 1)
    grid = torch.stack([across, down], dim=-1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=True)


def drawn(net: N, seed: int = 0) -> N:
    """Draw every weight anew, norms' too, and the statistics as if the network had been trained."""
    rng = torch.Generator().manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(1000)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0, generator=rng)
        elif tensor.dim() == 4:
            tensor.normal_(0, 1 / tensor[0].numel() ** 0.5, generator=rng)
        else:
            tensor.normal_(float(name.endswith("weight")), 0.2, generator=rng)
    return net


def saved(net: nn.Module, path: Path, *, prefix: str = "") -> Path:
    torch.save({prefix + name: tensor for name, tensor in net.state_dict().items()}, path)
    return path


def picture(channels: int = 6, size: int = 64, seed: int = 9) -> Tensor:
    """One picture of noise, -1..1."""
    return torch.rand(1, channels, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1
