"""Whether certificate files can be used."""

import ssl
from pathlib import Path

MENDED = "write the path of a PEM file that this process may read"


def why_no_file(file: str) -> str:
    """Empty when there is such a file and it can be read."""
    try:
        with Path(file).open("rb") as stream:
            stream.read(1)
    except (OSError, ValueError) as error:
        return f"{file} can't be read: {error.strerror if isinstance(error, OSError) else 'not a path'}"
    return ""


def why_no_chain(cert_file: str, key_file: str) -> str:
    """Empty when a listener could serve with this certificate chain and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert_file, key_file, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        return f"{cert_file} can't be served with {key_file}: {_reason(error)}"
    return ""


def why_no_authorities(ca_file: str) -> str:
    """Empty when the file holds certificates that others can be verified by."""
    missing = why_no_file(ca_file)
    if missing:
        return missing
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=ca_file)
    except (ssl.SSLError, OSError, ValueError) as error:
        return f"{ca_file} holds no certificates: {_reason(error)}"
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error)
