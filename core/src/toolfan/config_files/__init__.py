"""The files of the configuration: finding them, the lines of their keys, what they disable.

Knows: TOML.  Must not know: profiles, adapters.
"""
