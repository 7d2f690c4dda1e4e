"""What the service can do, as its documents say.

Knows: the service's limits.  Must not know: requests, answers, the SDK.
"""

from __future__ import annotations

from toolfan.adapter import Capabilities

# Names: "a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64" (OpenAI's API reference,
# FunctionObject.name).  128 tools: the service's own limit, as its 400 says.
CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=True,
    tool_choice_required=True,
    tool_choice_subset=True,
    strict_schemas=True,
    system_messages=True,
    images=True,
    call_ids=True,
    max_tools=128,
    max_name_length=64,
    name_pattern=r"[a-zA-Z0-9_-]+",
    batch=False,
)
