"""Published weights of pix2pixHD and Everybody Dance Now, told by their names, paint and judge as they did."""

from pathlib import Path

import pytest
import torch
from published_networks import (
    Enhancer,
    FaceJudge,
    Global,
    Judges,
    Norm,
    batch_norm,
    counting_norm,
    drawn,
    picture,
    plain_norm,
    saved,
)

from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig, GlobalGenerator, LocalEnhancer
from models.official import load_official_discriminator, load_official_generator
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator, PatchDiscriminator
from pipeline.errors import ModelError

SAME = 1e-5  # the same float32 sums in another order
NORMS = pytest.mark.parametrize("norm", [plain_norm, counting_norm, batch_norm], ids=lambda norm: norm.__name__)


@NORMS
def test_a_global_generator_paints_as_the_published_one_does(tmp_path: Path, norm: Norm) -> None:
    theirs = drawn(Global(norm=norm))
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G.pth"))
    assert isinstance(ours, GlobalGenerator)
    assert ours.config == GeneratorConfig(in_channels=6, base_channels=4, downsamplings=2, blocks=2)
    torch.testing.assert_close(ours(picture()), theirs(picture()), rtol=0, atol=SAME)


@NORMS
def test_an_enhancer_paints_as_the_published_one_does(tmp_path: Path, norm: Norm) -> None:
    theirs = drawn(Enhancer(norm=norm))
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G.pth"))
    assert isinstance(ours, LocalEnhancer)
    assert ours.config == EnhancerConfig(base_channels=2, downsamplings=2, blocks=1, levels=2, local_blocks=3)
    torch.testing.assert_close(ours(picture()), theirs(picture()), rtol=0, atol=SAME)


@pytest.mark.parametrize("staged", [True, False], ids=["with features", "without"])
@pytest.mark.parametrize("widths", [(8, 8, 8), (8, 4, 2)], ids=["of one width", "wider where coarse"])
@NORMS
def test_a_discriminator_judges_as_the_published_one_does(
    tmp_path: Path, norm: Norm, widths: tuple[int, ...], staged: bool
) -> None:
    theirs = drawn(Judges(widths, norm, staged=staged))
    ours = load_official_discriminator(saved(theirs, tmp_path / "latest_net_D.pth"))
    assert isinstance(ours, MultiscaleDiscriminator)
    assert ours.config == DiscriminatorConfig(
        in_channels=6, base_channels=widths[-1], scales=3, widen_coarse=widths[0] != widths[-1]
    )
    for judged, expected in zip(ours(picture()), theirs(picture()), strict=True):
        torch.testing.assert_close(judged[-1], expected, rtol=0, atol=SAME)


def test_the_judge_of_faces_judges_as_the_published_one_does(tmp_path: Path) -> None:
    theirs = drawn(FaceJudge())
    ours = load_official_discriminator(saved(theirs, tmp_path / "latest_net_Dface.pth"))
    assert isinstance(ours, PatchDiscriminator)
    torch.testing.assert_close(ours(picture())[-1], theirs(picture()), rtol=0, atol=SAME)


def test_batch_norms_that_are_kept_use_their_running_statistics(tmp_path: Path) -> None:
    theirs = drawn(Global(norm=batch_norm))
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G.pth"), batch_norms="batch")
    torch.testing.assert_close(ours(picture()), theirs.eval()(picture()), rtol=0, atol=SAME)
    as_trained = load_official_generator(tmp_path / "latest_net_G.pth")
    assert (as_trained(picture()) - ours(picture())).abs().max() > 0.1  # the choice is no matter of rounding


def test_batch_norms_from_before_batches_were_counted_are_read(tmp_path: Path) -> None:
    theirs = drawn(FaceJudge())
    old = {name: tensor for name, tensor in theirs.state_dict().items() if "num_batches" not in name}
    torch.save(old, tmp_path / "latest_net_Dface.pth")
    ours = load_official_discriminator(tmp_path / "latest_net_Dface.pth", batch_norms="batch")
    torch.testing.assert_close(ours(picture())[-1], theirs.eval()(picture()), rtol=0, atol=SAME)


def test_half_precision_and_the_prefix_of_several_gpus_are_taken_off(tmp_path: Path) -> None:
    theirs = drawn(Global()).half()
    ours = load_official_generator(saved(theirs, tmp_path / "latest_net_G.pth", prefix="module."))
    assert {parameter.dtype for parameter in ours.parameters()} == {torch.float32}
    assert torch.equal(ours.state_dict()["model.1.weight"], theirs.model[1].weight.float())


def test_a_published_network_can_be_trained_on(tmp_path: Path) -> None:
    ours = load_official_generator(saved(drawn(Global()), tmp_path / "latest_net_G.pth"))
    ours(picture()).mean().backward()
    assert all(parameter.grad is not None for parameter in ours.parameters())


