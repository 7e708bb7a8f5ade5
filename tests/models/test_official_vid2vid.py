"""Published generators of vid2vid, one scale or several, paint as they did; what they counted is left out."""

from pathlib import Path

import pytest
import torch
from published_networks import Composite, Global, Local, Norm, Painted, batch_norm, counting_norm, drawn, picture, saved
from published_networks import smaller as halved
from torch import Tensor

from models.official import load_official, read_official
from models.vid2vid.generator import CompositeConfig
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from models.vid2vid.synthesis import Synthesis
from pipeline.errors import ModelError

SAME = 1e-4  # the same float32 sums in another order, behind flows of up to 80 pixels for an output of 1
A_PAST = torch.tensor([False])
NORMS = pytest.mark.parametrize("norm", [counting_norm, batch_norm], ids=["instance", "batch"])
FOREGROUND = pytest.mark.parametrize("fg", [False, True], ids=["plain", "with a foreground branch"])


def generator(*paths: Path) -> PyramidGenerator:
    module = load_official(paths).module
    assert isinstance(module, PyramidGenerator)
    return module


def assert_same(ours: Synthesis, theirs: Painted) -> None:
    for name in ("image", "raw", "flow", "mask"):
        found, expected = getattr(ours, name), getattr(theirs, name)
        torch.testing.assert_close(found, expected, rtol=0, atol=SAME, msg=lambda text, name=name: f"{name}: {text}")


