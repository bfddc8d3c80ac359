"""Deployments whose cost will be unknown although nobody asked for that."""

from collections.abc import Mapping
from datetime import date

from antiphon.config.resolve import labs, off_providers, profile_name
from antiphon.config.settings import Settings
from antiphon.providers.catalogue.catalogue import Catalogue
from antiphon.providers.catalogue.priced import priced
from antiphon.providers.profile import Profile
from antiphon.providers.settings import ModelSettings


def unpriced(settings: Settings, profiles: Mapping[str, Profile], day: date) -> list[str]:
    """Names of deployments without a price, in the order of the file.

    Lab models, providers that are off, and models that say `source: none` are not among them.
    """
    catalogue, passed_over = Catalogue(), labs(settings)
    off = off_providers(settings, profiles)
    return [
        name
        for name, model in settings.models.items()
        if name not in passed_over
        and model.provider not in off
        and (model.price is None or model.price.source != "none")
        and not _has_price(name, model, settings, catalogue, day)
    ]


def without_price(settings: Settings, day: date) -> list[str]:
    """Names of all deployments without a price, in the order of the file."""
    catalogue = Catalogue()
    return [name for name, model in settings.models.items() if not _has_price(name, model, settings, catalogue, day)]


def _has_price(name: str, model: ModelSettings, settings: Settings, catalogue: Catalogue, day: date) -> bool:
    profile, base_url = profile_name(settings, model.provider), settings.providers[model.provider].base_url
    known = catalogue.known(profile, model.model or name, day, base_url)
    return priced(model.price, known.price) is not None
