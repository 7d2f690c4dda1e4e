"""The arguments of `create()` and `stream()`, checked, as a request and a policy.

Knows: what a caller may say.  Must not know: how it is sent.
"""
