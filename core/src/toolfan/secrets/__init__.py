"""What must not be seen: how a secret may be written, and how it is kept out of errors, logs and values.

Knows: texts, headers, the spellings of a secret.  Must not know: requests, providers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .redaction import blotted as blotted
    from .redaction import blotted_beside as blotted_beside
    from .redaction import public_headers as public_headers
else:
    __getattr__, __dir__ = moved(__name__, {"secrets.redaction": "blotted blotted_beside public_headers"})
