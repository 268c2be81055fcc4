"""How Sphinx makes the documentation into a site that asks nothing of the internet.

The source folder is the whole tree, so a link between two files leads to the same place in the
site as on a code host.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
from importlib.resources import files
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

CONTENTS = """
```{toctree}
:hidden:
:caption: Use
docs/tour
docs/scenarios
docs/optimizers
docs/mesa
docs/api
Unemployment figures <scenarios/data/README>
```

```{toctree}
:hidden:
:caption: Understand
docs/cost
docs/failures
docs/odd
docs/validation
```

```{toctree}
:hidden:
:caption: Work on it
docs/development
CONTRIBUTING
CHANGELOG
```
"""

project = "remanence"
release = importlib.metadata.version(project)

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/*.ipynb", "scenarios/data/README.md"]
exclude_patterns = [".*", "build", "dist", "runs"]

myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_output_stderr = "warn"
# Mesa's progress bar, which is not used here, misses a widget in every notebook.
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"

default_role = "code"  # single backticks in docstrings are names, as in Markdown
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
autodoc_type_aliases = {
    name: name for name in ("BoolArray", "Evaluate", "FloatArray", "IdArray", "IntArray")
} | {"npt.ArrayLike": "numpy.typing.ArrayLike"}
python_use_unqualified_type_names = True

nitpicky = True
# Types of other packages, which only the internet could look up, and a few of no use by name.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|matplotlib|mesa|np|npt|numpy|pandas|pathlib|random|typing)\..*"),
    ("py:class", r"\w+Array|Evaluate|sim\.state\.State|sim\.processes\.stage\.Controller"),
    ("py:class", r"Path|pd\.\w+|xr\.\w+"),
]

# Drawings take the colors of the page, so the page has those of a report, in light and dark.
report_css = files("analysis").joinpath("templates/report.css").read_text(encoding="utf-8")
light, dark = (
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", report_css, re.DOTALL)
)

html_theme = "furo"
html_theme_options = {"light_css_variables": light, "dark_css_variables": dark}
html_title = f"{project} {release}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the start page the table of contents that a code host would show as code."""
    if name == root_doc:
        source[0] += CONTENTS


def add_index(app: Sphinx, error: Exception | None) -> None:
    """Let the start page be found under the name that browsers and servers look for."""
    if error is None:
        shutil.copyfile(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    """Connect the two steps above, and show CSV as it is, since Pygments does not know it."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", add_contents)
    app.connect("build-finished", add_index)
