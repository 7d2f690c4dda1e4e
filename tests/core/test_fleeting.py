"""Tools that are made for one request, over a user's data say, go with it; what comes again is not compiled again."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import KEY, USER, Bench, call, completion, raw
from pydantic import BaseModel
from toolfan import Tool
from toolfan.tools.toolset import ToolSet, tool_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Weather(BaseModel):
    location: str


def search(query: str) -> str:
    """Looks something up."""
    return f"found {query}"


SEARCH_LATER = toolfan.tool(search, name="search_later")


class Upload:
    def __init__(self, text: str = "") -> None:
        self.text = text

    def find(self, query: str) -> str:
        """Finds it in the upload."""
        return f"{query} in {self.text}"

    def __call__(self, query: str) -> str:
        """Finds it in the upload."""
        return self.find(query)


def finding_in(upload: Upload, *, name: str = "find") -> Callable[[str], str]:
    def find(query: str) -> str:
        """Finds it."""
        return upload.find(query)

    find.__name__ = name
    return find


def over_default(upload: Upload) -> Callable[..., str]:
    def find(query: str, within: Any = upload) -> str:
        return upload.find(query)

    return find


OF_ONE_REQUEST: dict[str, Callable[[Upload], tuple[Any, ...]]] = {
    "a closure": lambda upload: (finding_in(upload),),
    "beside what stays": lambda upload: (Weather, finding_in(upload), search, SEARCH_LATER),
    "several": lambda upload: (finding_in(upload), finding_in(Upload(), name="other")),
    "a default": lambda upload: (over_default(upload),),
    "a method": lambda upload: (upload.find,),
    "a Tool": lambda upload: (toolfan.tool(finding_in(upload), timeout=3),),
    "a handler": lambda upload: (Tool(Weather, handler=lambda weather: upload.find(weather.location)), search),
}


@pytest.fixture
def no_collection() -> Iterator[None]:
    """What goes here goes at once, without a search for cycles."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("kind", OF_ONE_REQUEST)
def test_what_is_made_for_a_request_goes_with_it(bench: Bench, kind: str) -> None:
    upload = Upload()
    gone = weakref.ref(upload)
    tools = OF_ONE_REQUEST[kind](upload)
    bench.serve(
        {**raw(completion(call(ToolSet(tools).tools[0].name, {"query": "x", "location": "x"}))), "times": "always"}
    )
    with bench.client() as client:
        first = client.create(model="m", messages=USER, tools=tools)
        again = client.create(model="m", messages=USER, tools=tools)
        assert len(first) == 1
        assert first.tools is again.tools
        del upload, tools
        assert gone() is not None
        del first, again
        if kind == "a default":  # it is in the model of the parameters, and classes are cycles
            gc.collect()
        assert gone() is None


async def asked_async(sdk: Any, upload: Upload) -> None:
    client = toolfan.from_openai(sdk, model="m")
    async with sdk:
        assert len(await client.create(messages=USER, tools=(finding_in(upload),))) == 1


