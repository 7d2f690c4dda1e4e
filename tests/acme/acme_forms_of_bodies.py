"""Right adapters whose bodies have another form than Acme's; see `acme_forms`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acme_forms import right
from toolfan_acme import AcmeAdapter


@right
class SaysNoDefault(AcmeAdapter):
    """The choice is an object, which is left out where it says the default alone."""

    def shaped(self, body: Any) -> Any:
        choice = {"mode": body["mode"], **{key: body[key] for key in ("only", "one_at_a_time") if key in body}}
        rest = {key: value for key, value in body.items() if key not in choice}
        return rest if choice == {"mode": "may"} else {**rest, "choice": choice}


@right
class OneWordForBoth(AcmeAdapter):
    """Mode and number of calls are said in one word."""

    def shaped(self, body: Any) -> Any:
        rest = {key: value for key, value in body.items() if key != "one_at_a_time"}
        return {**rest, "mode": f"{body['mode']}-one"} if "one_at_a_time" in body else body


@right
class ToolsByName(AcmeAdapter):
    """Tools stand in an object, under their names."""

    def shaped(self, body: Any) -> Any:
        return {**body, "tools": {one["name"]: {"about": one["about"], "takes": one["takes"]} for one in body["tools"]}}


@right
class Enveloped(AcmeAdapter):
    """What is asked stands in an envelope, beside nothing that a user may add to."""

    def build_request(self, request: Any) -> Any:
        wire = super().build_request(request)
        return replace(wire, body={"version": 2, "job": wire.body}, tools_json=None)
