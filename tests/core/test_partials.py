"""What a `functools.partial` has filled is not the model's: it is not offered, and its value counts."""

from __future__ import annotations

import asyncio
import functools
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from loopback import USER, Bench, call
from toolfan import BoundCall, Tool, ToolDefinitionError, tool

if TYPE_CHECKING:
    from collections.abc import Callable


class Connection:
    """No type of pydantic's."""


def search(query: str, tenant: str, limit: int = 3) -> tuple[str, str, int]:
    """Search the documents."""
    return query, tenant, limit


def rows(table: str, connection: Connection, /, *, least: int = 0) -> tuple[str, Connection, int]:
    """The rows of a table."""
    return table, connection, least


async def fetch(connection: Connection, url: str) -> tuple[Connection, str]:
    return connection, url


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def named(partial: functools.partial[Any]) -> functools.partial[Any]:
    """As many write it: inspect then takes the partial for the whole function."""
    functools.update_wrapper(partial, partial.func)
    return partial


class Cached:
    """A decorator that is a class."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return functools.partial(self, owner)


class Shop:
    @Cached
    def price(self, item: str, currency: str = "EUR") -> tuple[Shop, str, str]:
        """The price of an item."""
        return self, item, currency

    def _in(self, currency: str, item: str) -> tuple[Shop, str, str]:
        return self, item, currency

    euros = functools.partialmethod(_in, currency="EUR")


CONNECTION, SHOP = Connection(), Shop()
FOUND = ("x", "t1", 3)
OPEN = ["query", "limit"]
PARTIALS: dict[str, tuple[Any, list[str], dict[str, Any], Any]] = {
    "by_keyword": (functools.partial(search, tenant="t1"), OPEN, {"query": "x"}, FOUND),
    "by_position": (functools.partial(search, "x", "t1"), ["limit"], {}, FOUND),
    "last": (functools.partial(search, limit=3), ["query", "tenant"], {"query": "x", "tenant": "t1"}, FOUND),
    "all": (functools.partial(search, query="x", tenant="t1", limit=3), [], {}, FOUND),
    "nested": (functools.partial(named(functools.partial(search, tenant="t0")), limit=3, tenant="t1"), ["query"],
               {"query": "x"}, FOUND),
    "named": (named(functools.partial(search, tenant="t1")), OPEN, {"query": "x"}, FOUND),
    "named_by_position": (named(functools.partial(search, "x")), ["tenant", "limit"], {"tenant": "t1"}, FOUND),
    "wrapped": (wrapped(functools.partial(search, tenant="t1")), OPEN, {"query": "x"}, FOUND),
    "wrapped_named": (wrapped(named(functools.partial(search, tenant="t1"))), OPEN, {"query": "x"}, FOUND),
    "of_wrapped": (functools.partial(wrapped(search), tenant="t1"), OPEN, {"query": "x"}, FOUND),
    "nameless": (functools.partial(rows, "a", CONNECTION), ["least"], {"least": 2}, ("a", CONNECTION, 2)),
    "no_type": (functools.partial(fetch, connection=CONNECTION), ["url"], {"url": "u"}, (CONNECTION, "u")),
    "of_a_class": (SHOP.price, ["item", "currency"], {"item": "i"}, (SHOP, "i", "EUR")),
    "partialmethod": (SHOP.euros, ["item"], {"item": "i"}, (SHOP, "i", "EUR")),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTIALS)
def test_what_is_bound_is_not_offered_and_counts(bench: Bench, name: str) -> None:
    function, offered, arguments, result = PARTIALS[name]
    every = {"query": "q", "tenant": "SOMEONE ELSE'S", "limit": 9, "connection": "c", "currency": "USD"}
    client = bench.answered(call(name, {key: every[key] for key in every.keys() - {*offered}} | arguments))
    (made,) = client.create(model="m", messages=USER, tools=(tool(function, name=name),))
    assert isinstance(made, BoundCall)
    assert asyncio.run(made.arun()) == result
    sent = bench.bodies[0]["tools"][0]["function"]["parameters"].get("properties", {})
    assert list(sent) == offered
    assert all("type" in field for field in sent.values())  # the annotations were found


@pytest.mark.parametrize(
    ("function", "description"),
    [
        (functools.partial(search, tenant="t1"), "Search the documents."),
        (functools.partial(functools.partial(search), tenant="t1"), "Search the documents."),
        (named(functools.partial(search, tenant="t1")), "Search the documents."),
        (functools.partial(fetch, CONNECTION), ""),
        (SHOP.price, "The price of an item."),
    ],
)
def test_the_description_is_that_of_the_function(function: Any, description: str) -> None:
    assert Tool(function, name="t").description == description


def test_a_docstring_of_its_own_is_the_description() -> None:
    own = functools.partial(search, tenant="t1")
    own.__doc__ = "Search what is ours."
    assert Tool(own, name="own").description == "Search what is ours."


def test_a_call_of_a_partial_pickles(bench: Bench) -> None:
    partial = functools.partial(search, tenant="t1")
    (made,) = bench.answered(call("s", {"query": "x"})).create(
        model="m", messages=USER, tools=(tool(partial, name="s"),)
    )
    assert pickle.loads(pickle.dumps(made)).run() == FOUND


untyped: Any = tool  # checkers see what is wrong with what follows


class Decorated:
    @untyped
    def price(self, item: str) -> int:
        return len(item)

    @classmethod
    @untyped
    def names(cls, count: int) -> list[str]:
        return ["x"] * count


def test_a_decorated_method_is_refused_with_what_to_write(bench: Bench) -> None:
    bench.serve({"text": "x"})
    for offered in (Decorated.price, Decorated().price):
        with pytest.raises(ToolDefinitionError, match=r"my_object\.price; above a method there is no @tool"):
            bench.client().create(model="m", messages=USER, tools=(offered,))
    said = r"cannot be a tool\. Leave the decorator @tool out, .*tool\(MyClass\.my_method\)"
    offers: list[Any] = [
        lambda: bench.client().create(model="m", messages=USER, tools=(Decorated.names,)),
        lambda: untyped(Decorated.names, name="names"),
        lambda: untyped(classmethod(untyped)),  # `@tool` above `@classmethod`
    ]
    for offer in offers:
        with pytest.raises(ToolDefinitionError, match=said):
            offer()
    assert bench.bodies == []
