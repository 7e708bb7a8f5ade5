"""load_edits, parse_edits: a portrait's sliders from a YAML file with key frames, or from words of the command line.

yaw: 10                                   # degrees, always
smile: 1.3                                # a gain; with a sign, +0.3, an offset
gaze: [0.2, 0]                            # to the right, up; half eye widths
pitch:
  - {time: 0, value: 0}                   # seconds since the clip's first frame
  - {time: 2.5, value: 15, smooth: true}  # eased there from the key before; else at an even speed
jaw: {gain: 1.2, offset: [{time: 1, value: 0}, {time: 2, value: 0.5}]}
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from pipeline.errors import EditError
from pipeline.yaml_lines import MarkedYaml, read_marked_yaml
from stages.retargeting.edit_curve import Curve, Key
from stages.retargeting.face_edits import FaceEdits, Slider

FURTHEST_TURN, FURTHEST_GAZE, FURTHEST_SLIDE = 90.0, 2.0, 10.0  # degrees, half eye widths, gain or offset: a number
# beyond them is a slip of the finger

SLIDING = ("smile", "jaw", "brows", "lids")
_SIGNS = ("+", "-")
_FORMS = {
    **dict.fromkeys(("yaw", "pitch", "roll"), "Write degrees, or keys: [{time: 0, value: 0}, {time: 2.5, value: 15}]."),
    **dict.fromkeys(SLIDING, "Write a gain such as 1.3, an offset such as +0.3, or {gain: …, offset: …} with keys."),
    "gaze": "Write two numbers, to the right and up, such as 0.2,0, or keys with `value: [0.2, 0]`.",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _KeyFrame(_Strict):
    time: float = Field(ge=0)
    smooth: bool = False


class _Turned(_KeyFrame):
    value: float = Field(ge=-FURTHEST_TURN, le=FURTHEST_TURN)


class _Gained(_KeyFrame):
    value: float = Field(ge=0, le=FURTHEST_SLIDE)


class _Moved(_KeyFrame):
    value: float = Field(ge=-FURTHEST_SLIDE, le=FURTHEST_SLIDE)


class _Looking(_KeyFrame):
    value: list[Annotated[float, Field(ge=-FURTHEST_GAZE, le=FURTHEST_GAZE)]] = Field(min_length=2, max_length=2)


def _as_keys(written: Any) -> Any:
    """A value that stands alone is one key."""
    keyed = isinstance(written, list) and any(isinstance(key, dict) for key in written)
    return written if keyed else [{"time": 0.0, "value": written}]


def _rising(keys: list[Any]) -> list[Any]:
    for before, after in pairwise(keys):
        if after.time <= before.time:
            raise PydanticCustomError(
                "order", "keys at rising times", {"found": f"a key at {after.time:g} s after one at {before.time:g} s"}
            )
    return keys


def _as_slider(written: Any) -> Any:
    """A number that stands alone is a gain, one with a sign an offset."""
    if isinstance(written, dict):
        return written
    if isinstance(written, str) and written.startswith(_SIGNS):
        return {"offset": _number(written)}
    return {"gain": written}


_ALONE, _IN_ORDER = BeforeValidator(_as_keys), AfterValidator(_rising)
_Turn = Annotated[list[_Turned], _ALONE, _IN_ORDER]


class _Sliding(_Strict):
    gain: Annotated[list[_Gained], _ALONE, _IN_ORDER] = [_Gained(time=0, value=1)]
    offset: Annotated[list[_Moved], _ALONE, _IN_ORDER] = [_Moved(time=0, value=0)]


_Slide = Annotated[_Sliding, BeforeValidator(_as_slider)]


class _Edits(_Strict):
    """What a file of edits may say."""

    yaw: _Turn = [_Turned(time=0, value=0)]
    pitch: _Turn = [_Turned(time=0, value=0)]
    roll: _Turn = [_Turned(time=0, value=0)]
    smile: _Slide = _Sliding()
    jaw: _Slide = _Sliding()
    brows: _Slide = _Sliding()
    lids: _Slide = _Sliding()
    gaze: Annotated[list[_Looking], _ALONE, _IN_ORDER] = [_Looking(time=0, value=[0, 0])]


def load_edits(path: Path) -> FaceEdits:
    """Read a YAML file of sliders: the form stands at the top of this file.

    Raises:
        EditError: no such file, no YAML, an unknown key, a value that does not fit: with the line and the key.
    """
    marked = read_marked_yaml(path, EditError, "a YAML file of sliders")
    data = marked.data
    if not isinstance(data, dict) or not data:
        raise EditError(
            path, "no slider in it", f"one or more of {', '.join(_Edits.model_fields)}", "See docs/portraits.md."
        )
    for name in SLIDING:
        if (written := marked.written((name,))) is not None and written.startswith(_SIGNS):
            data[name] = written  # YAML itself reads +0.3 as 0.3
        _refuse_signed_gains(path, marked, name)
    return _edits(data, lambda place: f"{path}, line {marked.line(place)}")


def _refuse_signed_gains(path: Path, marked: MarkedYaml, name: str) -> None:
    """Raise EditError where a list of gains has a sign: YAML drops it, and an offset would become a gain."""
    keys = marked.data.get(name)
    for index in range(len(keys) if isinstance(keys, list) else 0):
        place = (name, index, "value")
        if (written := marked.written(place)) is not None and written.startswith(_SIGNS):
            found = f"{_told(place)} is {written} in a list of gains"
            remedy = f"For offsets over time write {name}: {{offset: [{{time: 0, value: 0}}, …]}}."
            raise EditError(f"{path}, line {marked.line(place)}", found, "a gain without a sign", remedy)


def parse_edits(
    *,
    yaw: str | None = None,
    pitch: str | None = None,
    roll: str | None = None,
    smile: str | None = None,
    jaw: str | None = None,
    brows: str | None = None,
    lids: str | None = None,
    gaze: str | None = None,
) -> FaceEdits:
    """Read the words of the command line: degrees such as +10; 1.3 for a gain, +0.3 for an offset; gaze as 0.2,0.

    Raises:
        EditError: a word that is no such number, or is out of bounds; it names the option.
    """
    turns = {"yaw": yaw, "pitch": pitch, "roll": roll}
    slides = {"smile": smile, "jaw": jaw, "brows": brows, "lids": lids}
    data: dict[str, Any] = {name: _number(word) for name, word in turns.items() if word is not None}
    for name, word in slides.items():
        if word is not None:
            data[name] = word if word.startswith(_SIGNS) else _number(word)
    if gaze is not None:
        data["gaze"] = [_number(word) for word in gaze.split(",")]
    return _edits(data, lambda place: f"--{place[0]}")


def _number(word: str) -> float | str:
    """The number that a word stands for, or the word: what checks it next says what it should have been."""
    try:
        return float(word)
    except ValueError:
        return word


def _edits(data: dict[str, Any], where: Callable[[tuple[str | int, ...]], str]) -> FaceEdits:
    """Check what was written and make edits of it; `where` tells the place of a fault."""
    try:
        said = _Edits.model_validate(data)
    except ValidationError as error:
        raise _explained(error.errors(include_url=False)[0], data, where) from error
    return FaceEdits(
        yaw=_curve(said.yaw),
        pitch=_curve(said.pitch),
        roll=_curve(said.roll),
        smile=_slider(said.smile),
        jaw=_slider(said.jaw),
        brows=_slider(said.brows),
        lids=_slider(said.lids),
        gaze_right=Curve(tuple(Key(key.time, key.value[0], key.smooth) for key in said.gaze)),
        gaze_up=Curve(tuple(Key(key.time, key.value[1], key.smooth) for key in said.gaze)),
    )


def _curve(keys: Sequence[_Turned | _Gained | _Moved]) -> Curve:
    return Curve(tuple(Key(key.time, key.value, key.smooth) for key in keys))


def _slider(said: _Sliding) -> Slider:
    return Slider(gain=_curve(said.gain), offset=_curve(said.offset))


def _explained(fault: ErrorDetails, data: dict[str, Any], where: Callable[[tuple[str | int, ...]], str]) -> EditError:
    """pydantic's first complaint in our four parts."""
    place = _written_place(fault["loc"], data)
    form = _FORMS.get(str(fault["loc"][0]), "See docs/portraits.md.")
    if fault["type"] == "extra_forbidden":
        known = ", ".join(_known_beside(fault["loc"]))
        return EditError(where(place), f"there is no {_told(place)!r}", f"one of {known}", "Check its spelling.")
    if fault["type"] == "missing":
        return EditError(where(place), f"{_told(place)} has no {fault['loc'][-1]!r}", "time and value", form)
    found = fault.get("ctx", {}).get("found", f"{_told(place)} is {fault['input']!r}")
    return EditError(where(place), str(found), _expected(fault), form)


