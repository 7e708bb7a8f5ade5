"""A model as far as a watcher looks into it, and an inbox that is watched with it."""

from pathlib import Path

import pytest
from dropped_films import Place

from stages.translate_model import Look, TranslateModel, write_translator


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator without weights."""
    folder = tmp_path_factory.mktemp("models") / "dusk"
    folder.mkdir()
    look = Look(name="street", sha256=("0" * 64,), pictures=1, width=64, height=64)
    facts = TranslateModel(
        preset="draft", method="cyclegan", network="cyclegan", stride=4, directions=("a-to-b",), a=look, b=look
    )
    write_translator(folder, facts, {})
    return folder


@pytest.fixture
def place(tmp_path: Path, model: Path) -> Place:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return Place(inbox, tmp_path / "outbox", model)
