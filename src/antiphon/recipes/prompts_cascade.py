"""What a model is asked about an answer, its own or another's. The rubric can be set; the frame around it can't."""

VERSION = "cascade-1"

SELF_CHECK = """Above is a conversation. Below is the answer that you gave to its last request.

{rubric}

{data}

{answers}

How likely is it that this answer is right and does all that was asked? Look for mistakes before you say; most answers that feel right are a little less sure than they feel. Answer with one JSON object and nothing else: {{"chance": a number from 0 to 1, "reason": "one short sentence"}}."""
VERIFY = """Above is a conversation. Below is an answer to its last request, by an author you don't know.

{rubric}

{data}

{answers}

Work the request out for yourself first, then compare. How likely is it that this answer is right and does all that was asked? Answer with one JSON object and nothing else: {{"chance": a number from 0 to 1, "reason": "one short sentence"}}."""
