"""Answers made up from samples: with odd values, many calls, large arguments, missing and repeated ids.

Knows: samples, where in a body their calls must be.  Must not know: any provider's field names.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import permutations
from operator import eq
from typing import TYPE_CHECKING, Any

from .trees import Gone, Path, at, changed, changed_everywhere, nodes, places, said_by, same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .samples import Sample

ODD_VALUES: tuple[Any, ...] = (
    Gone,
    None,
    "",
    "\ud83d odd \u0000",
    0,
    -1,
    1e308,
    float("nan"),
    True,
    [],
    {},
    [None],
    [[]],
    {"": {"a": []}},
    "9" * 5000,
)
MOST = 6000
MANY = 2500
"""The calls of an answer that has many."""
UNHEARD_OF = "Toolfan_UnheardOf"
# Each kind of value, and texts that look like another one.
KINDS: dict[str, Any] = {
    "none": None,
    "yes": True,
    "no": False,
    "counts": 1,
    "zero": 0,
    "half": 0.5,
    "exact": 0.1 + 0.2,
    "text": "",
    "list": [],
    "object": {},
    "within": [None, True, False, 1, 0, 0.5, "", [], {}, {"none": None, "number": "7"}],
    "number": "7",
    "null": "null",
    "true": "true",
    "brackets": "[]",
}
# What web pages, addresses, JSON, markup and YAML write otherwise, and names of arguments that programs do.
ESCAPES = "&amp; &lt;b&gt; <b>x</b> %20+ \\n \\u0041 \\"
WORDS = ["yes", "True", "None", "1e3", "2024-01-01"]
WRITTEN = {"escapes": ESCAPES, "yes": "yes", "words": WORDS, " a b ": 1, "c-d.e": 2, "fG": 3}


def odd_bodies(body: Any) -> Iterator[tuple[str, Any]]:
    """The body with each of its values in turn replaced by odd ones; where, and what came of it."""
    every = [(path, value) for path, _ in nodes(body) if path for value in ODD_VALUES]
    step = max(1, len(every) // MOST)
    for path, value in every[::step]:
        shown = "nothing" if value is Gone else repr(value)[:30]
        yield f"{'.'.join(map(str, path))} = {shown}", changed(body, path, value)


def nested(depth: int) -> Any:
    """A value that is nested this deep."""
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


def arguments_in(body: Any, wanted: Any) -> list[Path]:
    """Where these arguments stand in a body: as an object, as JSON text, as pairs, or as objects of two fields."""

    def fits(node: Any) -> bool:
        if isinstance(node, str):
            try:
                node = json.loads(node)
            except ValueError:
                return False
        return same(dict(node) if _is_pairs(node) else node, wanted) or _fields(node, wanted) is not None

    return places(body, fits)


def _is_pairs(node: Any) -> bool:
    """Whether it is a list of names with their values."""
    pairs = isinstance(node, list) and all(isinstance(one, list) and len(one) == 2 for one in node)
    return pairs and bool(node) and all(isinstance(name, str) for name, _ in node)


def _fields(node: Any, wanted: Any) -> tuple[str, str, bool] | None:
    """The fields for name and value, if these are the arguments as a list of objects that have nothing else.

    And whether the values are JSON text.
    """
    if not (isinstance(node, list) and node and isinstance(wanted, dict)):
        return None
    for name, value in permutations(node[0], 2) if isinstance(node[0], dict) else ():
        if all(isinstance(one, dict) and one.keys() == {name, value} for one in node):
            pairs = [[one[name], one[value]] for one in node]
            if _is_pairs(pairs) and same(dict(pairs), wanted):
                return name, value, False
            if _is_pairs(pairs) and same({key: said_by(text) for key, text in pairs}, wanted):
                return name, value, True
    return None


def with_text(sample: Sample, text: str) -> Any:
    """The body with another text; None if the sample's is not found in it."""
    found = places(sample.body, partial(eq, sample.text)) if sample.text else []
    return changed_everywhere(sample.body, found, text) if found else None


