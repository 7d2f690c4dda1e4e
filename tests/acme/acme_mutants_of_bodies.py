"""Adapters with one fault each, in bodies of another form than Acme's; see `acme_mutants`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acme_forms_of_bodies import ToolsByName
from acme_mutants import breaks
from toolfan.wire import merge_extra_body
from toolfan_acme import AcmeAdapter


@breaks("test_a_request_is_plain_json")
class ToolsByNameAlone(ToolsByName):
    """What is said of a tool under its name is not all that was rendered."""

    def shaped(self, body: Any) -> Any:
        tools = super().shaped(body)["tools"]
        return {**body, "tools": {name: {"takes": one["takes"]} for name, one in tools.items()}}


@breaks("test_the_extra_body_goes_out")
class ExtrasOnTheEnvelope(AcmeAdapter):
    """A user's fields stand around what is asked, where no service looks for them."""

    def build_request(self, request: Any) -> Any:
        wire = super().build_request(replace(request, extra_body={}))
        body = merge_extra_body({"job": wire.body}, request.extra_body, adapter=self.name)
        return replace(wire, body=body, tools_json=None)