@pytest.mark.parametrize("way", ["stream", "run", "async"])
def test_so_it_is_however_one_asks(bench: Bench, way: str) -> None:
    upload = Upload("a book")
    gone = weakref.ref(upload)
    answers = [raw(completion(call("find", {"query": "x"}))), raw(completion(content="done", finish="stop"))]
    if way == "run":
        bench.serve(*answers)
        run = bench.client().run(model="m", messages=USER, tools=(finding_in(upload),))
        assert [result.value for result in run.results] == ["x in a book"]
        del run
    elif way == "stream":
        bench.serve({"calls": [{"name": "find", "arguments": {"query": "x"}}]})
        with bench.client().stream(model="m", messages=USER, tools=(finding_in(upload),)) as stream:
            assert len(list(stream)) == 1
        del stream
    else:
        import openai

        bench.serve(answers[0])
        asyncio.run(asked_async(openai.AsyncOpenAI(base_url=bench.server.openai_url, api_key=KEY), upload))
    del upload
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("kind", OF_ONE_REQUEST)
def test_what_is_given_again_is_not_compiled_again(kind: str) -> None:
    tools = OF_ONE_REQUEST[kind](Upload())
    made = tool_set(tools=tools)
    rendered = made.memo("rendered", object)
    schemas, validators = [tool.schema for tool in made], [tool.validator for tool in made]
    assert tool_set(tools=list(tools)) is made
    gone = weakref.ref(made)
    del made
    assert gone() is None
    again = tool_set(tools=(*tools,))
    assert again.memo("rendered", object) is rendered
    assert all(tool.schema is schema for tool, schema in zip(again, schemas, strict=True))
    assert all(tool.validator is validator for tool, validator in zip(again, validators, strict=True))
    assert list(again.by_name) == [tool.name for tool in again]
    for tool, new in zip(again, ToolSet(tools), strict=True):  # each is as it would be made anew
        for name in set(Tool.__slots__) - {"__dict__", "__weakref__"}:
            assert getattr(tool, name) == getattr(new, name)


@pytest.mark.parametrize("tools", [(Weather,), (Weather, search), (SEARCH_LATER.target, Weather)])
def test_what_a_module_has_stays(tools: tuple[Any, ...]) -> None:
    made = weakref.ref(tool_set(tools=tools))
    assert made() is not None
    assert tool_set(tools=(*tools,)) is made()


def test_calls_are_bound_to_the_function_of_their_request(bench: Bench) -> None:
    bench.serve({**raw(completion(call("find", {"query": "x"}))), "times": "always"})
    client = bench.client()
    for text in ("a book", "a song", "a film"):
        find = finding_in(Upload(text))
        for _ in range(2):
            (bound,) = client.create(model="m", messages=USER, tools=(find,))
            assert bound.run() == f"x in {text}"
            del bound


def test_no_tool_is_taken_for_one_that_was_where_it_is() -> None:
    places = set()
    for at in range(300):
        tool = finding_in(Upload(), name=f"find_{at}")
        places.add(id(tool))
        assert [one.name for one in tool_set(tools=(tool, Weather))] == [f"find_{at}", "Weather"]
    assert len(places) < 300


def test_a_tool_of_a_set_that_was_put_together_again_goes_too() -> None:
    """It shares what was compiled for its function with the other Tools that are made of that."""
    function, places = finding_in(Upload(), name="inner"), set()
    for at in range(300):
        (inner,) = tool_set(tools=(function,))
        chosen = [inner]
        places.add(id(inner))
        assert [one.name for one in tool_set(tools=chosen)] == ["inner"]
        del inner, chosen
        own = Tool(finding_in(Upload()), name=f"own_{at}")
        made = tool_set(tools=(own,))
        assert made.tools == (own,)
        assert made.memo("name", lambda own=own: own.name) == f"own_{at}"
        places.add(id(own))
        del own, made
    assert len(places) < 600


def test_what_cannot_be_held_weakly_serves_too() -> None:
    class Finder:
        __slots__ = ("__name__",)

        def __call__(self, query: str) -> str:
            """Finds."""
            return query

    finder = Finder()
    finder.__name__ = "finder"
    made = weakref.ref(tool_set(tools=(finder,)))
    assert made() is not None
    assert tool_set(tools=(finder,)) is made()


def test_threads_make_and_drop_their_own() -> None:
    shared, faults = finding_in(Upload(), name="shared"), list[BaseException]()

    def work(number: int) -> None:
        try:
            for at in range(100):
                own = finding_in(Upload(), name=f"own_{number}_{at}")
                names = [tool.name for tool in tool_set(tools=(own, shared))]
                assert names == [f"own_{number}_{at}", "shared"]
                assert [tool.target for tool in tool_set(tools=(shared,))] == [shared]
        except BaseException as exc:
            faults.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
