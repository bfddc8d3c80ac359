"""The settings that hold, as people and programs read them: defaults filled in, no secret shown."""

import yaml as pyyaml

from antiphon.config.load import Loaded
from antiphon.config.plain import Plain, plain
from antiphon.wire.yaml_scalar import meaning

HIDDEN = "***"


def shown(loaded: Loaded) -> Plain:
    """The resolved settings as plain values: what `--json` prints."""
    return plain(loaded.settings, lambda _: HIDDEN)


def show(loaded: Loaded) -> str:
    """The resolved settings as YAML that could be loaded again, but for its secrets."""
    head = f"# {loaded.file}, revision {loaded.revision.id}\n"
    return head + pyyaml.dump(shown(loaded), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(pyyaml.SafeDumper):
    """Quotes what YAML 1.2 would not read as text, besides what PyYAML quotes for YAML 1.1."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - nothing is an alias in what is shown
        return True


def _text(_: pyyaml.SafeDumper, value: str) -> pyyaml.ScalarNode:
    style = None if meaning(value)[0] == "text" else '"'
    return pyyaml.ScalarNode("tag:yaml.org,2002:str", value.replace("${", "$${"), style=style)


_Dumper.add_representer(str, _text)
