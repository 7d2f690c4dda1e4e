"""Fields of streamed messages that are not ours: as a whole message has them, in time that grows with them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, http
from odd_streams import END, TOOLS, A, chunk, event, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

FACTOR = 8
"""How much longer four times as much may take; linear is 4, quadratic 16."""


def said(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def detail(kind: str = "text", index: int | None = 0, **more: Any) -> dict[str, Any]:
    """One of OpenRouter's `reasoning_details`."""
    return {"type": f"reasoning.{kind}", "format": "anthropic-claude-v1", "index": index, **more}


def thought(text: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, **more}


ROWS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "texts": ([{"reasoning": "a"}, {"reasoning": None}, {"reasoning": "b"}, {"reasoning": "c"}], {"reasoning": "abc"}),
    "words that are said again": ([{"role": "assistant"}, {"role": "assistant"}], {"role": "assistant"}),
    "lists": (
        [{"details": [{"n": 1}]}, {"details": []}, {"details": [{"n": 2}, 3]}],
        {"details": [{"n": 1}, {"n": 2}, 3]},
    ),
    "nothing": ([{"details": None}, {"more": []}], {"details": None, "more": []}),
    "of another type": ([{"x": "a"}, {"x": "b"}, {"x": 3}, {"x": [1]}, {"x": [2]}], {"x": [1, 2]}),
    "thoughts": (
        [
            {"thinking_blocks": [thought("a")]},
            {"thinking_blocks": [thought("b"), thought("c")]},
            {"thinking_blocks": [thought(None, signature="s")]},
            {"thinking_blocks": [thought("d")]},
            {"thinking_blocks": [{"type": "redacted_thinking", "data": "e"}]},
            {"thinking_blocks": [thought("f")]},
        ],
        {
            "thinking_blocks": [
                thought("abc", signature="s"),
                thought("d"),
                {"type": "redacted_thinking", "data": "e"},
                thought("f"),
            ]
        },
    ),
    "reasoning that is signed": (
        [
            {"reasoning_details": [detail(text="Let", signature=None)]},
            {"reasoning_details": [detail(text=" me see.", signature=None), detail(text="")]},
            {"reasoning_details": [detail(signature="s")]},
            {"reasoning_details": [detail(text="More.")]},
            {"reasoning_details": [detail(index=1, text="Other")]},
        ],
        {
            "reasoning_details": [
                detail(text="Let me see.", signature="s"),
                detail(text="More."),
                detail(index=1, text="Other"),
            ]
        },
    ),
    "reasoning in turn": (
        [
            {"reasoning_details": [detail(text="a"), detail("summary", index=1, summary="x")]},
            {"reasoning_details": [detail(text="b"), detail("summary", index=1, summary="y")]},
            {"reasoning_details": [detail("encrypted", index=2, data="e"), detail(signature="s")]},
            {"reasoning_details": [detail(text="c")]},
        ],
        {
            "reasoning_details": [
                detail(text="ab", signature="s"),
                detail("summary", index=1, summary="xy"),
                detail("encrypted", index=2, data="e"),
                detail(text="c"),
            ]
        },
    ),
    "reasoning of other kinds": (
        [
            {"reasoning_details": [detail("summary", summary="a", id="r1")]},
            {"reasoning_details": [detail("summary", summary="b"), detail("summary", summary="c", id="r2")]},
            {"reasoning_details": [detail("encrypted", data="x", id="r2")]},
            {"reasoning_details": [detail("encrypted", data="y", id="r2"), 3, detail("text", index=None)]},
        ],
        {
            "reasoning_details": [
                detail("summary", summary="ab", id="r1"),
                detail("summary", summary="c", id="r2"),
                detail("encrypted", data="x", id="r2"),
                detail("encrypted", data="y", id="r2"),
                3,
                detail("text", index=None),
            ]
        },
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_turn_is_sent_back_with_them(faulty: Callable[..., FaultServer], row: str) -> None:
    deltas, wanted = ROWS[row]
    stream = event(*(said(**delta) for delta in deltas), chunk(piece(0, "a", "Weather", A))) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    kept = calls.turn.replay
    assert {key: kept[key] for key in wanted} == wanted
    assert len(calls) == 1


def test_what_each_piece_says_of_itself_is_none_of_the_turn(faulty: Callable[..., FaultServer]) -> None:
    """Groq names the channel in each piece; its whole messages have none, and it refuses a message that has one."""
    pieces = [said(role="assistant", content="")]
    pieces += [said(reasoning=word, channel="analysis") for word in ("I", " think")] + [said(channel="commentary")]
    stream = event(*pieces, chunk(piece(0, "a", "Weather", A))) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    assert calls.turn.replay["reasoning"] == "I think"
    assert calls.turn.replay.keys() == {"role", "content", "reasoning", "tool_calls"}


def test_the_place_that_each_piece_names_is_none_of_the_turn(faulty: Callable[..., FaultServer]) -> None:
    """Models of others at Mistral say `index` in each delta; Mistral refuses a message that has one."""
    pieces = [said(index=0, content="So"), said(index=0, content=" it is.")]
    stream = event(*pieces, chunk(piece(0, "a", "Weather", A))) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    assert calls.reply({"a": "sunny"})[0].keys() == {"role", "content", "tool_calls"}
    assert calls.raw["choices"][0]["message"].keys() == {"role", "content", "tool_calls"}


@pytest.mark.parametrize("role", [None, ""])
@pytest.mark.parametrize("first", [{}, {"role": "assistant"}], ids=["never", "first"])
def test_a_role_that_says_nothing_is_the_assistants(
    faulty: Callable[..., FaultServer], first: dict[str, Any], role: Any
) -> None:
    """So SGLang, DeepSeek on Azure and MiniMax write it, into each piece; the answer did not fit `ChatCompletion`."""
    pieces = [said(**first, content="I"), said(role=role, content=" see.")]
    stream = event(*pieces, chunk(piece(0, "a", "Weather", A))) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    assert calls.raw["choices"][0]["message"]["role"] == calls.reply({"a": "sunny"})[0]["role"] == "assistant"


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def idea(*said: Any, **more: Any) -> dict[str, Any]:
    """A thought as Mistral writes it: its texts are parts, too."""
    return {"type": "thinking", "thinking": [words(one) if isinstance(one, str) else one for one in said], **more}


CONTENTS: dict[str, tuple[list[Any], list[Any]]] = {
    "one thought in pieces": (
        ["", [idea("I")], [idea(" think")], "So", " it is."],
        [idea("I think"), words("So it is.")],
    ),
    "no text": (["", [idea("I")], [idea(" think")]], [idea("I think")]),
    "one after another": (
        [[idea("I"), idea(" think")], [words("So "), idea("no"), words("not.")], [idea("Hm")]],
        [idea("I think"), words("So "), idea("no"), words("not."), idea("Hm")],
    ),
    "pieces that each say that they are closed": (
        [[idea("I", closed=True)], [idea(" think")], [idea(" so.", closed=True), words("Yes")], "!"],
        [idea("I think so.", closed=True), words("Yes!")],
    ),
    "one that is signed": (
        [[idea("I")], [idea("", signature="s")], [idea("Yes")], "So."],
        [idea("I", signature="s"), idea("Yes"), words("So.")],
    ),
    "what is no text in it": (
        [[idea("I", {"type": "reference", "reference_ids": [1]})], [idea("think", 3)]],
        [idea("I", {"type": "reference", "reference_ids": [1]}, "think", 3)],
    ),
}


@pytest.mark.parametrize("row", CONTENTS)
def test_thoughts_among_the_texts_are_sent_back_as_a_whole_message_has_them(
    faulty: Callable[..., FaultServer], row: str
) -> None:
    contents, wanted = CONTENTS[row]
    stream = event(*(said(content=one) for one in contents), chunk(piece(0, "a", "Weather", A))) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    told, answer = calls.reply({"a": "sunny"})
    assert told["content"] == wanted
    assert calls.text == "".join(part["text"] for part in wanted if part["type"] == "text")
    assert (calls.raw["choices"][0]["message"]["content"], answer["role"]) == (wanted, "tool")


def test_a_content_in_parts_that_are_texts_is_a_text(faulty: Callable[..., FaultServer]) -> None:
    stream = event(said(content=[words("It is "), words("so")]), said(content=["."]), said(content=[3])) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    assert (calls.text, calls.turn.replay["content"]) == ("It is so.", "It is so.")


def test_fields_of_a_call_are_kept_too(faulty: Callable[..., FaultServer]) -> None:
    first, more = piece(0, "a", "Weather", A[:5]), piece(0, arguments=A[5:])
    first |= {"note": "x"}
    more |= {"note": "y"}
    more["function"] |= {"strict": True}
    stream = event(chunk(first), chunk(more)) + END
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(stream, content_type="text/event-stream")).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()
    (entry,) = calls.turn.replay["tool_calls"]
    assert (entry["note"], entry["function"]["strict"], entry["function"]["arguments"]) == ("xy", True, A)


@pytest.mark.slow
@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning": "word " * 100},
        {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "word " * 20}] * 6},
        {"thinking_blocks": [{"type": "thinking", "thinking": "word " * 100}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "word " * 100}]}]},
        {"tool_calls": [{"index": 0, "note": "word " * 100, "function": {"name": "A", "arguments": ""}}]},
    ],
    ids=lambda delta: next(iter(delta)),
)
def test_time_is_linear(delta: dict[str, Any]) -> None:
    def seconds(n: int) -> float:
        best = float("inf")
        for _ in range(3):
            parser = toolfan.load_adapter("openai").stream_parser()
            started = time.thread_time()
            for _ in range(n):
                parser.feed(said(**delta))
            parser.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            parser.close()
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(8000) < FACTOR * max(seconds(2000), 0.002)
