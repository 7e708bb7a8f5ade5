"""The published schema of jobs files is the one that the jobs' models make, and takes what the reader takes."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from flows.jobs import schema
from flows.jobs.schema import jobs_schema, schema_text
from flows.jobs.specs import JOBS

PUBLISHED = Path(schema.__file__).with_name("jobs.schema.json")
GUIDE = Path(__file__).parents[3] / "docs/jobs.md"


def examples() -> list[str]:
    """The jobs files of the guide."""
    blocks = GUIDE.read_text("utf-8").split("```yaml\n")[1:]
    return [block.split("```")[0] for block in blocks if "jobs:" in block]


def test_the_published_schema_is_the_generated_one() -> None:
    assert PUBLISHED.read_text("utf-8") == schema_text(), "python -m flows.jobs.schema > flows/jobs/jobs.schema.json"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_the_guide_has_examples() -> None:
    assert len(examples()) >= 2


@pytest.mark.parametrize("text", examples())
def test_an_editor_takes_the_examples_of_the_guide(text: str) -> None:
    assert list(jsonschema.Draft202012Validator(jobs_schema()).iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "jobs: []",
        "jobs: [{kind: dans}]",
        "jobs: [{kind: dance, ouput: a.mp4}]",
        "jobs: [{kind: dance, crf: high}]",
        "jobs: [{kind: evaluate, codec: libx264}]",
        "defaults: {minute: 4}\njobs: [{kind: dance}]",
        "defaults: {evaluate: {codec: libx264}}\njobs: [{kind: dance}]",
        "extra: 1\njobs: [{kind: dance}]",
    ],
)
def test_an_editor_marks_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), jobs_schema())


@pytest.mark.parametrize("kind", JOBS)
def test_every_field_is_described(kind: str) -> None:
    fields = jobs_schema()["properties"]["defaults"]["properties"][kind]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []
