"""Finding adapters: entry points, one plugin imported with care, one name selected, all of them listed.

Knows: adapter names, distributions.  Must not know: what a provider does, any SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .listing import AdapterInfo as AdapterInfo
    from .listing import installed_adapters as installed_adapters
    from .loading import load_adapter as load_adapter
else:
    __getattr__, __dir__ = moved(
        __name__, {"registry.listing": "AdapterInfo installed_adapters", "registry.loading": "load_adapter"}
    )
