"""What a panel's judge and its final author are asked. What they are to do can be set; the frame around it can't."""

VERSION = "panel-1"

JUDGE = (
    "Compare the answers. Do not answer the request yourself. Say what they agree on, where they contradict each other, what "
    "only one of them has seen, and what all of them have missed; each point in one short sentence, two points of a kind at "
    "most, the weightiest ones."
)
FINAL = (
    "Write the answer to the request above, as good as the answers below and their comparison let you make it. Keep what is "
    "right, decide between contradictions by the better argument and not by the number of voices, and leave out what nobody "
    "can know. Answer as if you were the only one who was asked: in the language and the form that the request asks for, "
    "without a word about other answers."
)
ANALYSE = """Above is a conversation. Below are answers to its last request, by authors you don't know.

{prompt}

Weigh them so. {rubric}

{data}

{answers}

Answer with one JSON object and nothing else. Its keys: "agreement", "contradiction", "unique" and "blind_spots", each a list of texts; "best", the name of the best answer."""
AGAIN = """Your answer was not the JSON object that was asked for. Answer with that object and nothing else:
{{"agreement": ["…"], "contradiction": ["…"], "unique": ["…"], "blind_spots": ["…"], "best": "A"}}

{data}

{answer}"""
WRITE = """{prompt}

{data}

{answers}{analysis}"""
