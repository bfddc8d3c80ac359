"""Wraps by an AES key in an HSM, through PKCS#11."""

import threading
from collections.abc import Mapping
from hashlib import sha256
from importlib import import_module
from typing import Any

from antiphon.core.error import Erased, StoreError
from antiphon.core.ports import KeyWrapper
from antiphon.vault.settings import Pkcs11Settings
from antiphon.vault.wrapping import KeyDenied

_NONCE_BYTES = 12


class Pkcs11(KeyWrapper):
    """AES-GCM within the HSM. Wrapped: label of the key, a NUL, nonce, then the sealed key.

    One session, opened when it is needed and again when it broke; one thread at a time uses it. The vendor's library has its
    own timeouts: PKCS#11 has none.
    """

    def __init__(self, settings: Pkcs11Settings) -> None:
        """Raises: StoreError, when the library is missing."""
        self.name = f"pkcs11/{settings.token}/{settings.key}"
        self._settings = settings
        self._turn = threading.Lock()
        self._session: Any = None
        try:
            self._pkcs11, self._errors = import_module("pkcs11"), import_module("pkcs11.exceptions")
        except ImportError as error:
            raise StoreError("vault.key: pkcs11 needs python-pkcs11: pip install 'antiphon[pkcs11]'") from error

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        def work(session: Any) -> bytes:
            nonce = session.generate_random(_NONCE_BYTES * 8)
            sealed = self._key(session, self._settings.key).encrypt(
                key, mechanism=self._pkcs11.Mechanism.AES_GCM, mechanism_param=self._with(nonce, context)
            )
            return self._settings.key.encode() + b"\0" + nonce + sealed

        return self._ask(work)

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        label, _, rest = wrapped.partition(b"\0")

        def work(session: Any) -> bytes:
            parameters = self._with(rest[:_NONCE_BYTES], context)
            return self._key(session, label.decode("utf-8", "replace")).decrypt(
                rest[_NONCE_BYTES:], mechanism=self._pkcs11.Mechanism.AES_GCM, mechanism_param=parameters
            )

        return self._ask(work)

    def _with(self, nonce: bytes, context: Mapping[str, str]) -> Any:
        bound = "\n".join(f"{name}={context[name]}" for name in sorted(context)).encode("utf-8", "surrogatepass")
        return self._pkcs11.GCMParams(nonce, sha256(bound).digest(), 128)

    def _key(self, session: Any, label: str) -> Any:
        return session.get_key(
            object_class=self._pkcs11.ObjectClass.SECRET_KEY, key_type=self._pkcs11.KeyType.AES, label=label
        )

    def _ask(self, work: Any) -> bytes:
        errors, told = self._errors, f"PKCS#11 token {self._settings.token}"
        with self._turn:
            try:
                return bytes(work(self._opened()))
            except errors.NoSuchKey as error:
                raise Erased(f"{told}: the key is gone, and what it wrapped with it") from error
            except (errors.PinIncorrect, errors.PinLocked, errors.EncryptedDataInvalid) as error:
                self._session = None
                raise KeyDenied(f"{told}: {type(error).__name__}") from error
            except (errors.PKCS11Error, OSError, RuntimeError) as error:
                self._session = None
                raise StoreError(f"{told} can't be asked now: {type(error).__name__} {error}") from error

    def _opened(self) -> Any:
        if self._session is None:
            token = self._pkcs11.lib(self._settings.module).get_token(token_label=self._settings.token)
            try:
                self._session = token.open(user_pin=self._settings.pin.reveal())
            except self._errors.UserAlreadyLoggedIn:  # by another session of this process, and so for all of them
                self._session = token.open()
        return self._session
