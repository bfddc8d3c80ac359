"""Every dialect there is, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.request import Dialect
from antiphon.wire.codec import AnyCodec, AnyUpstream
from antiphon.wire.openai_chat.codec import OpenAIChat

_CALLERS: tuple[AnyCodec, ...] = (OpenAIChat(),)
_UPSTREAMS_ONLY: tuple[AnyUpstream, ...] = ()

CODECS: Mapping[Dialect, AnyCodec] = MappingProxyType({one.name: one for one in _CALLERS})
"""Dialects that callers speak."""
UPSTREAMS: Mapping[Dialect, AnyUpstream] = MappingProxyType({one.name: one for one in (*_CALLERS, *_UPSTREAMS_ONLY)})
"""Dialects that upstreams are spoken to in."""
