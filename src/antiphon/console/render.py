"""Pages out of templates. Everything that is put into one is escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from antiphon import __version__
from antiphon.console import words

TEMPLATES = Path(__file__).parent / "templates"
FILTERS = {
    name: getattr(words, name)
    for name in (
        "said", "usd", "exact_usd", "count", "permille", "percent", "micros", "seconds", "size", "instant", "utc", "brief",
        "ago", "pretty", "value", "compact",
    )
}  # fmt: skip


class Renderer:
    """All templates of the console."""

    def __init__(self, title: str, refresh_s: int) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=100,
        )
        self._environment.filters.update(FILTERS)
        self._always = {"title": title, "refresh_s": refresh_s, "version": __version__}

    def __call__(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(self._always | values)
