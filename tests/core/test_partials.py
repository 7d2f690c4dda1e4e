"""What a `functools.partial` has filled is not the model's: it is not offered, and its value counts."""

from __future__ import annotations

import asyncio
import functools
import pickle
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from loopback import USER, Bench, call
from toolfan import BoundCall, Tool, ToolDefinitionError, ToolfanError, ToolSet, UsageError, tool

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


def test_a_wrapper_of_a_partial_has_the_description_of_the_function() -> None:
    assert Tool(wrapped(functools.partial(search, tenant="t1"))).description == "Search the documents."


@dataclass
class Search:
    token: str = "t0ken-of-mine"

    def __call__(self, query: str) -> str:
        return query


@dataclass
class Fetch(Search):
    async def __call__(self, query: str) -> str:  # type: ignore[override]
        return query


def test_what_a_dataclass_writes_is_no_description() -> None:
    """It shows the defaults."""
    for made in (Search(), functools.partial(Search(), "x"), functools.partial(Search, token="t")):
        assert Tool(made, name="t").description == ""


SECRET = "t0ken-of-mine"
HOLDERS: dict[str, Any] = {
    "a partial of search": functools.partial(search, tenant=SECRET),
    "a partial of Search": functools.partial(Search(SECRET), "x"),
    "a partial of <lambda>": functools.partial(lambda token, query: query, SECRET),
    "an object of Search": Search(SECRET),
}


@pytest.mark.parametrize("what", HOLDERS)
def test_what_is_bound_is_in_no_error(bench: Bench, what: str) -> None:
    holder = HOLDERS[what]
    two = (tool(holder, name="t"), tool(functools.partial(holder), name="t"))
    sets: list[tuple[Callable[[], Any], str]] = [
        (lambda: tool(holder), f"{what} has no name"),
        (lambda: tool(holder, name=" "), f"the tool made from {what} has an empty name"),
        (lambda: tool(holder, name=holder), f"name= of a tool is {what}"),
        (lambda: ToolSet(two), f"two tools have the name 't': {what} and a partial of "),
        (
            lambda: bench.client().create(model="m", messages=USER, tools=(rows_of,), tool_choice=[holder]),
            f"tool_choice names {what}",
        ),
        (lambda: ToolSet(({"type": "mcp", "authorization": SECRET},)), "a dict cannot be a tool"),
        (lambda: Tool([SECRET]), "a list cannot be a tool"),  # type: ignore[arg-type]
    ]
    for wrong, said in sets:
        with pytest.raises(ToolfanError) as caught:
            wrong()
        assert caught.value.message.startswith(said)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def rows_of(table: str) -> None: ...


@pytest.mark.parametrize(
    ("partial", "why"),
    [
        (functools.partial(search, SECRET, "t1", 3, 4), "too many positional arguments"),
        (functools.partial(search, tnant=SECRET), "got an unexpected keyword argument 'tnant'"),
        (functools.partial(search, "x", query=SECRET), "multiple values for argument 'query'"),
        (functools.partial(wrapped(functools.partial(search, tnant=SECRET)), "x"), "an unexpected keyword argument"),
    ],
)
def test_a_partial_that_does_not_fit_is_told_without_what_it_binds(partial: Any, why: str) -> None:
    with pytest.raises(ToolDefinitionError, match=f"a partial of .* has no signature.*{why}") as caught:
        _ = Tool(partial, name="t").schema
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_repr_of_a_call_shows_what_the_model_said_alone() -> None:
    shown = [
        (functools.partial(search, tenant=SECRET), "search(query='x')"),
        (wrapped(named(functools.partial(search, tenant=SECRET))), "search(query='x')"),
        (functools.partial(Search(SECRET)), "Search(query='x')"),
        (Search(SECRET), "Search(query='x')"),
        (SHOP.price, "price(query='x')"),
    ]
    for function, said in shown:
        assert repr(BoundCall(function, {"query": "x"})) == said


def test_a_coroutine_function_is_told_without_what_it_binds() -> None:
    for function, said in ((functools.partial(fetch, url=SECRET), "a partial of fetch"), (Fetch(SECRET), "an object")):
        with pytest.raises(UsageError, match=f"^{said}.* is a coroutine function") as caught:
            BoundCall(function, {}).run()
        assert SECRET not in str(caught.value)


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
