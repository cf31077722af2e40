from importlib.metadata import version as _version

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "promptkit"
author = "the promptkit authors"
release = _version("promptkit")
version = release

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
smartquotes = False  # a quotation mark in a text may be one in code
html_theme = "furo"
html_title = f"promptkit {release}"

# A page's code is run by the tests, as doctest: never while the pages are built.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True


def _close_up(_: Sphinx, __: str, source: list[str]) -> None:
    """Drop the empty line that ends a doctest before its fence."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


def setup(app: Sphinx) -> None:
    """Show a table as it is, for Pygments knows no CSV, and code without an empty last line."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", _close_up)
