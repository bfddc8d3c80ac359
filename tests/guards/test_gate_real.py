"""The guards that look at spans, on a stream: nothing of what they find in the whole text leaves, and all else does."""

from guarded import ASKED, token
from hypothesis import given, settings
from hypothesis import strategies as st
from streamed import Heard, pieces, through

from antiphon.core.response import Delta
from antiphon.guards.gate import Gate
from antiphon.guards.make import make
from antiphon.guards.port import LONGEST_TAIL, Text
from antiphon.guards.screen import screen
from antiphon.guards.settings import GuardSettings
from antiphon.guards.settings_content import OutputSettings, UnicodeSettings
from antiphon.guards.settings_pii import PiiSettings
from antiphon.guards.settings_secrets import SecretsSettings
from antiphon.guards.texts import applied

GUARDS = make(
    {
        "pii": GuardSettings(pii=PiiSettings()),
        "secrets": GuardSettings(secrets=SecretsSettings(), action="mask"),
        "unicode": GuardSettings(unicode=UnicodeSettings()),
        "output": GuardSettings(output=OutputSettings()),
    }
)
BITS = st.sampled_from(
    [
        *(
            "Write to ",
            "ann.smith@mail.org",
            "ann",
            "@",
            "mail.org",
            " or call ",
            "+49 30 901820",
            "4111 1111 1111 1111",
            "4111",
        ),
        *(
            "DE89370400440532013000",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_016C7j3kLmN4pQrStUvWxYz0123456789AbC",
            "api_key = ",
            '"',
            "\u200b",
        ),
        *(
            "\u202e",
            "![x](https://evil.example/?q=",
            "secret",
            ")",
            "[a](b)",
            "<script>",
            "\x1b[31m",
            ". ",
            "\n",
            "word ",
            "Word",
            "é",
        ),
    ]
)
SAID = st.lists(BITS, max_size=12).map("".join)


@given(text=SAID, size=st.integers(1, 24))
@settings(max_examples=120, deadline=None)
def test_a_stream_lets_go_what_guards_let_go_of_the_whole(text: str, size: int) -> None:
    gate = Gate("openai_chat", GUARDS, ASKED, token)
    stream = pieces("openai_chat", [Delta(text=text[at : at + size]) for at in range(0, len(text), size)])
    made = screen([Text("x", "assistant", text)], GUARDS, ASKED, "answer", token)
    long = any(one.end - one.start > LONGEST_TAIL for one in made.findings)

    heard = Heard("openai_chat", through(gate, stream)).text

    if long:  # acted on at its first characters: the token is another, and nothing else is
        return
    assert heard == (applied(text, made.edits[0][1]) if made.edits else text)
    assert sorted((one.rule, one.start, one.end) for one in gate.findings) == sorted(
        (one.rule, one.start, one.end) for one in made.findings
    )
