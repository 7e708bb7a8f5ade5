"""draft, standard, hd for each method: what is trained, at what size and how; each number in sight."""

from models.everybody_dance_now.draft import DraftConfig
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig
from models.everybody_dance_now.objective import FACE_STAGE, LOCAL_STAGE, ObjectiveWeights
from models.matting import MattingWeights
from models.patch_discriminator import DiscriminatorConfig
from models.vid2vid.discriminators import JudgesConfig
from models.vid2vid.generator import LIGHT, CompositeConfig
from models.vid2vid.objective import Vid2VidWeights
from models.vid2vid.pyramid import PyramidConfig
from pipeline.errors import UnknownChoice
from stages.training.phases import DancePreset, PairPhase, SequencePhase

VID2VID: dict[str, DancePreset] = {
    # Minutes on a processor: the light generator; small judges, which come in when takes are long enough for motion.
    "draft": DancePreset(
        name="draft",
        pixels=144 * 256,
        stride=16,
        phases=(
            SequencePhase(
                network=PyramidConfig(coarse=LIGHT),
                part=1.0,
                batch=2,
                frames=(*(2,) * 11, 4),  # longer ones teach fewer moments in the same time
                chunk=2,
                learning_rate=1.2e-3,  # 2e-3 paints a dancer 0.3 dB better, and places her knees and ankles worse
                betas=(0.9, 0.99),
                schedule="linear",  # a cosine, which falls from the start, learns 0.3 dB less in the same time
                optimiser="muon",
                weights=Vid2VidWeights(
                    gan=0.01,
                    feature_matching=0.1,
                    perceptual=0.0,
                    l1=1.0,
                    warp=2.0,
                    flow=0.004,
                    flow_warp=0.0,
                    mask=0.001,
                    mask_confident=0.0,
                    temporal_gan=0.01,
                    temporal_feature_matching=0.1,
                ),
                matting=MattingWeights(structure=0.2),  # of two, as `l1` counts raw and finished frames
                judges=JudgesConfig(base_channels=16, fold=2, layers=2, scales=1, temporal_scales=1),
                judged_from=11 / 12,
                judged_every=2,
                drop=0.0,
                shift=0.04,
                ema=0.998,
            ),
        ),
    ),
    # The published coarse generator at 256 rows and more: hours on a GPU.
    "standard": DancePreset(
        name="standard",
        pixels=512 * 256,
        stride=16,
        phases=(
            SequencePhase(
                network=PyramidConfig(coarse=CompositeConfig(base_channels=64)),
                part=1.0,
                frames=(4, 8, 16),
                most_stride=4,
                backprop=(1, 2),
                weights=Vid2VidWeights(mask=10.0, mask_confident=0.0, hand_gan=1.0, hand_feature_matching=10.0),
                judges=JudgesConfig(hand=True),
            ),
        ),
    ),
    # Coarse to fine: the coarse generator at half size, then a finer one over it, with a judge of faces.
    "hd": DancePreset(
        name="hd",
        pixels=1024 * 512,
        stride=32,
        phases=(
            SequencePhase(
                network=PyramidConfig(coarse=CompositeConfig(base_channels=128)),
                part=0.5,
                reduce=2,
                most_stride=4,
                frames=(4, 8, 16),
                weights=Vid2VidWeights(mask=10.0, mask_confident=0.0),
                checkpointing=True,
            ),
            SequencePhase(
                network=PyramidConfig(coarse=CompositeConfig(base_channels=128), scales=2),
                part=0.5,
                learning_rate=1e-4,
                most_stride=4,
                frames=(4, 8),
                coarse_fixed=0.4,
                weights=Vid2VidWeights(
                    mask=10.0,
                    mask_confident=0.0,
                    face_gan=2.0,
                    face_feature_matching=20.0,
                    hand_gan=2.0,
                    hand_feature_matching=20.0,
                ).at_scales(2),
                judges=JudgesConfig(scales=3, face=True, hand=True),
                checkpointing=True,
            ),
        ),
    ),
}

EVERYBODY_DANCE_NOW: dict[str, DancePreset] = {
    # Minutes on a processor: no discriminator, one small network, the background given.
    "draft": DancePreset(
        name="draft",
        pixels=144 * 256,
        stride=16,
        phases=(
            PairPhase(
                network=DraftConfig(),
                part=1.0,
                batch=2,
                learning_rate=1e-3,
                betas=(0.9, 0.99),
                schedule="linear",
                optimiser="muon",
                weights=ObjectiveWeights(gan=0.0, feature_matching=0.0, perceptual=0.0, l1=1.0),
                matting=MattingWeights(),
                shift=0.04,
                ema=0.998,
            ),
        ),
    ),
    # The paper's global stage and its face residual: hours on a GPU.
    "standard": DancePreset(
        name="standard",
        pixels=512 * 256,
        stride=16,
        phases=(PairPhase(network=GeneratorConfig(), part=0.85),),
        face_part=0.15,
        face_size=64,
    ),
    # The paper's whole recipe: global at half size, the local enhancer on it, the face residual.
    "hd": DancePreset(
        name="hd",
        pixels=1024 * 512,
        stride=32,
        phases=(
            PairPhase(network=GeneratorConfig(), part=0.4, reduce=2),
            PairPhase(
                network=EnhancerConfig(),
                part=0.45,
                weights=LOCAL_STAGE,
                discriminator=DiscriminatorConfig(in_channels=12, scales=3),
            ),
        ),
        face_part=0.15,
        face_size=128,
    ),
}

# The word on the command line, and its presets. The first is the default.
METHODS = {"vid2vid": VID2VID, "everybody-dance-now": EVERYBODY_DANCE_NOW}
FACE_WEIGHTS = FACE_STAGE


def preset_named(name: str, method: str = "vid2vid") -> DancePreset:
    """Look a preset up.

    Raises: UnknownChoice.
    """
    if method not in METHODS:
        raise UnknownChoice.among("method", method, METHODS)
    if name not in METHODS[method]:
        raise UnknownChoice.among("preset", name, METHODS[method])
    return METHODS[method][name]
