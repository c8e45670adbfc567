"""Types as JSON schemas in which nothing refers elsewhere: who reads one path has all of it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dashboard.api.shapes.told import told


def schema_of_answer(*kinds: Any) -> dict[str, Any]:
    """Of an answer that is one of these."""
    schemas = [schema_of_body(told(kind)) for kind in kinds]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def schema_of_body(kind: Any) -> dict[str, Any]:
    """Of the type as it is: what may be left out may be left out."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="{name}")
    found: dict[str, Any] = _resolved(schema, components)
    return found


def _resolved(schema: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolved(one, components) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(components[schema["$ref"]], components)
    return {key: _resolved(one, components) for key, one in schema.items()}
