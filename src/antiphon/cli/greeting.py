"""What `antiphon serve` tells a person once it takes requests."""

import shlex
from pathlib import Path

from antiphon.app.places import KEY_FILE
from antiphon.app.supervisor import Ready
from antiphon.cli.checks.models import models
from antiphon.config.resolve import offered
from antiphon.config.settings import Settings
from antiphon.providers.profiles import PROFILES
from antiphon.server.settings import Tls

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a listener on every address is reached from here


def greeting(settings: Settings, ready: Ready, receipt: str) -> str:
    """Where it listens, a first call that works, and the command that shows its receipt.

    Args:
        settings: As they are served, with what the command line says.
    """
    everywhere = ", every address of this machine" if ready.host in ANYWHERE else ""
    said = f"revision {ready.revision}, {settings.server.workers} worker(s){everywhere}"
    first = f"Antiphon listens on {_base(settings, ready.host, ready.port)} ({said}).{_admin(settings, ready)}"
    names = offered(settings, PROFILES)
    if not names:
        found = models(settings)
        return f"{first}\nwarning: {found.found}; {found.remedy}"
    return f"{first}\nA first call:\n\n{_call(settings, ready, names[0])}\n\nIts receipt: {receipt}"


def _admin(settings: Settings, ready: Ready) -> str:
    """Where the admin API is, and where its first key."""
    admin = settings.admin
    if ready.admin_url is None or admin is None:
        return ""
    where = f"in {Path(settings.storage.dir) / KEY_FILE}" if admin.key is None else "`admin.key` of the configuration"
    console = "" if settings.console is None else f" The console is at {ready.admin_url}/console/."
    return f"\nThe admin API listens on {ready.admin_url}; its first key is {where}.{console}"


def _call(settings: Settings, ready: Ready, model: str) -> str:
    base = _base(settings, ANYWHERE.get(ready.host, ready.host), ready.port)
    trust = _trust(settings.server.tls) if settings.server.tls else ""
    key = (
        " \\\n  -H 'Authorization: Bearer YOUR_KEY'"
        if settings.keys or settings.admin or settings.identity.known
        else ""
    )
    return (
        f"curl{trust} {base}/v1/chat/completions -H 'Content-Type: application/json'{key} \\\n"
        f'  -d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}\''
    )


def _base(settings: Settings, host: str, port: int) -> str:
    scheme = "https" if settings.server.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _trust(tls: Tls) -> str:
    """The option by which curl trusts a certificate that signed itself; nothing for an authority's."""
    from cryptography import x509  # takes time and memory that a gateway without TLS can spare

    try:
        certificate = x509.load_pem_x509_certificates(Path(tls.cert_file).read_bytes())[0]
    except (OSError, ValueError):
        return ""
    return f" --cacert {shlex.quote(tls.cert_file)}" if certificate.issuer == certificate.subject else ""
