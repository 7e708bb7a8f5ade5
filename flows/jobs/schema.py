"""The JSON schema of a jobs file, for editors: made from the jobs' own models, published as jobs.schema.json beside it.

python -m flows.jobs.schema > flows/jobs/jobs.schema.json
"""

import json
import sys
from typing import Any

from flows.jobs.entries import OF_ONE_JOB, PARTS
from flows.jobs.specs import JOBS, BaseJob

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SEVERAL = "A path, a glob such as `clips/*.mp4`, or a list of these; every combination becomes a job."
TOGETHER = "A path, a glob, or a list of these, all of them for one job."


def jobs_schema() -> dict[str, Any]:
    """What a jobs file may say. Fields that a job needs are not marked as such, as the defaults may say them."""
    variants: dict[str, list[Any]] = {}
    for kind in JOBS.values():
        for name, field in _fields(kind).items():
            known = variants.setdefault(name, [])
            known += [field] if field not in known else []
    shared = {name: known[0] if len(known) == 1 else {"anyOf": known} for name, known in variants.items()}
    of_kind = {name: _object(_fields(kind), f"For jobs of kind {name}.") for name, kind in JOBS.items()}
    return {
        "$schema": DRAFT,
        "title": "Jobs for `understudy batch`",
        **_object(
            {
                "defaults": _object({**shared, **of_kind}, "For all jobs that know the field, or for those of a kind."),
                "jobs": {"type": "array", "minItems": 1, "items": {"oneOf": [_job(*item) for item in JOBS.items()]}},
            },
            "Jobs, each of one kind.",
        ),
        "required": [PARTS[-1]],
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(jobs_schema(), indent=1, ensure_ascii=False) + "\n"


def _job(name: str, kind: type[BaseJob]) -> dict[str, Any]:
    own = {"kind": {"const": name}, "name": _properties(kind)["name"]}
    said = (kind.__doc__ or "").split("\n")[0]
    return {"title": name, **_object({**own, **_fields(kind)}, said), "required": ["kind"]}


def _fields(kind: type[BaseJob]) -> dict[str, Any]:
    """The fields that defaults may say as well."""
    return {
        name: _several(field, name in kind.LISTS) if name in kind.READS else field
        for name, field in _properties(kind).items()
        if name not in OF_ONE_JOB
    }


def _properties(kind: type[BaseJob]) -> dict[str, Any]:
    """pydantic's own words on the fields, less titles and the format of paths, which no editor knows."""
    properties: dict[str, Any] = kind.model_json_schema()["properties"]
    return {name: _plain(field) for name, field in properties.items()}


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _plain(value) for key, value in part.items() if key != "title" and (key, value) != ("format", "path")
        }
    return [_plain(value) for value in part] if isinstance(part, list) else part


def _several(field: dict[str, Any], together: bool) -> dict[str, Any]:
    """A field that names files: globs and lists as well."""
    paths = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    said = f"{field['description']} {TOGETHER if together else SEVERAL}"
    return {"anyOf": [{"type": "string"}, paths], "description": said}


def _object(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": properties, "additionalProperties": False}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
