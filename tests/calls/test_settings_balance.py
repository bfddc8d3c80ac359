import msgspec
import pytest

from antiphon.calls.settings_balance import BalanceSettings, LiveSettings, StickySettings
from antiphon.core.secret import Secret
from antiphon.providers.credentials import ProviderKeySettings

SETTINGS = [LiveSettings, BalanceSettings, StickySettings, ProviderKeySettings]


@pytest.mark.parametrize("settings", SETTINGS)
def test_each_setting_says_what_it_is_and_its_default(settings: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(settings):
        description = msgspec.json.schema(field.type, schema_hook=lambda _: {})["description"]
        assert field.required or "Default" in description, field.name


@pytest.mark.parametrize(
    ("settings", "wrong", "said"),
    [
        (LiveSettings, {"decay": 1}, "unknown field `decay`"),
        (LiveSettings, {"decay_s": 0}, ">= 0.1"),
        (LiveSettings, {"warmup_floor": 0}, "> 0"),
        (BalanceSettings, {"strategy": "random"}, "Invalid enum value 'random'"),
        (BalanceSettings, {"fastest_quantile": 1}, "< 1.0"),
        (ProviderKeySettings, {"key": "x", "requests_per_minute": 0}, ">= 1"),
        (StickySettings, {"load_bound": 1}, "> 1.0"),
        (StickySettings, {"prefix_bytes": 1}, ">= 64"),
    ],
)
def test_what_cannot_be_is_refused(settings: type[msgspec.Struct], wrong: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(wrong, settings, dec_hook=lambda _, text: Secret(text))
