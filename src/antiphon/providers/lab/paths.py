"""Which dialect a path speaks, and which model it names."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from antiphon.net.exchange import Exchange
from antiphon.providers.lab.anthropic.dialect import AnthropicDialect
from antiphon.providers.lab.bedrock.dialect import ConverseDialect, InvokeDialect
from antiphon.providers.lab.chat import ChatDialect
from antiphon.providers.lab.cohere.dialect import CohereChat, CohereEmbed, Rerank
from antiphon.providers.lab.dialect import Dialect, Incoming
from antiphon.providers.lab.gemini.dialect import GeminiDialect
from antiphon.providers.lab.openai.audio import Speeches, Transcriptions
from antiphon.providers.lab.openai.completions import Completions
from antiphon.providers.lab.openai.embeddings import Embeddings, Moderations
from antiphon.providers.lab.openai.images import Edits, Generations
from antiphon.providers.lab.responses.dialect import ResponsesDialect
from antiphon.providers.lab.responses.memory import Memory

Choose = Callable[[Incoming], Dialect]
GOOGLE = r"/(?:v1|v1beta)/(?:projects/[^/]+/locations/[^/]+/publishers/google/)?models/(?P<model>.+?):(?P<action>\w+)"


class Route(Struct, frozen=True):
    """Paths of one kind; `model` and `action` are named groups of the pattern."""

    pattern: re.Pattern[str]
    choose: Choose


def incoming_of(exchange: Exchange) -> Incoming:
    query = dict(parse_qsl(exchange.query.decode("latin-1"), keep_blank_values=True))
    path = unquote(exchange.path.decode("latin-1"))
    return Incoming(path=path, body=b"".join(exchange.body), headers=exchange.headers, query=query)


def find(routes: Sequence[Route], incoming: Incoming) -> tuple[Dialect, Incoming] | None:
    """The dialect of a request to a model, and the request with what its path names. None: it is to no model."""
    for route in routes:
        found = route.pattern.fullmatch(incoming.path)
        if found is not None:
            named = found.groupdict(default="")
            asked = Incoming(
                path=incoming.path,
                body=incoming.body,
                headers=incoming.headers,
                query=incoming.query,
                model=named.get("model", ""),
                action=named.get("action", ""),
            )
            return route.choose(asked), asked
    return None


def routes(memory: Memory, *, signed: bool) -> list[Route]:
    """All paths that are answered by a model. `signed`: Bedrock asks for a signature."""
    chat = ChatDialect()
    sse, array = GeminiDialect(), GeminiDialect(array=True)

    def google(incoming: Incoming) -> Dialect:
        grows = incoming.action == "streamGenerateContent" and incoming.query.get("alt") != "sse"
        return array if grows else sse

    return [
        _always(r"(?:/openai)?/v1/chat/completions", chat),
        _always(r"/openai/deployments/(?P<model>[^/]+)/chat/completions", chat),
        _always(r"/v1/messages", AnthropicDialect()),
        _always(r"/v1/messages/count_tokens", AnthropicDialect(count=True)),
        _always(r"(?:/openai)?/v1/responses", ResponsesDialect(memory)),
        _always(r"/model/(?P<model>.+)/converse", ConverseDialect(signed=signed, stream=False)),
        _always(r"/model/(?P<model>.+)/converse-stream", ConverseDialect(signed=signed, stream=True)),
        _always(r"/model/(?P<model>.+)/invoke", InvokeDialect(signed=signed, stream=False)),
        _always(r"/model/(?P<model>.+)/invoke-with-response-stream", InvokeDialect(signed=signed, stream=True)),
        _always(r"/v2/chat", CohereChat()),
        _always(r"/v2/embed", CohereEmbed()),
        _always(r"/v2/rerank", Rerank(jina=False)),
        _always(r"/v1/rerank", Rerank(jina=True)),
        *_openai(),
        Route(re.compile(GOOGLE), google),
    ]


def _always(pattern: str, dialect: Dialect) -> Route:
    return Route(re.compile(pattern), lambda _: dialect)


def _openai() -> list[Route]:
    """Both OpenAI's own paths and Azure's."""
    endpoints = {
        "embeddings": Embeddings(),
        "completions": Completions(),
        "moderations": Moderations(),
        "images/generations": Generations(),
        "images/edits": Edits(),
        "audio/speech": Speeches(),
        "audio/transcriptions": Transcriptions(),
    }
    own = [_always(f"(?:/openai)?/v1/{path}", dialect) for path, dialect in endpoints.items()]
    deployed = [_always(f"/openai/deployments/(?P<model>[^/]+)/{path}", dialect) for path, dialect in endpoints.items()]
    return own + deployed
