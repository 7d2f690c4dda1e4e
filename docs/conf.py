"""Sphinx: the documentation of toolfan, built strictly.

sphinx-build -W -n --keep-going docs docs/_build/html
"""

import toolfan

# Loaded here, by their public doors: autodoc would import modules with TYPE_CHECKING set, which makes circles of them.
for _name in toolfan.__all__:
    getattr(toolfan, _name)

project = "toolfan"
author = "The toolfan authors"
project_copyright = "the toolfan authors"
version = release = toolfan.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"toolfan {release}"

myst_heading_anchors = 3
# Docstrings write code between single backticks.
default_role = "code"
# `create()` has 25 overloads, one for each form of its tools: the prose says what they mean.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "__init__, __new__"}

# With -n every reference must resolve.  There is no inventory of these offline.
nitpick_ignore_regex = [
    # base classes of the standard library and of typing_extensions
    ("py:class", r"(typing|typing_extensions|collections\.abc|abc|enum)\..*"),
    ("py:class", r"(Exception|object|Enum|Protocol|Sequence|Generic)"),
    # bases that are private, or public at their home module only
    ("py:class", r"toolfan\.(client|signatures|results|calls|tools|toolset|adapter|errors)\..*"),
    # type variables
    ("py:(class|obj)", r"(.*\.)?[A-Z](_co)?"),
]
