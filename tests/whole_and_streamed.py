"""An answer says the same whole and as events: odd calls to ask it of, and what is compared.

Knows: adapters, turns.  Must not know: any provider's form of an answer or an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from toolfan import IncompleteStream, load_adapter
from toolfan.adapter import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan import RawCall, Turn

BOUNDED = settings(max_examples=150, deadline=None)
CUTS = st.integers(0, 40)
TEXTS = st.sampled_from(["Two places.", "Zürich ☔"])
ARGUMENTS = st.sampled_from(["", " ", "{", "{}", "[]", "null", '""', "7", '{"x": 1}', '{"x": "a{b"}', '{"x": 1', "x}"])
"""As the text that a model wrote."""
VALUES = st.sampled_from([{}, {"x": 1}, {"x": "é {"}, 7, [], [{"x": 1}], True])
"""As values; of a text, or of null, the services do not tell how they would stream it."""


def calls(arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, str, Any]]:
    """Id, name and arguments of a call, any of which may be empty, and the id given twice."""
    return st.tuples(
        st.sampled_from(["", "id1", "id2", "☔"]), st.sampled_from(["", "Weather", "get.weather"]), arguments
    )


def check(adapter: str, body: Mapping[str, Any], events: Sequence[Mapping[str, Any]], cut: int) -> None:
    """These events say what the body says; what was handed out on the way is there in the end, also of a cut stream."""
    codec = load_adapter(adapter)
    whole, streamed = codec.parse_response(body), _read(codec, events)
    assert list(map(_said, streamed.calls)) == list(map(_said, whole.calls))
    for name in ("text", "stop", "usage", "refusal", "response_id", "model"):
        assert getattr(streamed, name) == getattr(whole, name), name
    replayed = [codec.build_answer(turn, [Answer(call, "ok") for call in turn.calls]) for turn in (streamed, whole)]
    assert replayed[0] == replayed[1]
    _read(codec, events[: cut % len(events)])


def _read(codec: Any, events: Sequence[Mapping[str, Any]]) -> Turn:
    """The turn at the end of these events, with every call that was handed out before, unchanged."""
    parser = codec.stream_parser()
    sealed = [call for event in events for call in parser.feed(event)]
    try:
        turn = parser.close()
    except IncompleteStream as exc:
        turn = exc.turn
    assert len({call.index for call in sealed}) == len(sealed)
    assert all(call in turn.calls for call in sealed)
    return turn  # type: ignore[no-any-return]


def _said(call: RawCall) -> tuple[Any, ...]:
    """The call; an id that is empty is none."""
    return call.index, call.id, call.name, call.arguments, call.provider_id or None