def with_another_text(sample: Sample, text: str) -> Any:
    """The body with another text at the end of the list that holds the sample's and its calls; None without one."""
    said = places(sample.body, partial(eq, sample.text)) if sample.text else []
    given = [path for _, wanted in sample.calls for path in arguments_in(sample.body, wanted)]
    if len(said) != 1 or not given:
        return None
    shared = min(_shared(said[0], path) for path in given)
    held = at(sample.body, said[0][:shared])
    if not isinstance(held, list) or len(said[0]) == shared:
        return None
    item = changed(held[int(said[0][shared])], said[0][shared + 1 :], text)
    return changed(sample.body, said[0][:shared], [*held, item])


def _shared(one: Path, other: Path) -> int:
    """How many keys two paths begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def with_name(sample: Sample, name: str) -> Any:
    """The body, in which every call has this name; None if their names are not found in it."""
    found = [path for called in {name for name, _ in sample.calls} for path in places(sample.body, partial(eq, called))]
    return changed_everywhere(sample.body, found, name) if found else None


def with_stop(sample: Sample, raw: str, other: str) -> Any:
    """The body with another word for why it ended, in place of `raw`; None if that is not found in it."""
    found = places(sample.body, partial(eq, raw))
    return changed_everywhere(sample.body, found, other) if found else None


def ended(sample: Sample, raw: str, other: str) -> Iterator[Any]:
    """The same at one place alone, each in turn: the word may have another meaning elsewhere."""
    for path in places(sample.body, partial(eq, raw)):
        yield changed(sample.body, path, other)


def with_arguments(sample: Sample, arguments: Any) -> Any:
    """The body, in which the first call has these arguments; None if they cannot be found in it."""
    wanted = next((given for _, given in sample.calls if isinstance(given, dict) and given), None)
    found = arguments_in(sample.body, wanted) if wanted else []
    if not found:
        return None
    value, stood = arguments, at(sample.body, found[0])
    if isinstance(stood, str):
        value = json.dumps(arguments, ensure_ascii=False)
    elif isinstance(stood, list):
        name, held, as_text = _fields(stood, wanted) or ("", "", False)
        pairs = ((key, json.dumps(one, ensure_ascii=False) if as_text else one) for key, one in arguments.items())
        value = [{name: key, held: one} if held else [key, one] for key, one in pairs]
    return changed(sample.body, found[0], value)


def with_argument_text(sample: Sample, text: Any) -> Any:
    """The same for a text that need not be JSON (or what comes in its place); None where the provider sends objects."""
    wanted = next((given for _, given in sample.calls if isinstance(given, dict) and given), None)
    found = [
        path for path in (arguments_in(sample.body, wanted) if wanted else []) if isinstance(at(sample.body, path), str)
    ]
    return changed(sample.body, found[0], text) if found else None


def _id_places(sample: Sample) -> list[list[Path]]:
    """For each call where its id stands."""
    return [places(sample.body, partial(eq, given)) if given else [] for given in sample.ids]


def with_ids(sample: Sample, ids: Sequence[Any]) -> Any:
    """The body with other ids; None if the sample has none to replace, or if keys of an object cannot be these."""
    if len(sample.ids) < 2 or len(set(sample.ids)) != len(sample.ids):
        return None
    found = _id_places(sample)
    if not all(found):
        return _with_keys(sample, ids)
    body: Any = sample.body
    for paths, given in zip(found, ids, strict=False):
        body = changed_everywhere(body, paths, given)
    return body


def _with_keys(sample: Sample, ids: Sequence[Any]) -> Any:
    """The body, in which calls that stand in an object have other ids for their keys; None if they do not."""
    holders = [path for path, node in nodes(sample.body) if isinstance(node, dict) and {*sample.ids} <= node.keys()]
    if len(holders) != 1 or len({*ids}) != len(ids) or not all(isinstance(one, str) for one in ids):
        return None
    names = dict(zip(sample.ids, ids, strict=False))
    held = {names.get(key, key): value for key, value in at(sample.body, holders[0]).items()}
    return changed(sample.body, holders[0], held)


def list_of_calls(sample: Sample) -> tuple[Path, int | str] | None:
    """The list, or object of nothing else or under their ids, in which the calls stand; the last's place there."""
    given = [arguments_in(sample.body, arguments) for _, arguments in sample.calls]
    if len(given) < 2 or not (given[-2] and given[-1]):
        return None
    first, second = given[-2][0], given[-1][-1]
    shared = next((at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other), None)
    if shared is None:
        return None
    path, last = second[:shared], second[shared]
    is_holder = isinstance(last, int) or last in sample.ids or len(at(sample.body, path)) == len(sample.calls)
    return (path, last) if is_holder else None


