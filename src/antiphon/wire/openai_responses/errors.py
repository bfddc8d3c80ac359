"""The error event of a stream. Whole error answers are OpenAI's usual ones. Source: openai-python 3.52.0,
`types/responses/response_error_event.py`.
"""

import msgspec

from antiphon.core.error import AntiphonError

BEYOND = 2_147_483_647
"""The sequence number of an error event where the stream's own is not at hand: above that of any event, so that a client
which asks for what is behind a number still gets it.
"""


def event(error: AntiphonError, sequence: int = BEYOND) -> bytes:
    """The last event of a stream that can't go on.

    Args:
        sequence: The stream's next number: `sequence` of its relay or encoder.
    """
    said = msgspec.json.encode(
        {
            "type": "error",
            "code": error.shown_code,
            "message": error.message,
            "param": error.param,
            "sequence_number": sequence,
        }
    )
    return b"event: error\ndata: %b\n\n" % said
