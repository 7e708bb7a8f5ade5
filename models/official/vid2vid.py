"""The generators of NVIDIA's vid2vid: their published names, and their shape from these.

Source: the names of methods 14, of NVIDIA/vid2vid; the layers of methods 6.2 and 6.3.
"""

from models.norms import NormName
from models.official.published_file import PublishedFile
from models.vid2vid.generator import CompositeConfig
from models.vid2vid.local_generator import LocalConfig

HEADS = {"heads.raw.1": "model_final_img.1", "heads.flow.1": "model_final_flow.1", "heads.mask.1": "model_final_w.1"}

COMPOSITE_NAMES = HEADS | {
    "encode_conditions.layers": "model_down_seg",
    "encode_previous.layers": "model_down_img",
    "decode_image.refine": "model_res_img",
    "decode_image.widen": "model_up_img",
    "decode_flow.refine": "model_res_flow",
    "decode_flow.widen": "model_up_flow",
    "foreground.encode.layers": "indv_down",
    "foreground.decode.refine": "indv_res",
    "foreground.decode.widen": "indv_up",
    "foreground.paint.1": "indv_final.1",
}

LOCAL_NAMES = HEADS | {
    "see_conditions": "model_down_seg",
    "see_previous": "model_down_img",
    "decode_image": "model_up_img",
    "decode_flow": "model_up_flow",
    "foreground.see": "indv_down",
    "foreground.decode": "indv_up",
    "foreground.paint.1": "indv_final.1",
}


def composite_config(file: PublishedFile, norm: NormName) -> CompositeConfig:
    """The shape of the coarse generator, G0.

    Raises: ModelError where a layer that tells it is missing; ValueError where the layers make no generator.
    """
    in_encoder = file.numbers(r"model_down_seg\.(\d+)\.conv_block\.1\.weight")
    in_decoder = file.numbers(r"model_res_img\.(\d+)\.conv_block\.1\.weight")
    condition_channels, past_frames = _seen(file)
    return CompositeConfig(
        condition_channels=condition_channels,
        past_frames=past_frames,
        base_channels=file.channels("model_down_seg.1")[0],
        downsamplings=(in_encoder[0] - 4) // 3,
        blocks=len(in_encoder) + len(in_decoder),
        norm=norm,
        foreground=file.has(r"indv_down\."),
        flow=file.has(r"model_final_flow\."),
    )


def local_config(file: PublishedFile, norm: NormName) -> LocalConfig:
    """The shape of a finer generator, G1 and so on, but for the scale of its flow, which its place in the row tells.

    Raises: as `composite_config`.
    """
    condition_channels, past_frames = _seen(file)
    return LocalConfig(
        condition_channels=condition_channels,
        past_frames=past_frames,
        base_channels=file.channels("model_down_seg.1")[0],
        foreground_channels=file.channels("indv_down.1")[0] if file.has(r"indv_down\.") else 0,
        blocks=len(file.numbers(r"model_up_img\.(\d+)\.conv_block\.1\.weight")),
        norm=norm,
        flow=file.has(r"model_final_flow\."),
    )


def _seen(file: PublishedFile) -> tuple[int, int]:
    """Channels of one condition, and L: the past frames are 3·L channels, the conditions are those of L + 1 frames."""
    conditions, pictures = file.channels("model_down_seg.1")[1], file.channels("model_down_img.1")[1]
    past_frames = pictures // 3
    if pictures % 3 or conditions % (past_frames + 1):
        raise ValueError(
            f"{pictures} channels of past frames and {conditions} of conditions are no L frames and L + 1 conditions."
        )
    return conditions // (past_frames + 1), past_frames
