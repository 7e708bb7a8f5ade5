"""Parts of a training are switched off by one word each."""

from dataclasses import fields

import pytest

from models.vid2vid.objective import Vid2VidWeights
from pipeline.errors import UnknownChoice
from stages.training.ablation import GROUPS, without
from stages.training.phases import SequencePhase
from stages.training.presets import preset_named

DRAFT = preset_named("draft")


def phase_without(*words: str) -> SequencePhase:
    (phase,) = without(DRAFT, words).phases
    assert isinstance(phase, SequencePhase)
    return phase


@pytest.mark.parametrize("term", [term.name for term in fields(Vid2VidWeights)])
def test_every_loss_term_can_be_switched_off_by_its_name(term: str) -> None:
    assert getattr(phase_without(term).weights, term) == 0.0


def test_a_group_switches_off_its_terms_and_leaves_the_others() -> None:
    weights = phase_without("video-discriminator").weights
    assert weights.temporal_gan == weights.temporal_feature_matching == 0.0
    assert weights.gan == DRAFT.phases[0].weights.gan  # type: ignore[union-attr]
    assert weights.gan > 0


def test_without_warping_no_flow_is_predicted_and_none_of_its_losses_counts() -> None:
    phase = phase_without("warping")
    assert not phase.network.coarse.flow
    assert phase.weights.flow == phase.weights.flow_warp == phase.weights.mask == 0.0


def test_the_draft_has_its_judges_switched_on() -> None:
    weights = DRAFT.phases[0].weights
    assert isinstance(weights, Vid2VidWeights)
    assert all(
        getattr(weights, term) > 0 for group in ("image-discriminator", "video-discriminator") for term in GROUPS[group]
    )


def test_the_models_record_says_what_was_left_out() -> None:
    assert without(DRAFT, ("mask-loss", "warp")).name == "draft without mask-loss, warp"
    assert without(DRAFT, ()) is DRAFT


def test_an_unknown_word_lists_what_there_is() -> None:
    with pytest.raises(UnknownChoice, match=r"smoke.*video-discriminator"):
        without(DRAFT, ("smoke",))
    with pytest.raises(UnknownChoice, match=r"warping.*feature_matching"):
        without(preset_named("draft", "everybody-dance-now"), ("warping",))
