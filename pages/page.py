"""A page: one HTML file of a template, the shared parts, and what a report adds to them.

What models wrote is hostile: it stands in JSON that cannot end its script element, is shown as
text alone, and the page's own policy admits no script but the one whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

SHARED = "pages"  # the package of the parts that every report has


def render_page(package: str, **context: Any) -> str:
    """Fill the package's `report.html` with the context; its style and script come after ours.

    The template extends `page.html` and takes `figure` and tables from `parts.html`.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FunctionLoader(lambda name: _file(package, name)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = Markup  # plots, which escape what they hold
    script = _both(package, "browser.js", "report.js")
    return environment.get_template("report.html").render(
        style=Markup(_both(package, "page.css", "report.css")),  # noqa: S704  (ours)
        script=Markup(script),  # noqa: S704  (ours)
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **context,
    )


def _file(package: str, name: str) -> str:
    """Return a file of the report's own package, else the shared one."""
    own = files(package).joinpath(name)
    return (own if own.is_file() else files(SHARED).joinpath(name)).read_text(encoding="utf-8")


def _both(package: str, shared: str, own: str) -> str:
    return "\n".join((_file(SHARED, shared), _file(package, own)))


def script_json(value: Any) -> Markup:
    """Write JSON for a script element: no `<`, which could end it or open a comment."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  (nothing in it can be markup)