def turn_of(sample: Sample) -> Path | None:
    """Where the model's turn is: in the object around the list of the calls, or, if that is the answer, in the list."""
    path = (list_of_calls(sample) or ((),))[0]
    around = (path[:end] for end in range(len(path) - 1, 0, -1))
    return next((one for one in around if isinstance(at(sample.body, one), dict)), path) or None


def with_many_calls(sample: Sample, count: int) -> Any:
    """The body with its last call repeated until there are `count`, each with its own id; None if not possible."""
    if (found := list_of_calls(sample)) is None:
        return None
    path, last = found
    call_id = sample.ids[-1] if sample.ids else None
    held = at(sample.body, path)
    where = places(held[last], partial(eq, call_id)) if call_id else []
    ids = [f"{call_id}-{number}" for number in range(count - len(sample.calls))]
    more = [changed_everywhere(held[last], where, one) for one in ids]
    if isinstance(last, int):
        return changed(sample.body, path, [*held[: last + 1], *more, *held[last + 1 :]])
    keys = ids if last == call_id else _following(last, len(ids))
    return changed(sample.body, path, {**held, **dict(zip(keys, more, strict=True))})


def _following(key: str, count: int) -> list[str]:
    """The keys after this one, by the number with which it ends."""
    number = key[len(key.rstrip("0123456789")) :]
    return [f"{key.removesuffix(number)}{int(number or 0) + more:0{len(number)}}" for more in range(1, count + 1)]


def with_copies(sample: Sample, count: int) -> Any:
    """The body with its last call repeated to the letter until there are `count`; None if calls stand in no list."""
    path, last = list_of_calls(sample) or ((), "")
    if not isinstance(last, int):
        return None
    listed = list(at(sample.body, path))
    more = [listed[last]] * (count - len(sample.calls))
    return changed(sample.body, path, [*listed[:last], *more, *listed[last:]])


def with_names(sample: Sample, names: Sequence[str]) -> Any:
    """The body with as many calls as names, each call with its own; None if not possible."""
    body, called = with_many_calls(sample, len(names)), {name for name, _ in sample.calls}
    found = places(body, lambda node: isinstance(node, str) and node in called)
    if len(found) != len(names):
        return None
    for path, name in zip(found, names, strict=True):
        body = changed(body, path, name)
    return body


def with_more(sample: Sample, unheard_of: str) -> Iterator[tuple[str, Any]]:
    """The body with something unheard of in the model's turn; where, and what came of it.

    In the object of a call; and as one more item of the calls' list, if texts stand in it too.
    """
    if (found := list_of_calls(sample)) is None:
        return
    path, last = found
    if not isinstance(last, int):
        if isinstance(entry := at(sample.body, path)[last], dict):
            yield "a field of a call", changed(sample.body, (*path, last), {**entry, unheard_of: [unheard_of]})
        return
    listed = list(at(sample.body, path))
    if isinstance(listed[last], dict):
        entry = {**listed[last], unheard_of: [unheard_of]}
        yield "a field of a call", changed(sample.body, (*path, last), entry)
    texts = [item for item in listed if sample.text and places(item, partial(eq, sample.text))]
    if texts and isinstance(texts[0], dict):
        words = {key: unheard_of for key, value in texts[0].items() if value != sample.text and isinstance(value, str)}
        item = {**words, unheard_of: [unheard_of]}
        yield "an item beside the calls", changed(sample.body, path, [item, *listed])
