"""What raters and judges are asked. The rubric can be set; the form of their answers can't."""

VERSION = "judging-1"

RUBRIC = (
    "Judge by: correctness first; then whether it does all that the request asks for, in the form that it asks for; then "
    "clarity. Length is no merit. An answer that admits what it doesn't know is better than one that invents it."
)
RATE = """Above is a conversation. Below are answers to its last request, by authors you don't know.

{rubric}

{data}

{answers}

Rate each answer from 1 (useless) to 10 (as good as can be). Answer with one JSON object and nothing else: the name of each answer and its rating, such as {{"A": 7, "B": 4}}."""
SCORE = """Above is a conversation. Below is an answer to its last request.

{rubric}

{data}

{answers}

Rate it from 1 (useless) to 10 (as good as can be). Answer with one JSON object and nothing else, such as {{"score": 7}}."""
COMPARE = """Above is a conversation. Below are two answers to its last request, by authors you don't know.

{rubric}

{data}

{answers}

Which is the better one? Their order means nothing. Answer with one JSON object and nothing else: {{"better": "A"}}, {{"better": "B"}}, or {{"better": "tie"}}."""
LOW, HIGH = 1.0, 10.0
