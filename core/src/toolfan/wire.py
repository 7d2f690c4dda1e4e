"""JSON on the wire: encoding with checks, decoding, comparing, merging a user's extra fields, unknown options.

What a strict decoder refuses (a lone surrogate, a number of thousands of digits, nesting without end) may be one call's
fault in an answer of many: here it costs neither the answer nor the other calls.

Knows: plain data.  Must not know: any provider's field names (but that most have a list of `tools`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json, to_json

from .errors import BadResponse, RequestRejected, UsageError

UNDECODED = " ".join(("<undecoded", "JSON>", ""))
"""What no decoder takes stands in a decoded body as a text: this, and then the JSON as it came."""

BROKEN = "INVALID_JSON"
"""Where arguments that are no object stand in the object that a provider takes; Anthropic's guide names it so."""

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DEEPEST = 100  # levels of an answer that are decoded; pydantic stops at 200, the stack of json.loads near 1000
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Possessive: a text without its closing quote is given up at once, not tried in every way.
_STRUCTURE = re.compile(r'(?P<text>"(?:[^"\\]++|\\.)*+(?P<end>"?))|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)
_UNDECODED_TEXT = re.compile(rf'"{re.escape(UNDECODED)}(?:[^"\\]++|\\.)*+"(?!:)', re.DOTALL)


def encode_json(value: Any) -> bytes:
    """Compact JSON as UTF-8.

    Raises RequestRejected, with the place, for what JSON cannot say: NaN, an infinity, a lone surrogate, an object of
    some other type, a circular structure.
    """
    try:
        return _encoder.encode(value).encode()
    except (ValueError, TypeError, RecursionError) as exc:
        where, what = next(json_faults(value), ("", str(exc)))
        raise RequestRejected(
            f"{where or 'the request'} cannot be written as JSON: {what}",
            hint="Nothing was sent; mend the value and call again.",
        ) from None


def json_faults(value: Any) -> Iterator[tuple[str, str]]:
    """What of the value JSON cannot say: the place, empty for the value itself, and what is wrong there."""
    stack: list[tuple[str, Any, int]] = [("", value, 0)]
    while stack:
        where, item, depth = stack.pop()
        if depth > 500:
            yield where, "it is nested more than 500 levels deep"
        elif isinstance(item, str):
            if any("\ud800" <= char <= "\udfff" for char in item):
                yield where, "the text holds a lone surrogate"
        elif isinstance(item, float):
            if not math.isfinite(item):
                yield where, f"{item} is not a JSON number"
        elif isinstance(item, Mapping):
            stack.extend((f"{where}.{key}" if where else str(key), child, depth + 1) for key, child in item.items())
        elif isinstance(item, list | tuple):
            stack.extend((f"{where}[{at}]", child, depth + 1) for at, child in enumerate(item))
        elif not (item is None or isinstance(item, bool | int)):
            instead = "; write base64 text" if isinstance(item, bytes | bytearray) else ""
            yield where, f"{type(item).__name__} is not a JSON type{instead}"


def decode_json(
    content: bytes | str, *, adapter: str, content_type: str | None = None, secrets: Iterable[str] = ()
) -> Any:
    """The JSON value in `content`.  Raises BadResponse with the start of the text, without `secrets`, if there is none.

    Takes, in linear time, what a strict decoder refuses: byte order marks before it, and lone surrogates; what is
    nested more than a hundred levels deep and whole numbers of thousands of digits become texts, see `UNDECODED` and
    `json_text`.  Of a key that is there twice the last one counts, as everywhere.
    """
    try:
        return from_json(content)
    except ValueError as exc:
        fault: Exception = exc
    try:
        text = content.decode() if isinstance(content, bytes) else content
        if str(fault).startswith("EOF while"):  # it ends too early, as every reading would find
            raise fault
        return json.loads(_without_depths(text.lstrip("\ufeff")), parse_int=_whole_number)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    from .secrets.masking import masked_start  # loaded, as all that is for errors, when something fails

    start = (
        f"it starts with {masked_start(text[:2000], secrets)[:200]!r}" if text.strip("\ufeff \t\r\n") else "it is empty"
    )
    kind = f" ({content_type})" if content_type else ""
    hint = "Check the base URL: a proxy or another service may have answered."
    if (content_type or "").startswith("text/event-stream"):
        hint = "The server streams though no stream was asked for; look for a setting of it, or of a proxy before it."
    raise BadResponse(f"the answer{kind} is not JSON: {fault}; {start}", adapter=adapter, hint=hint)


def unlisted(body: Any) -> Any:
    """The error of a body that holds nothing but it in a list, as Google's services write it; else the body itself."""
    alone = body[0] if isinstance(body, list) and len(body) == 1 else None
    return alone if isinstance(alone, dict) and alone.get("error") else body


def kind_of(headers: Mapping[str, str]) -> str | None:
    """The content type as errors tell it: with an encoding that not every client undoes.  Names are in lower case."""
    encoding = headers.get("content-encoding")
    odd = encoding and encoding.lower() not in ("gzip", "deflate", "identity")
    said = (headers.get("content-type"), f"Content-Encoding: {encoding}" if odd else None)
    return ", ".join(filter(None, said)) or None


def count_of(value: Any) -> int:
    """The count that a service tells, as a number or as the text of one; 0 for what is none."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdecimal():
        value = int(value)
    return int(value) if isinstance(value, int | float) and -1 < value < 2**63 else 0


def _without_depths(text: str) -> str:
    """The JSON text, in which each value that is nested too deep has become a text."""
    pieces: list[str] = []
    depth = start = copied = 0
    for found in _STRUCTURE.finditer(text):
        if found["open"]:
            depth += 1
            if depth == _DEEPEST:
                start = found.start()
        elif found["close"]:
            if depth == _DEEPEST:
                pieces += (text[copied:start], json.dumps(UNDECODED + text[start : found.end()]))
                copied = found.end()
            depth -= 1
        elif not found["end"]:
            break  # a text that never ends
    return "".join((*pieces, text[copied:])) if pieces else text


def _whole_number(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # Python takes 4300 digits
        return UNDECODED + digits


def json_text(value: Any) -> str:
    """JSON text of a value that `decode_json` gave, with what it could not decode as it came.

    Pure text: a lone surrogate stays an escape, for the next decoder to refuse; NaN and the infinities are JavaScript's
    constants.
    """
    try:
        text = to_json(value, inf_nan_mode="constants").decode()
    except ValueError:  # a lone surrogate, or too deep for pydantic
        try:
            text = json.dumps(value)
        except (ValueError, TypeError, RecursionError):
            return f"{UNDECODED}(nested too deep, or no JSON)"
    return _UNDECODED_TEXT.sub(_as_it_came, text) if UNDECODED in text else text


def json_value(text: str) -> Any:
    """The value of a JSON object or array; None of what is none."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return from_json(text)
    except ValueError:
        return None


def object_of(arguments: str) -> dict[str, Any]:
    """The arguments of an earlier call for a provider that takes objects alone; other text stands in `INVALID_JSON`."""
    try:
        given = from_json("{}" if arguments.strip() in ("", "null") else arguments)
    except ValueError:
        given = None
    return given if isinstance(given, dict) else {BROKEN: arguments}


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _as_it_came(found: re.Match[str]) -> str:
    return str(json.loads(found[0])).removeprefix(UNDECODED)


def well_formed(text: str) -> str:
    """The text, in which U+FFFD stands for each lone surrogate: it can be printed and sent.

    The two halves of a pair, which pieces of a stream may part, are one character again.
    """
    if text.isascii() or not _LONE_SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def escaped(text: str) -> str:
    """JSON text, in which each lone surrogate has become its escape, which means the same."""
    return text if text.isascii() else _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def sendable(value: Any) -> Any:
    """A decoded value itself if it can be sent again, else a copy: U+FFFD for lone surrogates, "NaN" for NaN."""
    try:
        _encoder.encode(value).encode()
    except ValueError:
        mended = json.loads(well_formed(json.dumps(value, ensure_ascii=False)))
        return from_json(to_json(mended, inf_nan_mode="strings"))
    return value


def merge_extra_body(
    body: dict[str, Any], extra: Mapping[str, Any], *, adapter: str, joined: str = "tools"
) -> dict[str, Any]:
    """`body` with the user's `extra` fields: objects are merged, the lists at `joined` put together, nothing is lost.

    Raises UsageError for a field that both set, with its dotted name.
    """
    return _merge(body, extra, "", adapter, joined) if extra else body


def _merge(body: Mapping[str, Any], extra: Mapping[str, Any], path: str, adapter: str, joined: str) -> dict[str, Any]:
    merged = dict(body)
    for key, value in extra.items():
        where = f"{path}.{key}" if path else key
        if key not in merged:
            merged[key] = value
        elif isinstance(merged[key], Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(merged[key], value, where, adapter, joined)
        elif where == joined and isinstance(merged[key], list) and isinstance(value, list | tuple):
            merged[key] = [*merged[key], *value]
        elif merged[key] != value:
            raise UsageError(
                f"extra_body sets {where}, which toolfan sets from the arguments of the call",
                adapter=adapter,
                hint=f"Leave {where} out of extra_body, or use toolfan's own argument for it.",
            )
    return merged


def nearest(name: str, known: Collection[str]) -> str:
    """` Did you mean 'x'?`, or nothing."""
    import difflib  # used in errors alone

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.65)  # at 0.6 "nope" is near "openai"
    return f" Did you mean {close[0]!r}?" if close else ""


def legal_id(call_id: str, longest: int | None, letters: str = "") -> str:
    """The id if a service takes it; else what it may keep of it, and a digest of the whole.

    The history of another provider may have longer ones, or others: a call and its result stay together, and two calls
    stay two.  `longest` is in characters; `letters` are the legal ones, as they stand in the brackets of a regular
    expression (`a-z0-9_`), all of them if there are none.
    """
    legal = re.sub(f"[^{letters}]", "_", call_id) if letters else call_id
    if legal == call_id and (longest is None or len(call_id) <= longest):
        return call_id
    import hashlib  # few ids are others

    digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{legal[: longest and longest - 17]}_{digest}"
