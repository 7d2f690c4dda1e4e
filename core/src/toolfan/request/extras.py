"""What a request carries beside toolfan's own: extra fields of the body, headers, a query; refused if it cannot work.

Knows: what HTTP and JSON can carry, the forms of a tool's name.  Must not know: providers, how a request is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..secrets.held import Hidden
from ..wire import json_faults

if TYPE_CHECKING:
    from ..tools.toolset import ToolSet

_FRAMING = ("content-length", "transfer-encoding")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _string_keys(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{name} is {type(value).__name__}", hint="It is a dict with text keys.")
    return value


def extra_body(value: Any, own: ToolSet[Any]) -> Mapping[str, Any]:
    """`extra_body`.  Raises UsageError for a stream, for what is no tool, and for a second tool of one name."""
    if value is None:
        return {}
    names = set(own.by_name)
    body = _string_keys("extra_body", value)
    if body.get("stream"):  # the answer would come as events, which nobody reads
        raise UsageError("extra_body sets stream", hint="Leave it out; toolfan decides how an answer is sent.")
    config = body.get("toolConfig")
    listed = {
        "tools": body.get("tools"),
        "toolConfig.tools": config.get("tools") if isinstance(config, Mapping) else (),
    }
    for place, tools in listed.items():
        for at, tool in enumerate(tools if isinstance(tools, list | tuple) else ()):
            if not isinstance(tool, Mapping):
                raise UsageError(
                    f"extra_body.{place}[{at}] is of the type {type(tool).__name__}",
                    hint="It is an object in the provider's own form; types and functions belong into tools=.",
                )
            for name in _names(tool):
                if name in names:
                    what = f"extra_body.{place}[{at}] is a second tool {name!r}"
                    raise UsageError(what, hint="Leave it out, or rename it.")
                names.add(name)
    return body


def _names(tool: Mapping[str, Any]) -> list[str]:
    """The names of the functions in an entry of `tools`, whichever service it is for."""
    forms = [tool[key] for key in ("function", "toolSpec") if isinstance(tool.get(key), Mapping)] or [tool]
    for key in ("functionDeclarations", "function_declarations"):
        forms += declared if isinstance(declared := tool.get(key), list | tuple) else ()
    found = [form.get("name") for form in forms if isinstance(form, Mapping)]
    return [name for name in found if isinstance(name, str)]


def hide_extras(options: Any) -> None:
    """Let what is given for one call show no values where local variables are shown; `options` are changed in place."""
    for name in ("extra_headers", "extra_query"):
        if isinstance(given := options.get(name), Mapping) and not isinstance(given, Hidden):
            options[name] = Hidden(given)


def extra_headers(value: Any, omits_with: str = "") -> Mapping[str, str]:
    """`extra_headers`, with the `Omit()` of the package `omits_with`, whose SDK takes it for a header to leave out.

    Raises UsageError for what cannot be a header.
    """
    if value is None:
        return Hidden()
    headers = _string_keys("extra_headers", value)
    for name, text in headers.items():
        legal = isinstance(text, str) and text.isascii() and text.isprintable() and text == text.strip()
        if not (_HEADER_NAME.fullmatch(name) and (legal or _is_omit(text, omits_with))):
            raise UsageError(
                f"extra_headers holds {name!r}, which cannot be sent as a header",
                hint="A name has no blanks; a value is a text of printable ASCII characters.",
            )
        if name.lower() in _FRAMING:
            raise UsageError(
                f"extra_headers holds {name!r}, which says where the body ends",
                hint="Leave it out; the SDK counts what it sends.",
            )
    return Hidden(headers)


def _is_omit(value: Any, package: str) -> bool:
    kind = type(value)
    return bool(package) and kind.__name__ == "Omit" and kind.__module__.partition(".")[0] == package


def extra_query(value: Any) -> Mapping[str, Any]:
    """`extra_query`.  Raises UsageError for what is no JSON."""
    if value is None:
        return Hidden()
    query = _string_keys("extra_query", value)
    for where, what in json_faults(query):
        raise UsageError(f"extra_query.{where} cannot be sent: {what}", hint="Write it as a text or a number.")
    return Hidden(query)
