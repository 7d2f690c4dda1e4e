"""Looking into JSON and changing it, without knowing what it means.

Knows: dicts, lists, texts, numbers.  Must not know: providers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Path = tuple[str | int, ...]


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value in the tree with its path, the root first."""
    stack: list[tuple[Path, Any]] = [(path, value)]
    while stack:
        where, node = stack.pop()
        yield where, node
        kind = type(node)
        if kind is str or kind is int or node is None:  # as most are, and to ask what else they may be takes long
            continue
        children: list[tuple[str | int, Any]] = []
        if kind is dict or isinstance(node, Mapping):
            children = list(node.items())
        elif isinstance(node, list | tuple):
            children = list(enumerate(node))
        stack += [((*where, key), child) for key, child in reversed(children)]


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: True is not 1."""
    return left == right and text_of(left) == text_of(right)


def text_of(value: Any) -> str:
    """JSON text with sorted keys; what JSON has no form for as Python shows it."""
    return json.dumps(value, sort_keys=True, default=repr)


def in_order(value: Any) -> str:
    """JSON text with keys in the order in which they are; what JSON has no form for as Python shows it."""
    return json.dumps(value, default=repr)


def contains(tree: Any, wanted: Any) -> bool:
    """Whether `wanted` is somewhere in the tree; a list also as neighbours in a longer one."""
    return any(_begins(node, wanted) is not None for node in values(tree))


def place(tree: Any, wanted: Any) -> Path | None:
    """Where `wanted` begins in the tree, likewise; None too if it is there in JSON text only."""
    for path, node in nodes(tree):
        if (begins := _begins(node, wanted)) is not None:
            return (*path, *begins)
    return None


def _begins(node: Any, wanted: Any) -> Path | None:
    if node == wanted:
        return ()
    if isinstance(wanted, list | tuple) and wanted and isinstance(node, list | tuple):
        listed, size = list(wanted), len(wanted)
        for start in range(len(node) - size + 1):
            if list(node[start : start + size]) == listed:
                return (start,)
    return None


def includes(tree: Any, part: Any) -> bool:
    """Whether `part` is in the tree at the same place: objects may have more fields, lists more items."""
    if isinstance(part, Mapping):
        return isinstance(tree, Mapping) and all(key in tree and includes(tree[key], part[key]) for key in part)
    if isinstance(part, list | tuple):
        return isinstance(tree, list | tuple) and all(any(includes(item, one) for item in tree) for one in part)
    return bool(tree == part)


def values(tree: Any) -> Iterator[Any]:
    """Every value in the tree, and those in JSON text among them."""
    for _, node in nodes(tree):
        yield node
        if isinstance(node, str):
            try:
                inside = json.loads(node)
            except (ValueError, RecursionError):
                continue
            yield from values(inside)


def opened(tree: Any) -> Any:
    """The tree, in which the objects and lists that stand in JSON text take its place."""
    if isinstance(tree, Mapping):
        return {key: opened(child) for key, child in tree.items()}
    if isinstance(tree, list | tuple):
        return [opened(child) for child in tree]
    if isinstance(tree, str) and tree.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(tree)
        except (ValueError, RecursionError):
            return tree
    return tree


def said_by(text: Any) -> Any:
    """What the JSON text says; what is none says itself."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def leaves(tree: Any) -> Counter[tuple[Path, str]]:
    """What stands at the ends of the tree, as JSON text, each with its path."""
    return Counter(
        (path, text_of(node)) for path, node in nodes(tree) if not (isinstance(node, Mapping | list | tuple) and node)
    )


def named_leaves(tree: Any) -> Counter[tuple[str, str]]:
    """The same, each with the name of its field alone, wherever that stands."""
    found: Counter[tuple[str, str]] = Counter()
    for (path, text), count in leaves(tree).items():
        found[next((key for key in path[::-1] if isinstance(key, str)), ""), text] += count
    return found


def texts(tree: Any) -> list[str]:
    """The texts in the tree, keys left out, in order."""
    return [node for _, node in nodes(tree) if isinstance(node, str)]


def words(tree: Any) -> list[str]:
    """All texts in the tree, those in JSON text and the keys of objects among them: an id or a name may be a key."""
    found: list[str] = []
    for node in values(tree):
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, Mapping):
            found += [key for key in node if isinstance(key, str)]
    return found


def places(tree: Any, fits: Callable[[Any], bool]) -> list[Path]:
    """Where the values are that fit."""
    return [path for path, node in nodes(tree) if fits(node)]


def earlier(first: Path, second: Path) -> bool:
    """Whether the one stands before the other, or there is no order between them: the keys of an object have none."""
    for one, other in zip(first, second, strict=False):
        if one != other:
            return not (isinstance(one, int) and isinstance(other, int)) or one < other
    return True


def turned_round(tree: Any, other: Any) -> tuple[str, str] | None:
    """Two texts, each once in both trees, that lists of the second have in another order; None if there are none."""
    came, back = map(_once, (tree, other))
    for one, following in pairwise(text for text in came if text in back):
        if not earlier(back[one], back[following]) and not earlier(came[following], came[one]):
            return one, following
    return None


def _once(tree: Any) -> dict[str, Path]:
    """The texts that stand once in the tree, each with its path, in order."""
    found = [(node, path) for path, node in nodes(tree) if isinstance(node, str)]
    counts = Counter(node for node, _ in found)
    return {node: path for node, path in found if counts[node] == 1}


def says(said: str) -> Callable[[Any], bool]:
    """Fits texts in which this one stands."""
    return lambda node: isinstance(node, str) and said in node


def apart(paths: Sequence[Path]) -> list[Path]:
    """Of several places the largest parts of the tree, each of which holds one of them and no other."""
    found: list[Path] = []
    for number, path in enumerate(paths):
        shared = 0
        for other in (*paths[:number], *paths[number + 1 :]):
            same_keys = next((at for at, (a, b) in enumerate(zip(path, other, strict=False)) if a != b), len(path))
            shared = max(shared, same_keys)
        found.append(path[: shared + 1])
    return found


def at(tree: Any, path: Path) -> Any:
    """The value at the path."""
    for key in path:
        tree = tree[key]
    return tree


class Gone:
    """In place of a value: the value is left out."""


def changed(tree: Any, path: Path, value: Any) -> Any:
    """A copy with another value at the path; what is not on the way is shared."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    copy: Any = dict(tree) if isinstance(tree, Mapping) else list(tree)
    if not rest and value is Gone:
        del copy[key]
    else:
        copy[key] = changed(tree[key], rest, value)
    return copy


def changed_everywhere(tree: Any, paths: Sequence[Path], value: Any) -> Any:
    """A copy with another value at each of the paths, none of which leads into another."""
    for path in sorted(paths, key=lambda path: [str(key).rjust(8, "0") for key in path], reverse=True):
        tree = changed(tree, path, value)
    return tree