def test_a_generator_is_no_discriminator(tmp_path: Path) -> None:
    path = saved(drawn(Global()), tmp_path / "latest_net_G.pth")
    with pytest.raises(ModelError, match=r"the file holds a GlobalGenerator; expected a discriminator"):
        load_official_discriminator(path)
    path = saved(drawn(FaceJudge()), tmp_path / "latest_net_Dface.pth")
    with pytest.raises(
        ModelError,
        match=r"the file holds a PatchDiscriminator; expected a generator of pictures, of any family but vid2vid",
    ):
        load_official_generator(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("model.4.bias"), r"1 missing \(model\.4\.bias\)"),
        (
            lambda state: state.update({"model.4.bias": torch.zeros(3)}),
            r"1 of another shape \(model\.4\.bias is 3, not 8\)",
        ),
        (lambda state: state.update({"model.99.bias": torch.zeros(3)}), r"1 unexpected \(model\.99\.bias\)"),
        (
            lambda state: state.pop("model.1.weight"),
            r"the file holds weights named model\.1\.bias, model\.13\.bias, model\.13\.weight, …",
        ),
        (
            lambda state: state.update({"model.1.weight": torch.zeros(3)}),
            r"model\.1\.weight is of 1 dimensions; expected the weight of a convolution",
        ),
        (
            lambda state: state.update({"model.1.weight": torch.zeros(4, 0, 7, 7)}),
            r"the layers make no network \(GeneratorConfig: channels and levels are \(0, 3, 4\), expected each",
        ),
    ],
)
def test_a_file_that_is_not_all_of_a_network_is_refused_by_its_own_names(
    tmp_path: Path, change: object, message: str
) -> None:
    state = drawn(Global(steps=1)).state_dict()
    change(state)  # type: ignore[operator]
    torch.save(state, tmp_path / "latest_net_G.pth")
    with pytest.raises(ModelError, match=message):
        load_official_generator(tmp_path / "latest_net_G.pth")


CONV = {"weight": torch.zeros(4, 3, 7, 7), "bias": torch.zeros(4)}


def layers(*names: str) -> dict[str, torch.Tensor]:
    return {f"{name}.{kind}": tensor for name in names for kind, tensor in CONV.items()}


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (layers("module.fnet.conv1", "module.cnet.conv1"), "RAFT, an optical flow"),
        (layers("feature_encoder.conv", "context_encoder.conv"), "RAFT, an optical flow"),
        ({"epoch": 3, "state_dict": layers("flownetc.conv1.0", "flownets_1.conv1.0")}, "FlowNet2, an optical flow"),
        (layers("net.0", "net.2", "net.5"), "CycleGAN or pix2pix, a judge of single pixels"),
        (layers("model.1", "model.4", "model.7"), "pix2pixHD's encoder of features"),
        (layers("model_downsample.1", "model_resnet.0.conv_block.1"), "vid2vid's painter of first frames"),
        (layers("features.0", "features.34"), "VGG-19, for the perceptual loss"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_weights_of_another_family_are_refused_by_its_name(
    tmp_path: Path, state: dict[str, object], found: str
) -> None:
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ModelError) as refused:
        load_official_generator(tmp_path / "other.pth")
    assert refused.value.found.startswith(f"the file holds weights of {found}")
    assert refused.value.expected == "weights of CycleGAN, pix2pix, pix2pixHD, Everybody Dance Now or vid2vid"
    assert refused.value.remedy == "`understudy import` does not read them."


def test_a_file_without_any_weight_we_know_is_refused_by_its_names(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(
        ModelError, match=r"the file holds weights named conv\.weight, …; expected weights of CycleGAN, pix2pix"
    ):
        load_official_generator(tmp_path / "other.pth")


@pytest.mark.parametrize("zipped", [True, False], ids=["as PyTorch saves now", "as PyTorch saved before 1.6"])
def test_a_damaged_file_is_refused_wherever_the_damage_is(tmp_path: Path, zipped: bool) -> None:
    torch.save(drawn(Global(steps=1)).state_dict(), tmp_path / "G.pth", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "G.pth").read_bytes()
    header = range(0, 2000, 23)  # names and shapes; beyond it are numbers, any of which is a weight
    damaged = [*(whole[:at] + b"\xff\xff" + whole[at + 2 :] for at in header)]
    refused = 0
    for data in damaged:
        (tmp_path / "damaged.pth").write_bytes(data)
        try:
            load_official_generator(tmp_path / "damaged.pth")  # two bytes of a bias leave a file that is whole
        except ModelError:
            refused += 1
    assert refused > len(damaged) / 4


def test_a_file_that_is_cut_off_or_not_there_is_refused(tmp_path: Path) -> None:
    whole = saved(drawn(Global()), tmp_path / "whole.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="the file cannot be read as a state dict"):
        load_official_generator(tmp_path / "cut.pth")
    with pytest.raises(ModelError, match="there is no such file"):
        load_official_generator(tmp_path / "none.pth")
