"""Answers made up from samples: with odd values, many calls, large arguments, missing and repeated ids.

Knows: samples, where in a body their calls must be.  Must not know: any provider's field names.
"""

from __future__ import annotations

from functools import partial
from operator import eq
from typing import TYPE_CHECKING, Any

from .argument_forms import arguments_in, in_form
from .trees import Gone, Path, at, changed, changed_everywhere, nodes, places

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
        yield f"{'.'.join(map(str, path))} = {_shown(value)}", changed(body, path, value)


def odd_calls(sample: Sample, *, is_all_calls: bool) -> Iterator[tuple[str, Any]]:
    """The body with an odd value for the arguments, the name or the id of a call, or (if asked) for a call itself.

    What may alone tell that it is a call stays: there is some name, and more than nothing is said of it.
    """
    parts = {"name": {name for name, _ in sample.calls}, "id": {*filter(None, sample.ids)}}
    found = [(part, path) for part, known in parts.items() for path in places(sample.body, partial(_is_of, known))]
    found += [("arguments", path) for _, one in sample.calls if one for path in arguments_in(sample.body, one)]
    for part, path in found:
        for value in ODD_VALUES:
            alone = value is Gone and len(at(sample.body, path[:-1])) == 1
            if not (alone or (part == "name" and value in (Gone, None, ""))):
                yield f"the {part} of a call is {_shown(value)}", changed(sample.body, path, value)
    path, last = list_of_calls(sample) or ((), "")
    for value in filter(None, ODD_VALUES) if is_all_calls and isinstance(last, int) else ():
        if value is not Gone:
            yield f"a call is {_shown(value)}", changed(sample.body, (*path, last), value)


def _is_of(known: set[str], node: Any) -> bool:
    return isinstance(node, str) and node in known


def _shown(value: Any) -> str:
    return "nothing" if value is Gone else repr(value)[:30]


def nested(depth: int) -> Any:
    """A value that is nested this deep."""
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


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
    """The body, in which the first call has these arguments; None if they cannot be found in it, or be written so."""
    wanted = next((given for _, given in sample.calls if isinstance(given, dict) and given), None)
    found = arguments_in(sample.body, wanted) if wanted else []
    made = in_form(at(sample.body, found[0]), wanted, arguments) if found else None
    return None if made is None else changed(sample.body, found[0], made)


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


def lists_calls_alone(samples: Sequence[Sample]) -> bool:
    """Whether there is nothing but calls in the lists of calls, also of answers with a text."""
    found = [(sample, *one) for sample in samples if (one := list_of_calls(sample)) is not None]
    alone = [isinstance(last, int) and len(at(sample.body, path)) == len(sample.calls) for sample, path, last in found]
    return all(alone) and any(sample.text for sample, _, _ in found)


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
