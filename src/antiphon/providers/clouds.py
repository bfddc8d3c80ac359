"""A maker's own dialect as the clouds want it. Today's one: Anthropic's, on Bedrock and Vertex."""

from antiphon.wire.anthropic_messages.variant import BEDROCK, VERTEX, for_cloud
from antiphon.wire.codec import Terms

_BETA = b"anthropic-beta: "


def clouded(body: bytes, terms: Terms, lines: bytes) -> bytes:
    """A body for the cloud that the terms name.

    Args:
        lines: Header lines that go on; the names of betas among them go into the body.
    """
    said = next((line for line in lines.split(b"\r\n") if line.startswith(_BETA)), b"")
    betas = [one.strip() for one in said.removeprefix(_BETA).decode("latin-1").split(",") if one.strip()]
    version = BEDROCK if terms.quirks.variant == "bedrock" else VERTEX
    return for_cloud(body, version, betas)
