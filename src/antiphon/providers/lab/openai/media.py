"""Small real files: a picture of one colour, a tone, silence."""

import math
import struct
import zlib
from hashlib import sha256

RATE_HZ = 24_000
TONE_HZ = 440
SILENT_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
"""One frame of MPEG-1 layer III without a sound: 128 kbit/s, 44.1 kHz."""


def picture(text: str) -> bytes:
    """A PNG of one pixel, whose colour comes from the text. Source: PNG, third edition, W3C 2025."""
    colour = sha256(text.encode()).digest()[:3]
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\x00" + colour)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tone(seconds: float) -> bytes:
    """PCM: 16 bits, little-endian, one channel, 24 kHz, as OpenAI's `pcm`."""
    count = int(seconds * RATE_HZ)
    samples = (int(8000 * math.sin(2 * math.pi * TONE_HZ * place / RATE_HZ)) for place in range(count))
    return struct.pack(f"<{count}h", *samples)


def wav(pcm: bytes) -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(pcm))
    return b"RIFF" + struct.pack("<I", len(head) + len(pcm)) + head + pcm


def seconds_of(data: bytes) -> float:
    """How long a recording is: as its WAV head says, else at 128 kbit/s."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE" and len(data) >= 44:
        (rate,) = struct.unpack_from("<I", data, 28)
        return round((len(data) - 44) / rate, 2) if rate else 0.0
    return round(len(data) / 16_000, 2)
