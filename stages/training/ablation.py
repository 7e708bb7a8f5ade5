"""Switch parts of a training off, to see what each is worth: one word, one part."""

from dataclasses import fields, replace

from models.everybody_dance_now.objective import ObjectiveWeights
from models.vid2vid.objective import Vid2VidWeights
from pipeline.errors import UnknownChoice
from stages.training.phases import DancePreset, PairPhase, Phase, SequencePhase

# Words for several loss terms of vid2vid at once.
GROUPS: dict[str, tuple[str, ...]] = {
    "image-discriminator": ("gan", "feature_matching"),
    "video-discriminator": ("temporal_gan", "temporal_feature_matching"),
    "face-discriminator": ("face_gan", "face_feature_matching"),
    "hand-discriminator": ("hand_gan", "hand_feature_matching"),
    "mask-loss": ("mask", "mask_confident"),
}
WARPING = "warping"  # the generator predicts neither flow nor mask: every frame is painted whole


def without(preset: DancePreset, words: tuple[str, ...]) -> DancePreset:
    """The preset with parts switched off: loss terms by name, a group of them, or warping.

    Raises: UnknownChoice listing all words that this preset's method knows.
    """
    if not words:
        return preset
    phases = tuple(_phase_without(phase, words) for phase in preset.phases)
    return replace(preset, name=f"{preset.name} without {', '.join(words)}", phases=phases)


def _phase_without(phase: Phase, words: tuple[str, ...]) -> Phase:
    if isinstance(phase, PairPhase):
        known = [term.name for term in fields(ObjectiveWeights)]
        off = {_among(word, known): 0.0 for word in words}
        return replace(phase, weights=replace(phase.weights, **off))
    known = [term.name for term in fields(Vid2VidWeights)]
    for word in words:
        phase = _sequence_without(phase, _among(word, [*known, *GROUPS, WARPING]))
    return phase


def _sequence_without(phase: SequencePhase, word: str) -> SequencePhase:
    if word == WARPING:
        coarse = replace(phase.network.coarse, flow=False)
        return replace(phase, network=replace(phase.network, coarse=coarse), weights=phase.weights.without_flow())
    return replace(phase, weights=phase.weights.without(GROUPS.get(word, (word,))))


def _among(word: str, known: list[str]) -> str:
    if word not in known:
        raise UnknownChoice.among("part to train without", word, known)
    return word
