"""draft, standard, hd of portraits for each method: what is trained, at what size and how; each number in sight."""

from dataclasses import replace

from models.deep_video_portraits.discriminators import PortraitJudgesConfig
from models.deep_video_portraits.light import LightPortraitConfig
from models.deep_video_portraits.objective import PortraitWeights
from models.deep_video_portraits.rendering_to_video import RenderingToVideoConfig
from pipeline.errors import UnknownChoice
from stages.conditioning.face_images import CHANNELS
from stages.training.phases import SequencePhase
from stages.training.portrait_phases import PortraitPhase, PortraitPreset
from stages.training.presets import VID2VID

DEEP_VIDEO_PORTRAITS: dict[str, PortraitPreset] = {
    # Minutes on a processor: no discriminator, one small network over a learnt texture, the background given; eyes and
    # mouth count twice.
    "draft": PortraitPreset(
        name="draft",
        pixels=192 * 192,
        stride=16,
        phases=(
            PortraitPhase(
                network=LightPortraitConfig(),
                batch=2,
                learning_rate=1e-3,
                betas=(0.9, 0.99),
                optimiser="muon",
                weights=PortraitWeights(gan=0.0, l1=1.0, region_l1=0.2, structure=0.5, mask=0.05, foreground=0.5),
                shift=0.03,
                ema=0.998,
            ),
        ),
    ),
    # The published network and losses at the published size, with judges of mouth and eyes: hours on a GPU.
    "standard": PortraitPreset(
        name="standard",
        pixels=256 * 256,
        stride=256,
        phases=(
            PortraitPhase(
                network=RenderingToVideoConfig(condition_channels=CHANNELS),
                weights=PortraitWeights(l1=100.0, mouth_gan=1.0, eyes_gan=1.0),
                judges=PortraitJudgesConfig(condition_channels=CHANNELS, mouth=True, eyes=True),
                shift=0.02,
            ),
        ),
    ),
    # One module more on either side, at twice the size; two judges of the picture, and VGG-19 where it is at hand.
    "hd": PortraitPreset(
        name="hd",
        pixels=512 * 512,
        stride=512,
        phases=(
            PortraitPhase(
                network=RenderingToVideoConfig(condition_channels=CHANNELS, levels=9),
                batch=8,
                weights=PortraitWeights(
                    feature_matching=10.0,
                    perceptual=10.0,
                    l1=100.0,
                    mouth_gan=1.0,
                    mouth_feature_matching=10.0,
                    eyes_gan=1.0,
                    eyes_feature_matching=10.0,
                ),
                judges=PortraitJudgesConfig(condition_channels=CHANNELS, scales=2, mouth=True, eyes=True),
                shift=0.02,
            ),
        ),
    ),
}


def _for_faces(phase: SequencePhase) -> SequencePhase:
    """A dance's phase for heads: pictures of the face instead of a stick figure, and no hands to judge."""
    return replace(
        phase,
        network=replace(phase.network, coarse=replace(phase.network.coarse, condition_channels=CHANNELS)),
        judges=replace(phase.judges, condition_channels=CHANNELS, hand=False),
        weights=replace(phase.weights, hand_gan=0.0, hand_feature_matching=0.0),
        drop=0.0,
    )


def _vid2vid(name: str, pixels: int) -> PortraitPreset:
    """The same recipe as for dances, so that the two can be compared."""
    dance = VID2VID[name]
    phases = tuple(_for_faces(phase) for phase in dance.phases if isinstance(phase, SequencePhase))
    return PortraitPreset(name=name, pixels=pixels, stride=dance.stride, phases=phases)


def _as_tried(draft: PortraitPreset) -> PortraitPreset:
    """Heads were tried with a rate that falls from the start, and with gradients through the frame before.

    A falling line brought Deep Video Portraits nothing.
    """
    phases = (phase for phase in draft.phases if isinstance(phase, SequencePhase))
    tried = (replace(phase, learning_rate=1e-3, schedule="cosine", backprop=(2,)) for phase in phases)
    return replace(draft, phases=tuple(tried))


PORTRAIT_VID2VID = {
    "draft": _as_tried(_vid2vid("draft", 192**2)),
    "standard": _vid2vid("standard", 256**2),
    "hd": _vid2vid("hd", 512**2),
}

# The word on the command line, and its presets. The first is the default.
PORTRAIT_METHODS = {"deep-video-portraits": DEEP_VIDEO_PORTRAITS, "vid2vid": PORTRAIT_VID2VID}


def portrait_preset(name: str, method: str = "deep-video-portraits") -> PortraitPreset:
    """Look a preset up.

    Raises: UnknownChoice.
    """
    if method not in PORTRAIT_METHODS:
        raise UnknownChoice.among("method", method, PORTRAIT_METHODS)
    if name not in PORTRAIT_METHODS[method]:
        raise UnknownChoice.among("preset", name, PORTRAIT_METHODS[method])
    return PORTRAIT_METHODS[method][name]
