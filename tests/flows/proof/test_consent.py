"""Nobody's likeness is trained without a word on consent, and what was said goes into model, film and sidecar."""

import hashlib
import sys
from pathlib import Path

import pytest

from flows import cli
from flows.proof.consent import chosen_consent
from pipeline.errors import ConsentError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SAMPLES = Path(__file__).parents[3] / "sample_videos"
RED, BLUE = str(SAMPLES / "red_dance.mp4"), str(SAMPLES / "blue_dance.mp4")
HEAD = str(SAMPLES / "blue_portrait.mp4")
WAYS = "--consent FILE (the statement of the person filmed), --consent self (that is you)"


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """Run the command line in this process: exit status, standard error."""
    monkeypatch.setattr(sys, "argv", ["understudy", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [("dance", RED, BLUE), ("portrait", RED, HEAD), ("train", "dance", BLUE), ("train", "portrait", HEAD)],
    ids=["dance", "portrait", "train dance", "train portrait"],
)
def test_without_a_word_on_consent_nothing_starts_and_the_message_names_the_ways(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("-o", str(tmp_path / "out.mp4"), "--workspace", str(tmp_path / "runs"))
    status, said = run(capsys, monkeypatch, *words, *place)
    assert status == 1
    assert said == (
        f"understudy: {words[-1]}: nothing is said of the consent of the person filmed; "
        f"expected {WAYS}, or --without-consent-record. A likeness is trained with that person's consent. Say which it "
        "is; the hash of the statement, or that there is none, is written into the model and its films.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_statement_that_is_not_there_is_said_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = str(tmp_path / "ann.pdf")
    status, said = run(capsys, monkeypatch, "train", "dance", BLUE, "-o", str(tmp_path / "ann"), "--consent", statement)
    assert (status, said.startswith(f"understudy: {statement}: cannot be read")) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_trained_model_is_not_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("portrait", RED, "-o", str(tmp_path / "x.mp4"), "--model", "ann", "--consent", "self")
    status, said = run(capsys, monkeypatch, *words)
    assert status == 2
    assert "own record of consent" in " ".join(said.split())


def test_the_ways_to_say_it(tmp_path: Path) -> None:
    (tmp_path / "ann.pdf").write_bytes(b"I agree")
    said = chosen_consent(tmp_path / "ann.pdf", without_record=False, target="blue.mp4")
    assert (said.kind, said.sha256) == ("file", hashlib.sha256(b"I agree").hexdigest())
    assert chosen_consent("self", without_record=False, target="blue.mp4").kind == "self"
    assert chosen_consent(None, without_record=True, target="blue.mp4").kind == "none"
    with pytest.raises(ConsentError, match="both a consent and the wish to train without a record"):
        chosen_consent("self", without_record=True, target="blue.mp4")
