"""What verifiers and critics are told, and those whose answers they send back. A change of any text here is another version
of all of them.
"""

VERSION = "verdict-1"

FORM = """Reply with one JSON object and nothing else: {"accepted": true or false, "score": 1 to 10, "objections": ["what is \
wrong, and how to mend it"]}."""

VERIFY = """Below is an answer to the request above. Judge whether it can go out as it is: whether it is right, does all that the \
request asks for, and keeps to the form that the request asks for. Work the matter out yourself before you judge. Object only to \
what makes it wrong, incomplete or unusable."""

REVISE = """Below is your answer to the request above, and what is objected to in it. Weigh each objection; mend what is rightly \
objected to, and keep what is right. Then answer the request above in full, in the form that it asks for. Don't speak of the \
objections."""

REWRITE = """Below is an answer to the request above that was not accepted, and why. Answer the request above yourself, in full, \
in the form that it asks for. Take over what is right. Don't speak of that answer."""
