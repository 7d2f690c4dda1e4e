"""What botocore asks of whoever listens while it sends: with which headers, whether again, what came.

Knows: the events of botocore, what a request of toolfan's is sent with.  Must not know: what is in a body, policy.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolfan.drivers.pooled_sockets import Served
from toolfan.secrets.held import Hidden

from .blobs import from_body
from .border import with_words
from .reading import interrupt

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Asked:
    """What a request of toolfan's is to be sent with, and the whole answer as it came."""

    timeout: float | None
    headers: Mapping[str, str]
    content: bytes | None = None
    """None where a stub of the SDK's answered in place of the service."""
    sent: Mapping[str, str] = field(default_factory=dict)
    """All headers that went out, the signature's too."""
    served: Served = field(default_factory=Served)

    def leave(self, stream: Any) -> None:
        """End the request, whose answer is this stream, from another thread."""
        if not self.served.leave():
            interrupt(stream)


asked_now: contextvars.ContextVar[Asked | None] = contextvars.ContextVar("toolfan_bedrock_request", default=None)


def _prepare(params: Any, context: Any, **more: Any) -> None:
    """Before a request of ours goes out: its headers, and no more time for each read than is left.

    Older versions of botocore leave `read_timeout` unread; then the client's own holds.
    """
    del more  # botocore tells all that it knows
    asked = asked_now.get()
    if asked is not None:
        params["headers"].update(asked.headers)
        own = context["client_config"].read_timeout
        if asked.timeout is not None and (own is None or asked.timeout < own):
            context["read_timeout"] = max(asked.timeout, 0.001)


def _note_headers(request: Any, **more: Any) -> None:
    """Notes what a request of ours goes out with: hooks of the client's own may have added to it."""
    del more  # botocore tells all that it knows
    asked = asked_now.get()
    if asked is not None:
        values = (
            (name, value.decode("latin-1") if isinstance(value, bytes) else str(value))
            for name, value in request.headers.items()
        )
        asked.sent = Hidden(values)


def _take_whole(response_dict: Any, operation_model: Any, customized_response_dict: Any, **more: Any) -> None:
    """Takes a whole answer to a request of ours as it came: botocore's reader fails at one odd value, and loses all.

    What else sees the answer (hooks `after-call`, code around `_make_api_call` that counts tokens) is told it, too.
    """
    del more  # botocore tells all that it knows
    asked = asked_now.get()
    if asked is not None and 200 <= response_dict["status_code"] < 300:
        asked.content = content = response_dict["body"]
        response_dict["body"] = b"{}"
        customized_response_dict.update(from_body(content, operation_model.output_shape))


def _do_not_retry(response: Any, operation: Any, caught_exception: Any = None, **more: Any) -> None:
    """Raises what a request of ours came to, before botocore may send it again: retries are toolfan's, and counted."""
    del more  # botocore tells all that it knows
    if asked_now.get() is None:
        return
    if caught_exception is not None:
        raise caught_exception
    if response is not None and response[0].status_code >= 300:
        from botocore.exceptions import ClientError

        raise ClientError(with_words(response[1], response[0].content), operation.name)


def tell(client: Any) -> None:
    """Registers all of them with this client; again it changes nothing."""
    events = client.meta.events
    events.register("before-call.bedrock-runtime", _prepare, unique_id="toolfan-prepare")
    events.register_last("before-send.bedrock-runtime", _note_headers, unique_id="toolfan-headers")
    events.register("before-parse.bedrock-runtime.Converse", _take_whole, unique_id="toolfan-whole")
    events.register_first("needs-retry.bedrock-runtime", _do_not_retry, unique_id="toolfan-once")
