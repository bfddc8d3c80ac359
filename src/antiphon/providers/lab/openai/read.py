"""What OpenAI's other endpoints have in common: strict fields, OpenAI's errors, requests that are no conversation."""

from typing import TypeVar

from msgspec import Struct, json

from antiphon.providers.lab.chat import MANNERS
from antiphon.providers.lab.cohere.dialect import plain
from antiphon.providers.lab.complaint import Complaint, read
from antiphon.providers.lab.dialect import Dialect, Incoming, Writer
from antiphon.providers.lab.request import Asked, Message, Part
from antiphon.providers.lab.responses.dialect import refused

T = TypeVar("T")


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class OpenAI(Dialect):
    """One endpoint; on Azure's older paths the path names the model."""

    manners = MANNERS

    def read(self, incoming: Incoming) -> Writer:
        try:
            return self._read(incoming)
        except Complaint as wrong:
            raise refused(wrong) from None

    def _read(self, incoming: Incoming) -> Writer:
        raise NotImplementedError


def asked_of(model: str, texts: list[str], incoming: Incoming) -> Asked:
    """A request in JSON."""
    return plain(model, [Message("user", text) for text in texts], incoming.body)


def asked_of_form(model: str, messages: list[Message], incoming: Incoming) -> Asked:
    """A request in a form, whose key is of all its bytes: its boundary makes another of the same."""
    return plain(model, messages, json.encode({"form": str(incoming.body)}))


def fields_of(decoder: json.Decoder[T], incoming: Incoming) -> T:
    """Raises: Complaint, BadRequest."""
    return read(decoder, incoming.body)


def file_message(kind: str) -> Message:
    return Message("user", [Part(kind)])
