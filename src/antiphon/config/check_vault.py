"""Mistakes in what content is sealed by, and in where checkpoints go."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path as File

from antiphon.config.pem import MENDED, why_no_authorities
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem

LIBRARIES = {"aws_kms": ("botocore", "aws"), "pkcs11": ("pkcs11", "pkcs11")}
"""What a section needs, and the extra that brings it."""


def check_vault(settings: Settings, written: Written) -> Iterator[Problem]:
    """A key without its section, a library that isn't installed, files that are not there."""
    vault, audit = settings.vault, settings.audit
    if written.sound(("vault",)):
        for path, wrong, remedy in vault.check():
            yield written.problem(("vault", *path.split(".")), wrong, remedy)
        for section, (library, extra) in LIBRARIES.items():
            if getattr(vault, section) is not None and find_spec(library) is None:
                wrong, remedy = f"needs {library}, which is not installed", f"run: pip install 'antiphon[{extra}]'"
                yield written.problem(("vault", section), wrong, remedy)
        transit, hsm = vault.vault_transit, vault.pkcs11
        if transit is not None and transit.ca_file is not None and (wrong := why_no_authorities(transit.ca_file)):
            yield written.problem(("vault", "vault_transit", "ca_file"), wrong, MENDED)
        if hsm is not None and not File(hsm.module).is_file():
            wrong = f"there is no file {hsm.module}"
            yield written.problem(("vault", "pkcs11", "module"), wrong, "name the library that the HSM's vendor gives")
    to = audit.checkpoints
    if to is not None and to.startswith("s3://") and find_spec("pyarrow") is None:
        wrong = "a bucket needs pyarrow, which is not installed"
        yield written.problem(("audit", "checkpoints"), wrong, "run: pip install 'antiphon[parquet]'")
