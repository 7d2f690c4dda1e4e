"""JSON Schema: of a Python type, as one object, in the strict dialect.

Knows: pydantic and JSON Schema.  Must not know: providers, requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .json_schema import check_json as check_json
    from .json_schema import check_names as check_names
    from .json_schema import resolve as resolve
    from .json_schema import root_object as root_object
    from .strict import to_strict as to_strict
else:
    __getattr__, __dir__ = moved(
        __name__, {"schema.json_schema": "check_json check_names resolve root_object", "schema.strict": "to_strict"}
    )
