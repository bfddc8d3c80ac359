"""What is said about parts of a long input. A change of any text here is another version of all of them."""

VERSION = "map-reduce-1"
NOTHING = "NOTHING"

MAP = """The request above has more to read than fits into one call: it is worked on in parts, and one of them is below. Do with \
this part what the request asks for, as far as this part goes. Keep every fact, name, number and quote that the whole answer may \
need: what you leave out is lost. Others work on the other parts. If nothing in this part matters to the request, reply with the \
word NOTHING alone."""

REDUCE = """The request above has more to read than fits into one call: it is worked on in parts. Below are results from parts \
that stand next to each other, in their order. Make one result of them: keep every fact, name, number and quote that the whole \
answer may need, and say once what several say. If they contradict each other, keep both and say so."""

FINAL = """The request above had more to read than fits into one call: it was worked on in parts. Below are the results from all \
parts, in their order. Answer the request above from them, in full, in the form that it asks for. Don't speak of the parts."""

MISSING = "Of {count} parts, these could not be read: {parts}. Say so in the answer if it matters."

TASK = """The text of the request begins so:
{opening}

It ends so:
{closing}"""

ATTACHED = "The part is attached to this message."
EMPTY = "(none of the parts has anything that matters to the request)"
