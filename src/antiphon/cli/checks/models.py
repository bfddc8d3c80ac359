"""Whether anything can be asked for."""

from antiphon.cli import text
from antiphon.cli.checks.finding import Finding, ok, wrong
from antiphon.config.resolve import offered
from antiphon.config.settings import Settings
from antiphon.providers.profiles import PROFILES


def models(settings: Settings) -> Finding:
    """How many names callers may ask for; none is wrong, although such a configuration can be served."""
    about = "models"
    names = offered(settings, PROFILES)
    if names:
        return ok(about, f"{text.counted(len(names), 'name')} can be asked for")
    if not settings.models:
        remedy = "write one under `models`, and its provider under `providers`"
        return wrong(about, "nothing can be asked for: the configuration has no models", remedy)
    remedy = "give a provider its key, or list a model"
    return wrong(about, "nothing can be asked for: each model is unlisted, or its provider is off", remedy)