def where(size: int = 64) -> Tensor:
    """A foreground mask: the left third."""
    return (torch.arange(size) < size // 3).float().expand(1, 1, size, size)


@FOREGROUND
@NORMS
def test_the_coarse_generator_paints_as_the_published_one_does(tmp_path: Path, norm: Norm, fg: bool) -> None:
    theirs = drawn(Composite(norm=norm, fg=fg))
    ours = generator(saved(theirs, tmp_path / "latest_net_G0.pth"))
    assert ours.config == PyramidConfig(
        coarse=CompositeConfig(
            condition_channels=6,
            base_channels=4,
            blocks=3,
            norm="affine" if norm is batch_norm else "instance",
            foreground=fg,
        )
    )
    mask = where() if fg else None
    (made,) = ours(picture(18), [picture(6)], empty=A_PAST, foreground_mask=mask)
    with torch.no_grad():
        assert_same(made, theirs(picture(18), picture(6), mask))


@FOREGROUND
@NORMS
def test_three_scales_in_any_order_are_one_pyramid(tmp_path: Path, norm: Norm, fg: bool) -> None:
    theirs = [
        drawn(Composite(width=8, norm=norm, fg=fg), 0),
        drawn(Local(1, width=4, norm=norm, fg=fg), 1),
        drawn(Local(2, width=2, norm=norm, fg=fg), 2),
    ]
    paths = [saved(net, tmp_path / f"latest_net_G{scale}.pth") for scale, net in enumerate(theirs)]
    ours = generator(paths[2], paths[0], paths[1])
    sizes = [64, 128, 256]
    conditions = picture(18, 256)
    shown = [halved(halved(conditions)), halved(conditions), conditions]
    mask = where(256) if fg else None
    masks = [None] * 3 if mask is None else [halved(halved(mask)), halved(mask), mask]
    past = [picture(6, size, seed=size) for size in sizes]
    made = ours(conditions, past, empty=A_PAST, foreground_mask=mask)
    with torch.no_grad():
        painted = [theirs[0](shown[0], past[0], masks[0])]
        for scale in (1, 2):
            painted.append(theirs[scale](shown[scale], past[scale], painted[-1], masks[scale]))
    for one, expected in zip(made, painted, strict=True):
        assert_same(one, expected)


def test_batch_norm_at_batch_one_is_the_instance_norm_it_becomes(tmp_path: Path) -> None:
    theirs = drawn(Composite(norm=batch_norm))
    ours = generator(saved(theirs, tmp_path / "latest_net_G0.pth"))
    (made,) = ours(picture(18), [picture(6)], empty=A_PAST)
    with torch.no_grad():
        as_trained = theirs.train()(picture(18), picture(6)).image
        by_statistics = theirs.eval()(picture(18), picture(6)).image
    assert (made.image - as_trained).abs().max() < SAME
    assert (made.image - by_statistics).abs().max() > 0.1


def test_kept_batch_norms_use_their_running_statistics(tmp_path: Path) -> None:
    theirs = drawn(Composite(norm=batch_norm))
    path = saved(theirs, tmp_path / "latest_net_G0.pth")
    ours = load_official([path], batch_norms="batch").module
    (made,) = ours(picture(18), [picture(6)], empty=A_PAST)
    with torch.no_grad():
        assert_same(made, theirs.eval()(picture(18), picture(6)))


def test_without_flow_every_frame_is_painted_whole(tmp_path: Path) -> None:
    state = drawn(Composite()).state_dict()
    kept = {name: tensor for name, tensor in state.items() if "_flow" not in name and "final_w" not in name}
    torch.save(kept, tmp_path / "latest_net_G0.pth")
    (made,) = generator(tmp_path / "latest_net_G0.pth")(picture(18), [picture(6)], empty=A_PAST)
    assert made.flow is None and torch.equal(made.image, made.raw)


def test_every_name_is_loaded_left_out_or_unused(tmp_path: Path) -> None:
    state = drawn(Composite()).state_dict()
    counted = {name for name in state if name.rpartition(".")[2] in ("running_mean", "running_var")}
    counts = {name for name in state if name.endswith("num_batches_tracked")}
    torch.save(
        {f"module.{name}": tensor for name, tensor in (state | {"netE.weight": torch.ones(1)}).items()},
        tmp_path / "G0.pth",
    )
    part = read_official(tmp_path / "G0.pth")
    assert set(part.left_out) == counted | counts
    assert part.unused == ("netE.weight",)
    assert set(part.loaded) == set(state) - counted - counts
    assert part.parameters == sum(state[name].numel() for name in part.loaded)
    kept = read_official(tmp_path / "G0.pth", batch_norms="batch")
    assert kept.left_out == () and set(kept.loaded) == set(state)
    assert kept.parameters == part.parameters


def test_published_sizes_are_told_from_names_and_shapes(tmp_path: Path) -> None:
    with torch.device("meta"):
        pose = Composite(conditions=6, width=128, blocks=9)
    state = {name: torch.empty(()).expand(tensor.shape) for name, tensor in pose.state_dict().items()}
    torch.save(state, tmp_path / "G0.pth")  # one number each, seen through the shape
    part = read_official(tmp_path / "G0.pth")
    assert part.config == CompositeConfig(condition_channels=6, norm="affine")
    assert part.parameters == 364_826_886  # methods 17


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"G1": Local(1)},
            r"G1\.pth: the file holds a local network; expected vid2vid's coarsest generator, G0, among the files\. "
            r"Name G0 as well\.",
        ),
        (
            {"G0": Composite(width=8), "G2": Local(2)},
            r"G2\.pth: the file holds a local network with base_channels 2; expected base_channels 4 at scale 1\. "
            r"Name G0, G1 … of one training, each once\.",
        ),
        (
            {"G0": Composite(width=4), "G1": Local(1, conditions=3)},
            r"G1\.pth: the file holds a local network with condition_channels 3; expected condition_channels 6",
        ),
        (
            {"G0": Composite(width=8), "other": Composite(width=8)},
            r"the file holds a composite network; expected vid2vid's generator at scale 1\. Import it alone\.",
        ),
        (
            {"G0": Composite(), "G": Global(steps=1)},
            r"G\.pth: the file holds a global network; expected vid2vid's generator at scale 1\. Import it alone\.",
        ),
        (
            {"G": Global(steps=1), "Gface": Global(steps=1)},
            r"the file holds a global network; expected vid2vid's coarsest generator, G0, among the files\. "
            r"Import each file alone\.",
        ),
        (
            {"G0": Composite(width=1), "G1": Local(1, width=1)},
            r"G0\.pth: too many scales \(PyramidConfig\.",
        ),
    ],
    ids=["G1 alone", "no G1", "another task", "G0 twice", "G0 and G of pix2pixHD", "two of pix2pixHD", "too many"],
)
def test_files_that_are_not_one_generator_are_refused(
    tmp_path: Path, files: dict[str, torch.nn.Module], message: str
) -> None:
    paths = [saved(drawn(net), tmp_path / f"{name}.pth") for name, net in files.items()]
    with pytest.raises(ModelError, match=message):
        load_official(paths)


def test_pictures_of_no_whole_frames_are_refused(tmp_path: Path) -> None:
    state = drawn(Composite()).state_dict()
    state["model_down_img.1.weight"] = torch.zeros(4, 5, 7, 7)
    torch.save(state, tmp_path / "G0.pth")
    message = r"5 channels of past frames and 18 of conditions are no L frames and L \+ 1 conditions"
    with pytest.raises(ModelError, match=message):
        read_official(tmp_path / "G0.pth")
