"""draft, standard, hd of translators, without pairs and with them; each number in sight."""

from dataclasses import replace

from models.cyclegan.generator import LIGHT, LIGHT_RECOLOURED
from models.cyclegan.objective import LIGHT_JUDGE, CycleWeights
from models.everybody_dance_now.generator import GeneratorConfig
from models.pix2pix.objective import PIX2PIX, PIX2PIXHD, PIX2PIXHD_JUDGE
from pipeline.errors import UnknownChoice
from stages.training.picture_store import StoreConfig
from stages.training.translate_phases import Drawing, PairedPreset, TranslatePreset, UnpairedPreset

UNPAIRED: dict[str, UnpairedPreset] = {
    # Minutes on a processor: the light generator, small judges; steadiness when there is something to keep steady.
    "draft": UnpairedPreset(
        name="draft",
        store=StoreConfig(side=144),
        drawing=Drawing(height=96, width=160, shrink=True),
        generator=LIGHT_RECOLOURED,
        judge=LIGHT_JUDGE,
        # No identity: the light generator begins with the picture. Colours change freely, shapes with restraint.
        weights=CycleWeights(identity=0.0, flow=10.0, edges=100.0, change=10.0, colours=2.0),
        learning_rate=1e-3,
        judges_rate=1e-3,
        schedule="cosine",
        steady_from=0.7,
        ema=0.995,
    ),
    # The paper's recipe at 256x256, and steadiness where there are clips: hours on a GPU.
    "standard": UnpairedPreset(name="standard", weights=CycleWeights(flow=10.0)),
    # The same at twice the size: a day on a GPU.
    "hd": UnpairedPreset(
        name="hd",
        store=StoreConfig(side=572),
        drawing=Drawing(height=512, width=512),
        weights=CycleWeights(flow=10.0),
    ),
}

PAIRED: dict[str, PairedPreset] = {
    # Minutes on a processor: CycleGAN's light generator, near the truth first of all.
    "draft": PairedPreset(
        name="draft",
        store=StoreConfig(side=144),
        drawing=Drawing(height=96, width=160, shrink=True),
        generator=LIGHT,
        judge=replace(LIGHT_JUDGE, in_channels=6),
        judge_norm="instance",
        weights=replace(PIX2PIX, flow=20.0),
        learning_rate=1e-3,
        judges_rate=1e-3,
        schedule="cosine",
        ema=0.995,
    ),
    # pix2pix as published, at 256x256, and steadiness where there are clips: hours on a GPU.
    "standard": PairedPreset(name="standard", weights=replace(PIX2PIX, flow=20.0)),
    # pix2pixHD's global generator and its judges at two scales: days on a GPU.
    "hd": PairedPreset(
        name="hd",
        method="pix2pixhd",
        store=StoreConfig(side=512),
        drawing=Drawing(height=512, width=1024),
        generator=GeneratorConfig(in_channels=3),
        judge=PIX2PIXHD_JUDGE,
        judge_norm="instance",
        judge_first=False,
        adversary="least-squares",
        weights=replace(PIX2PIXHD, flow=10.0),
    ),
}


def translate_preset(name: str, *, paired: bool) -> TranslatePreset:
    """Look a preset up.

    Raises: UnknownChoice.
    """
    presets: dict[str, TranslatePreset] = dict(PAIRED) if paired else dict(UNPAIRED)
    if name not in presets:
        raise UnknownChoice.among("preset", name, presets)
    return presets[name]
