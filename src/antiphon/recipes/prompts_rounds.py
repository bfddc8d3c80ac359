"""What breadth and debate say. A change of any text here is another version of all of them."""

VERSION = "rounds-1"

BREADTH = """Below are answers that others gave to the request above. Any of them may be wrong, and so may all of them. Weigh \
them against each other and against your own work: where they differ, find out which is right and why; where they agree, check \
it still. Then answer the request above in full, in the form that it asks for. Don't speak of these answers."""

DEBATE = """Below are answers that you and others gave to the request above. Look for mistakes in yours and in theirs. Keep your \
answer where it holds, whatever the others say; change it where they have convinced you. Then answer the request above in full, \
in the form that it asks for. Don't speak of these answers."""

JUDGE = """Below are the answers to the request above that were left at the end of a debate. Decide which is right: weigh the \
reasons, not the number of those who give them. Then answer the request above in full, in the form that it asks for. Don't speak \
of these answers."""
