"""What a lab model says: who it is, what it read, then words without a meaning."""

import math
import random
import re

from antiphon.providers.lab.chance import chance, normal
from antiphon.providers.lab.count import BYTES_PER_TOKEN, cut
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.settings import LabModel

VOCABULARY = (
    "amber anchor arbour autumn basin beacon birch bridge canvas cedar chapel chorus cinder clover cobalt copper "
    "coral cradle delta drift ember fathom fern flint garden glade granite harbour hazel heron island ivory juniper "
    "kestrel lantern larch linen lumen marble meadow mirror moss oak orchard pebble petal pine prairie quarry reed "
    "river saffron slate sparrow thistle timber valley velvet willow winter"
)
WORDS = VOCABULARY.split()
LENGTH_SIGMA = 0.35
"""Spread of the answers' lengths around their median: one in a hundred is more than 2.26 times as long."""
QUOTED_CHARACTERS = 200
"""Most characters of a tool's result that an answer quotes."""
LETTERS = "ABCDEFGHIJ"
"""Choices of the usual tests; MMLU-Pro has ten."""
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def name_of(model: str) -> str:
    """How every lab answer begins."""
    return f"[{model}, a simulated model]"


def summary(asked: Asked) -> str:
    """What the request held, in one sentence. Words are counted by the blanks between them."""
    parts = [part for message in asked.messages for part in message.parts]
    texts = [part.text for part in parts if part.text]
    words = sum(1 + sum(text.count(blank) for blank in " \n\t") for text in texts)
    counts = [(len(asked.messages), "message"), (words, "word")]
    for noun, kinds in (("image", ("image_url",)), ("audio part", ("input_audio",)), ("file", ("file",))):
        found = sum(part.type in kinds for part in parts)
        counts += [(found, noun)] if found else []
    return "I read " + ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts) + "."


def quotes(asked: Asked) -> str:
    """The results of tools that the conversation ends with."""
    said = (
        f'The tool call {result.tool_call_id or "without an id"} gave "{result.text[:QUOTED_CHARACTERS]}".'
        for result in asked.tool_results
    )
    return " ".join(said)


def speech(asked: Asked, settings: LabModel, seed: int, index: int) -> str:
    """The text of answer number `index`: about `answer_tokens` long, never shorter than what it has to say."""
    chat = asked.chat
    source = chance(seed, chat.model, asked.key, "text", index)
    said = [name_of(chat.model), _verdict(asked, settings, seed, index), summary(asked), quotes(asked)]
    start = " ".join(text for text in said if text)
    spread = min(4.0, math.exp(LENGTH_SIGMA * normal(source)))
    missing_bytes = int(settings.answer_tokens * spread) * BYTES_PER_TOKEN - len(start.encode())
    return f"{start} {babble(source, missing_bytes)}" if missing_bytes > 0 else start


def thoughts(asked: Asked, seed: int, index: int, most_tokens: int) -> str:
    """Reasoning of exactly that many tokens."""
    source = chance(seed, asked.chat.model, asked.key, "reasoning", index)
    return cut(f"Simulated reasoning: {babble(source, most_tokens * BYTES_PER_TOKEN)}", most_tokens)


def babble(source: random.Random, size_bytes: int) -> str:
    """Sentences of that many bytes, the last one finished."""
    sentences: list[str] = []
    size = 0
    while size < size_bytes:
        sentence = " ".join(WORDS[int(source.random() * len(WORDS))] for _ in range(6 + int(source.random() * 6)))
        sentences.append(f"{sentence.capitalize()}.")
        size += len(sentence) + 2
    return " ".join(sentences)


def _verdict(asked: Asked, settings: LabModel, seed: int, index: int) -> str:
    """A line `ANSWER: …` for a request that says what would be right: metadata `lab_task` and `lab_gold`."""
    metadata = asked.chat.metadata or {}
    gold = metadata.get("lab_gold")
    if gold is None:
        return ""
    quality = settings.quality
    right_share = quality.get(metadata.get("lab_task", ""), quality.get("default", 0.8))
    source = chance(seed, asked.chat.model, asked.key, "quality", index)
    answer = gold if source.random() < right_share else wrong(gold, source)
    return f"\nANSWER: {answer}\n"


def wrong(gold: str, source: random.Random) -> str:
    """An answer of the same kind that is not `gold`."""
    step = 1 + int(source.random() * 9)
    if WHOLE_NUMBER.fullmatch(gold):
        return str(int(gold) + step)
    if len(gold) == 1 and gold in LETTERS:
        return LETTERS[(LETTERS.index(gold) + step) % len(LETTERS)]
    guess = f"{WORDS[int(source.random() * len(WORDS))]} {step}"
    return guess if guess != gold else f"{guess}0"
