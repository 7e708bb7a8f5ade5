"""pydantic's complaint about a job, in our four parts, with the line of the jobs file."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flows.jobs.entries import Entry
from flows.jobs.specs import LONGEST_NAME
from pipeline.errors import JobError

FORMS = {
    "size": "WIDTHxHEIGHT, such as 144x256",
    "name": f"at most {LONGEST_NAME} letters, digits, spaces and . + @ -",
}


def explained(entry: Entry, error: ValidationError) -> JobError:
    """The first field that does not fit, with all that would."""
    faults = error.errors(include_url=False, include_context=False)
    first, kind = faults[0], entry.said["kind"]
    if not first["loc"]:  # fields that do not go together
        expected = first["msg"].removeprefix("Value error, ")
        return entry.fault("", f"the fields of this {kind} job do not go together", expected)
    field = str(first["loc"][0])
    if first["type"] == "missing":
        return entry.fault(field, f"a {kind} job without {field}", f"{field}: …", "Say it here, or in the defaults.")
    if field in FORMS:
        expected = FORMS[field]
    else:
        expected = " or ".join(dict.fromkeys(_wanted(one) for one in faults if one["loc"][0] == field))
    return entry.fault(field, f"{field} is {first['input']!r}", expected)


def _wanted(fault: ErrorDetails) -> str:
    if fault["type"] == "path_type":
        return "a path"
    said = fault["msg"].removeprefix("Input should be ")
    return said.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
