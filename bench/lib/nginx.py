"""nginx as yardstick, as TLS terminator and as stand-in for the gateway."""

from __future__ import annotations

import os
from pathlib import Path

from .processes import Process, start
from .settings import BENCH, Ports
from .tools import find, run

CERTIFICATE_DAYS = "30"
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def make_certificates(directory: Path) -> None:
    """Write ca.pem and a certificate for localhost signed by it (server.pem, server.key)."""
    request = [find("openssl"), "req", "-x509", *CURVE, "-days", CERTIFICATE_DAYS]
    ca_key, ca = str(directory / "ca.key"), str(directory / "ca.pem")
    key, certificate = str(directory / "server.key"), str(directory / "server.pem")
    authority = ["-subj", "/CN=bench CA", "-keyout", ca_key, "-out", ca]
    run([*request, *authority, "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    server = ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate]
    server += ["-CA", ca, "-CAkey", ca_key]
    server += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    server += ["-addext", "basicConstraints=critical,CA:FALSE"]
    server += ["-addext", "extendedKeyUsage=serverAuth"]
    run([*request, *server])


def _render(template: str, directory: Path, ports: Ports, **values: object) -> str:
    user = "user root;" if os.geteuid() == 0 else ""  # else root's worker can't read our directory
    names = {"USER": user, "DIR": directory, "MOCK_PORT": ports.mock}
    names |= {"TERMINATOR_PORT": ports.terminator, **values}
    text = (BENCH / "peers" / template).read_text()
    for name, value in names.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def _start(name: str, directory: Path, text: str, core: int) -> Process:
    config = directory / f"{name}.conf"
    config.write_text(text)
    command = [find("nginx"), "-p", str(directory), "-c", str(config), "-e", "stderr"]
    return start(name, command, core=core, log=directory / f"{name}.log")


def start_proxy(name: str, directory: Path, ports: Ports, *, port: int, tls_port: int, core: int) -> Process:
    """Start nginx as a plain reverse proxy to the mock; `tls_port` leads to its TLS side."""
    home = directory / name
    home.mkdir(exist_ok=True)
    (home / "ca.pem").write_bytes((directory / "ca.pem").read_bytes())
    text = _render("nginx.conf.template", home, ports, PORT=port, TLS_PORT=tls_port)
    return _start(name, home, text, core)


def start_terminator(directory: Path, ports: Ports, *, core: int) -> Process:
    """Start nginx as TLS terminator in front of the mock."""
    return _start("nginx-tls", directory, _render("nginx-tls.conf.template", directory, ports), core)
