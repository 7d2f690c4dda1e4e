"""Laws of what messages hold: texts and arguments to the letter, every image as what it is.

Knows: chat-style messages, `build_request`.  Must not know: the rest of a request, how it is sent.
"""

from __future__ import annotations

import contextlib
import json
from base64 import b64decode, b64encode
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from toolfan.errors import RequestRejected, UsageError

from .lawbook import law
from .laws_of_earlier_calls import LETTERS, LawsOfEarlierCalls
from .laws_of_messages import IDS, PIXEL, RESULTS, called, word
from .subject import USER
from .trees import at, changed, earlier, places, same, says, text_of, texts, values, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import JSON

PLAIN_TEXTS = ("", "007", "7", "true", "null")
ADDRESS = "https://example.com/toolfan.png"
SIGNED = f"{ADDRESS}?size=1&key=a%2Fb"
# "toolfan-data", as parts hold it that are neither text nor image.
DATA = "dG9vbGZhbi1kYXRh"
OTHER_PARTS: tuple[JSON, ...] = (
    {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
    {"type": "file", "file": {"filename": "toolfan.pdf", "file_data": f"data:application/pdf;base64,{DATA}"}},
    {"type": "file", "file": {"file_id": DATA}},
    {"type": "toolfan_part", "toolfan_part": {"data": DATA}},
)
# The smallest JPEG that has a header: another image than the pixel.
OTHER_IMAGE = "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q=="
# The pixel, and after its end as many bytes as a photograph has, no two parts of which are alike.
LARGE_IMAGE = b64encode(b64decode(PIXEL) + b"".join(b"%07d," % number for number in range(60_000))).decode()


def _image(data: str, kind: str) -> JSON:
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


class LawsOfHistories(LawsOfEarlierCalls):
    """What goes out of each message."""

    @law
    def test_texts_go_out_to_the_letter(self) -> Iterator[str]:
        """Every text goes out as it was given, long ones too: blanks, line ends, and letters that are not ASCII.

        Texts of the user, of the assistant, of systems and the results of calls.  Do not strip, cut or normalise them,
        and write JSON with `toolfan.wire.json_text`, which loses nothing.  "007" is a text, and so is "".  Messages of
        the user's in a row may go out as one, in which each text stands to the letter, in order.
        """
        result = {"role": "tool", "tool_call_id": IDS[0]}
        asked: dict[str, tuple[JSON, ...]] = {
            "user": ({"role": "user", "content": LETTERS},),
            "user (in parts)": ({"role": "user", "content": [{"type": "text", "text": LETTERS}]},),
            "user (in a row)": (USER, {"role": "user", "content": LETTERS}, USER),
            "assistant": (USER, {"role": "assistant", "content": LETTERS}, USER),
            "tool": (USER, called(ids=IDS[:1]), {**result, "content": LETTERS}),
        }
        system = {"role": "system", "content": "x"}
        if self.adapter.capabilities.system_messages and not self.refused(messages=[system, USER]):
            asked |= {role: ({"role": role, "content": LETTERS}, USER) for role in ("system", "developer")}
        for whose, messages in asked.items():
            found = [text for text in words(self.built(messages=messages).body) if "toolfan" in text]
            if not any(LETTERS in text for text in found):
                near = max(found, key=len, default="")
                yield f"the text of the message of the {whose} is not there as it was given, but {near!r:.100}"
        yield from self._taken_for_else()

    def _taken_for_else(self) -> Iterator[str]:
        """Texts that become another value, or that are empty and become a word, or nothing.

        Of the assistant and of systems an empty one may be left out, as providers refuse it; a result may say in JSON
        that it is empty.
        """
        results: tuple[JSON, ...] = (USER, called(ids=IDS[:1]), RESULTS[0])
        asked: tuple[JSON, ...] = tuple({"role": "user", "content": word(one)} for one in ("result", "after"))
        for whose, messages in (("tool", results), ("user", asked)):
            base = self.built(messages=messages).body
            body = text_of(base)
            if whose == "user" and 0 <= body.find(word("after")) < body.find(word("result")):
                yield "the second of two messages of the user's in a row stands before the first"
            for text in PLAIN_TEXTS:
                told = tuple({**one, "content": text} if one["content"] == word("result") else one for one in messages)
                try:
                    found = self.built(messages=told).body
                except UsageError:
                    continue
                if whose == "user" and text_of(found) in _merged(base, text):
                    continue
                more = Counter(texts([*values(found)])) - Counter(texts([*values(json.loads(body))]))
                if {one for one in more if one != text and (text or not _is_empty_in_json(one))} or (
                    text_of(found) != body.replace(word("result"), text) and (text or whose == "user")
                ):
                    yield f"the text {text!r} of the {whose} goes out as another value, or not: {text_of(found)[:300]}"

    @law
    def test_parts_of_other_kinds_go_out_or_are_refused(self) -> Iterator[str]:
        """A part that is neither text nor image (sound, a file, an unknown one) goes out, or is refused.

        Raise Unsupported, and name its type: a model that was not shown the file would answer all the same.
        `toolfan.messages.read_messages` gives an `OtherPart` for each.
        """
        for part in OTHER_PARTS:
            for where, messages in _holding(part):
                with contextlib.suppress(UsageError, RequestRejected):
                    body = self.built(messages=messages).body
                    if not any(DATA in text for text in words(body)):
                        yield f"{where} is left out: send it, or raise Unsupported"

    @law
    def test_images_go_out(self) -> Iterator[str]:
        """All images of a message go out, in their order; one by address goes out, or is refused as Unsupported.

        Images and texts of one message stand in one order, if the wire has one for them: what is said of the first
        image stands before the second.  A large one goes out whole; one of an earlier message goes out, too, or is
        refused.
        """
        if not self.adapter.capabilities.images:
            return
        content = [{"type": "text", "text": word("one")}, _image(PIXEL, "png"), _image(OTHER_IMAGE, "jpeg")]
        body = self.built(messages=({"role": "user", "content": content},)).body
        found = [places(body, says(data)) for data in (PIXEL, OTHER_IMAGE)]
        if not all(found):
            yield f"of two images in a message {sum(map(bool, found))} go out"
        elif not earlier(found[0][0], found[1][0]):
            yield "the second image of a message stands before the first"
        yield from self._among_texts()
        body = self.built(messages=({"role": "user", "content": [_image(LARGE_IMAGE, "png")]},)).body
        if not places(body, says(LARGE_IMAGE)):
            yield f"an image of {len(LARGE_IMAGE)} characters does not go out whole"
        later = {"role": "assistant", "content": word("two")}, {"role": "user", "content": word("three")}
        with contextlib.suppress(UsageError):
            body = self.built(messages=({"role": "user", "content": content[:2]}, *later)).body
            if not places(body, says(PIXEL)):
                yield "an image of an earlier message is left out: send it, or raise Unsupported"
        for address in (ADDRESS, SIGNED):
            by_address = [{"type": "text", "text": word("one")}, {"type": "image_url", "image_url": {"url": address}}]
            try:
                body = self.built(messages=({"role": "user", "content": by_address},)).body
            except UsageError:
                continue
            if not places(body, says(address)):
                yield f"an image by address ({address}) is left out: send it, or raise Unsupported"

    def _among_texts(self) -> Iterator[str]:
        """Where texts and images of one message change places: keys of an object have no order, items of a list do."""
        said, shown = (word("one"), word("two")), (_image(PIXEL, "png"), _image(OTHER_IMAGE, "jpeg"))
        content = [
            part for text, image in zip(said, shown, strict=True) for part in ({"type": "text", "text": text}, image)
        ]
        with contextlib.suppress(UsageError):
            body = self.built(messages=({"role": "user", "content": content},)).body
            found = [places(body, says(one))[:1] for one in (said[0], PIXEL, said[1], OTHER_IMAGE)]
            if not all(found):
                yield f"of two texts and two images in a message {sum(map(bool, found))} go out"
            elif not all(earlier(*one, *other) for one, other in pairwise(found)):
                yield "of a text, an image, a text and an image in a message one stands before another that came first"

    @law
    def test_the_media_type_of_an_image_goes_out(self) -> Iterator[str]:
        """The same bytes as image/png and as image/jpeg are two requests: the media type of `data:` is not lost.

        Nor are image/gif and image/webp, unless they are refused.  A provider that has no field for it looks at the
        bytes; then name this law in `broken_laws`, and say so.
        """
        if not self.adapter.capabilities.images:
            return
        bodies: dict[str, JSON] = {}
        for kind in ("png", "jpeg", "gif", "webp"):
            try:
                body = self.built(messages=({"role": "user", "content": [_image(PIXEL, kind)]},)).body
            except UsageError:
                if kind in ("png", "jpeg"):
                    raise
                continue
            for other, already in bodies.items():
                if same(already, body):
                    yield f"an image goes out without its media type, or as image/{other} and image/{kind} alike"
            bodies[kind] = body


def _merged(base: JSON, text: str) -> list[str]:
    """What may be sent where the text of two messages in a row, of which the first said "result", is one."""
    found: list[str] = []
    for path in places(base, says(word("result"))):
        if (both := str(at(base, path))) != word("result") and word("after") in both:
            found.append(text_of(changed(base, path, both.replace(word("result"), text))))
            found += [] if text else [text_of(changed(base, path, word("after")))]
    return found


def _holding(part: JSON) -> Iterator[tuple[str, tuple[JSON, ...]]]:
    """Messages in which this part is, each with where it stands."""
    kind, text = part["type"], {"type": "text", "text": word("beside")}
    yield f"the part {kind} beside a text of the user", ({"role": "user", "content": [text, part]},)
    yield f"the part {kind} alone", (USER, {"role": "assistant", "content": "x"}, {"role": "user", "content": [part]})
    later = ({"role": "assistant", "content": word("two")}, {"role": "user", "content": word("three")})
    yield f"the part {kind} of an earlier message", ({"role": "user", "content": [text, part]}, *later)
    result = {"role": "tool", "tool_call_id": IDS[0], "content": [text, part]}
    yield f"the part {kind} in the result of a call", (USER, called(ids=IDS[:1]), result)


def _is_empty_in_json(text: str) -> bool:
    """Whether this is an object in JSON that holds empty texts and nothing else."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value) and not any(one != "" for one in value.values())
