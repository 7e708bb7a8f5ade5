"""Damaged films and damaged files of our own end in a value or in one clear error; benchmarks/hostile.py does more."""

import numpy as np
import pytest

from benchmarks.hostile import ALLOWED, Case, Outcome, cases, run
from benchmarks.mutations import DAMAGES, Damage

SECONDS = 20.0  # for one file, on a busy machine


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Two films of every kind and four files of every form, each read in a process that may die."""
    return list(run(cases(films=16, files=52, seed=1000), SECONDS))


def test_no_damaged_file_ends_in_a_crash_a_hang_a_traceback_or_half_an_output(outcomes: list[Outcome]) -> None:
    assert [outcome for outcome in outcomes if outcome.end not in ALLOWED] == []


def test_every_kind_of_file_was_damaged_and_most_damage_was_found(outcomes: list[Outcome]) -> None:
    assert len(outcomes) >= 68
    assert sum(outcome.end == "error" for outcome in outcomes) > len(outcomes) / 2


def test_an_error_says_where_what_was_found_what_was_expected_and_what_to_do(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.end == "error":
            assert "; expected " in outcome.words and "\n" not in outcome.words, outcome


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_same_seed_makes_the_same_damage(damage: Damage) -> None:
    whole = bytes(range(256)) * 40
    once, again = (damage(whole, np.random.default_rng(7)) for _ in range(2))
    assert once == again != whole


def test_cases_are_spread_evenly_and_no_fewer_than_asked_for() -> None:
    chosen = cases(films=9, files=0, seed=5)
    assert len(chosen) == 16 and chosen[:2] == [Case("H.264 in MP4", 5), Case("H.264 in MP4", 6)]