def _expected(fault: ErrorDetails) -> str:
    """What pydantic wanted, in few words; only a gaze is a list that people write as one value."""
    if fault["type"] in ("list_type", "too_short", "too_long"):
        return "two numbers"
    if fault["type"] in ("model_type", "invalid_key"):
        return "a key such as {time: 0, value: 0}" if fault["type"] == "model_type" else "a word"
    said = fault["msg"].removeprefix("Input should be ")
    return said.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")


def _known_beside(place: tuple[str | int, ...]) -> list[str]:
    """What may stand where an unknown key was found."""
    if len(place) == 1:
        return list(_Edits.model_fields)
    return list(_Turned.model_fields if isinstance(place[-2], int) else _Sliding.model_fields)


def _written_place(place: tuple[str | int, ...], data: Any) -> tuple[str | int, ...]:
    """As much of a fault's place as stands in what was written: single values were made keys on the way."""
    for depth, step in enumerate(place):
        if not _holds(data, step, place[depth + 1 :]):
            return place[:depth]
        data = data[step]
    return place


def _holds(written: Any, step: str | int, beyond: tuple[str | int, ...]) -> bool:
    """Whether a step leads on in what was written; into a list only to a key, where a key's name comes next."""
    if isinstance(written, dict):
        return step in written
    if not isinstance(written, list) or not isinstance(step, int) or step >= len(written):
        return False
    return isinstance(written[step], dict) or not any(isinstance(name, str) for name in beyond)


def _told(place: tuple[str | int, ...]) -> str:
    """A place as people write it: yaw[1].time."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return steps.removeprefix(".")
