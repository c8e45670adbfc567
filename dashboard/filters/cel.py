"""Expressions in CEL over records: compiled by Google's own library, refused with their place.

The library bounds what it can: regular expressions are RE2's, loops run 10,000 times at most,
nesting is 32 deep. A few lines can cost minutes all the same, so only `child` calls this.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from cel_expr_python import cel

from dashboard.filters.wire import LENGTH_MAX, Sample

VARIABLES: Final[Mapping[str, Any]] = {
    "record.key": cel.Type.DYN,
    "record.keyAsText": cel.Type.STRING,
    "record.value": cel.Type.DYN,
    "record.valueAsText": cel.Type.STRING,
    "record.headers": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "record.partition": cel.Type.INT,
    "record.offset": cel.Type.INT,
    "record.timestampMs": cel.Type.INT,
    "record.keySize": cel.Type.DYN,
    "record.valueSize": cel.Type.DYN,
    "record.headersSize": cel.Type.DYN,
}
NOTHING: Final = Sample(None, None, [], 0, 0, 0)
REASON_MAX: Final = 160

_ENVIRONMENT: Final = cel.NewEnv(variables=VARIABLES)
_PLACE: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.+)")
_CODE: Final = re.compile(r"^[A-Z_]+: ")
_NO_KEY: Final = re.compile(r"Key not found in map : (.*)")
_NO_FIELDS: Final = re.compile(r"Applying SELECT to non-message type|Invalid container type")
_NO_METHOD: Final = re.compile(r"No matching overloads found : \((\w+)\)\.(\w+)\(.*\)")
_UNKNOWN: Final = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD: Final = re.compile(r"No matching overloads found : _?([^_(]+)_?\((.*)\)")


class Unusable(Exception):
    """The expression cannot be used; says why, and where."""


class Untested(Exception):
    """The expression fails on a record; says why."""


Test = Callable[[Sample], bool]
"""Raises Untested."""


def compiled(expression: str) -> Test:
    """Raises Unusable."""
    if len(expression) > LENGTH_MAX:
        raise Unusable(f"it has more than {LENGTH_MAX} letters")
    try:
        made = _ENVIRONMENT.compile(expression)
    except RuntimeError as error:
        raise Unusable(_where(str(error))) from error
    kind = made.return_type()
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        raise Unusable(f"its result is of the type {kind.name().lower()}, not true or false")
    test = _test(made, expression)
    try:
        test(NOTHING)
    except Untested as error:
        if "regular expression" in str(error):  # it would fail on every record
            raise Unusable(str(error)) from error
    return test


def _test(made: Any, expression: str) -> Test:
    opens_key, opens_value = (
        re.search(rf"\.\s*{part}\b", expression) is not None for part in ("key", "value")
    )

    def test(sample: Sample) -> bool:
        key_text, value_text = _text(sample.key), _text(sample.value)
        data = {
            "record.key": _opened(sample.key, key_text) if opens_key else None,
            "record.keyAsText": key_text,
            "record.value": _opened(sample.value, value_text) if opens_value else None,
            "record.valueAsText": value_text,
            "record.headers": dict(sample.headers),
            "record.partition": sample.partition,
            "record.offset": sample.offset,
            "record.timestampMs": sample.timestamp_ms,
            "record.keySize": sample.key_size,
            "record.valueSize": sample.value_size,
            "record.headersSize": sample.headers_size,
        }
        try:
            found = made.eval(data=data)
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise Untested(_why(str(error), data)) from error
        told = found.value()
        if isinstance(told, bool):
            return told
        if found.type() == cel.Type.ERROR:
            raise Untested(_why(str(told), data))
        raise Untested(f"the result is of the type {found.type().name().lower()}, not a bool")

    return test


def _text(part: bytes | None) -> str:
    return part.decode("utf-8", "replace") if part else ""


def _opened(part: bytes | None, text: str) -> Any:
    """What JSON holds; anything else is its text, as pages show it."""
    if part is None:
        return None
    try:
        return msgspec.json.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text


def _where(told: str) -> str:
    """The first fault that the compiler tells, with its line and column, in one line."""
    found = _PLACE.search(told)
    if found is None:
        return _cut(_CODE.sub("", told))
    line, column, fault = int(found[1]), int(found[2]), found[3].strip()
    fault = fault.replace(" (in container '')", "").partition(" expecting ")[0]
    fault = fault.replace("mismatched input '<EOF>'", "something is missing at the end")
    if found := _UNKNOWN.search(fault):
        fault += _meant(found[1])
    if line < 1:
        return _cut(fault)
    at = f"column {column}" if line == 1 else f"line {line}, column {column}"
    return f"{at}: {_cut(fault)}"


def _meant(name: str) -> str:
    """What may have been meant by a name that is none."""
    first = f"record.{name.removeprefix('record.').partition('.')[0]}"
    if first in VARIABLES:
        return f"; it is {first}"
    return f"; there are {', '.join(VARIABLES)}" if name.startswith("record") else ""


def _why(told: str, data: Mapping[str, Any]) -> str:
    """Why a record could not be tested, as half a sentence."""
    told = _CODE.sub("", told)
    if _NO_FIELDS.match(told):
        return _without_fields(data)
    if found := _NO_METHOD.match(told):
        return _cut(f"{found[2]} does not go with {found[1]}; record.valueAsText is always text")
    if told.endswith("@in"):
        return "in needs a list, or an object, to its right"
    if found := _NO_KEY.match(told):
        return _cut(f"no such field {found[1]}")
    if found := _NO_OVERLOAD.match(told):
        return _cut(f"{found[1]} does not go with {found[2]}")
    return _cut(told)


def _without_fields(data: Mapping[str, Any]) -> str:
    """Which part of the record it is that fields were asked of in vain."""
    for name in ("record.value", "record.key"):
        part = data[name]
        if isinstance(part, dict):
            break  # it may be a field of it that has none
        if isinstance(part, str):
            return f"{name} is text and has no fields; {name}AsText is all of it"
    return "a field is asked of what has none: text, a number, a list or null"


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= REASON_MAX else one_line[: REASON_MAX - 1] + "…"
