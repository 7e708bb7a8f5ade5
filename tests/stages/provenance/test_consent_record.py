"""What is recorded of consent: a statement by its hash, once, beside the model."""

import hashlib
import json
from pathlib import Path

import pytest

from pipeline.errors import ConsentError, ModelError
from stages.provenance.consent import (
    OWN_STATEMENT,
    Consent,
    keep_consent,
    kept_consent,
    nobody,
    not_recorded,
    stated_by_oneself,
    stated_in,
)
from stages.provenance.origin import Origin


def test_a_statement_is_known_by_its_hash_and_not_copied(tmp_path: Path) -> None:
    (tmp_path / "ann.txt").write_text("I agree. Ann")
    consent = stated_in(tmp_path / "ann.txt")
    assert (consent.kind, consent.name) == ("file", "ann.txt")
    assert consent.sha256 == hashlib.sha256(b"I agree. Ann").hexdigest()


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "cannot be read (No such file or directory)"),
        (lambda path: path.touch(), "no statement in it"),
        (lambda path: path.mkdir(), "no statement in it"),
    ],
    ids=["none", "empty", "folder"],
)
def test_what_states_nothing_is_refused(make: object, found: str, tmp_path: Path) -> None:
    path = tmp_path / "statement"
    make(path)  # type: ignore[operator]
    with pytest.raises(ConsentError) as caught:
        stated_in(path)
    assert str(caught.value) == (
        f"{path}: {found}; expected a file that states the person's consent. "
        "Give the file in which the person filmed agrees, or --consent self if that is you."
    )


def test_ones_own_consent_has_a_sentence_whose_hash_is_recorded() -> None:
    assert stated_by_oneself().sha256 == hashlib.sha256(OWN_STATEMENT.encode()).hexdigest()
    assert not_recorded().sha256 is None and not_recorded().kind == "none"
    assert nobody().in_words().startswith("rendered sample, no person (recorded ")


def test_the_same_statement_keeps_the_day_of_its_first_record(tmp_path: Path) -> None:
    keep_consent(tmp_path, Consent(kind="file", date="2020-01-01", sha256="a" * 64, name="old.pdf"))
    again = keep_consent(tmp_path, Consent(kind="file", date="2026-01-01", sha256="a" * 64, name="new.pdf"))
    assert (again.date, again.name) == ("2020-01-01", "new.pdf")
    assert kept_consent(tmp_path) == again


def test_another_statement_for_the_same_training_replaces_the_first(tmp_path: Path) -> None:
    keep_consent(tmp_path, Consent(kind="none", date="2020-01-01"))
    keep_consent(tmp_path, Consent(kind="file", date="2026-01-01", sha256="b" * 64))
    kept = kept_consent(tmp_path)
    assert kept is not None and (kept.kind, kept.date) == ("file", "2026-01-01")
    assert json.loads((tmp_path / "consent.json").read_text())["sha256"] == "b" * 64


def test_no_record_is_none_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert kept_consent(tmp_path) is None
    (tmp_path / "consent.json").write_text('{"kind": "perhaps"}')
    with pytest.raises(ModelError, match="no consent record"):
        kept_consent(tmp_path)


def test_a_film_of_a_model_without_a_record_says_so_and_a_translation_needs_none() -> None:
    assert Origin(work="portrait", ingredients=()).as_json()["consent"] == "no record"
    assert Origin(work="translation", ingredients=()).as_json()["consent"] is None
