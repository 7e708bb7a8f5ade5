"""Published weights of CycleGAN and pix2pix, told by their names, translate and judge as they did."""

from pathlib import Path

import pytest
import torch
from published_networks import Norm, batch_norm, counting_norm, drawn, picture, plain_norm, saved
from published_translators import Patches, Pixels, Resnet, UNet
from torch import nn

from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from models.official import load_official, load_official_discriminator, load_official_generator
from models.patch_discriminator import PatchDiscriminator
from models.pix2pix.unet import UNetGenerator, UNetGeneratorConfig
from pipeline.errors import ModelError

SAME = 1e-5  # the same float32 sums in another order
NORMS = pytest.mark.parametrize("norm", [plain_norm, counting_norm, batch_norm], ids=lambda norm: norm.__name__)


def undropped(net: nn.Module) -> nn.Module:
    """As in training, where norms look at the picture itself, but for dropout, which is chance."""
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    return net


@pytest.mark.parametrize("dropout", [False, True], ids=["without dropout", "with dropout"])
@pytest.mark.parametrize("blocks", [6, 9])
@NORMS
def test_a_residual_generator_paints_as_the_published_one_does(
    tmp_path: Path, norm: Norm, blocks: int, dropout: bool
) -> None:
    theirs = undropped(drawn(Resnet(blocks=blocks, norm=norm, dropout=dropout)))
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G_A.pth"))
    assert isinstance(ours, ResnetGenerator)
    word = "affine" if norm is batch_norm else "instance"
    assert ours.config == ResnetGeneratorConfig(base_channels=4, blocks=blocks, dropout=dropout, norm=word)
    torch.testing.assert_close(ours(picture(3)), theirs(picture(3)), rtol=0, atol=SAME)


@pytest.mark.parametrize("levels", [5, 7, 8])
@NORMS
def test_a_u_net_paints_as_the_published_one_does(tmp_path: Path, norm: Norm, levels: int) -> None:
    theirs = undropped(drawn(UNet(levels=levels, norm=norm)))
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G.pth"))
    assert isinstance(ours, UNetGenerator)
    word = "affine" if norm is batch_norm else "instance"
    assert ours.config == UNetGeneratorConfig(levels=levels, base_channels=4, norm=word)
    seen = picture(3, size=2**levels)
    torch.testing.assert_close(ours(seen), theirs(seen.clone()), rtol=0, atol=SAME)


def test_a_u_net_whose_statistics_are_kept_uses_them(tmp_path: Path) -> None:
    theirs = drawn(UNet(levels=5))
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G.pth"), batch_norms="batch")
    seen = picture(3, size=32)
    torch.testing.assert_close(ours(seen), theirs.eval()(seen.clone()), rtol=0, atol=SAME)


@pytest.mark.parametrize("layers", [3, 5])
@pytest.mark.parametrize("inputs", [3, 6], ids=["of a picture", "of a pair"])
@NORMS
def test_a_discriminator_judges_as_the_published_one_does(tmp_path: Path, norm: Norm, inputs: int, layers: int) -> None:
    theirs = drawn(Patches(inputs, layers=layers, norm=norm))
    ours = load_official_discriminator(saved(theirs, tmp_path / "latest_net_D_A.pth"))
    assert isinstance(ours, PatchDiscriminator)
    seen = picture(inputs, size=128)
    torch.testing.assert_close(ours(seen)[-1], theirs(seen), rtol=0, atol=SAME)


@pytest.mark.parametrize("made", [Resnet, UNet, Patches])
def test_every_published_name_is_loaded_or_a_statistic(tmp_path: Path, made: type[nn.Module]) -> None:
    path = saved(drawn(made(norm=batch_norm)), tmp_path / "latest_net.pth")
    (part,) = load_official([path]).parts
    assert part.family == "CycleGAN or pix2pix"
    assert part.unused == ()
    assert {name.rpartition(".")[2] for name in part.left_out} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }


@pytest.mark.parametrize(
    ("made", "lost", "message"),
    [
        (Resnet, "model.12.conv_block.5.bias", r"1 missing \(model\.12\.conv_block\.5\.bias\)"),
        (UNet, "model.model.1.model.3.model.6.bias", r"1 missing \(model\.model\.1\.model\.3\.model\.6\.bias\)"),
        (UNet, "model.model.3.weight", r"model\.model\.3\.weight is missing"),
        (Patches, "model.8.weight", r"1 missing \(model\.8\.weight\)"),
    ],
)
def test_a_file_that_is_not_all_of_a_network_is_refused_by_its_own_names(
    tmp_path: Path, made: type[nn.Module], lost: str, message: str
) -> None:
    state = drawn(made()).state_dict()
    del state[lost]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(ModelError, match=message):
        load_official([tmp_path / "cut.pth"])


def test_a_judge_of_single_pixels_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the file holds weights of CycleGAN or pix2pix, a judge of single pixels"):
        load_official([saved(Pixels(), tmp_path / "latest_net_D.pth")])
