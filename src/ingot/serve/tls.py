"""TLS, for a server without a proxy in front of it that speaks it.

The files are read before anything else is done: a certificate that cannot be used is told when the server starts, and
not to the first caller. Versions and ciphers are those that Python and its OpenSSL hold to be safe.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from ingot.core.errors import InputError, UsageError


def tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return how a server proves its name: by a chain of certificates and the private key of the first, both in PEM.

    None without both. Raises UsageError for one without the other, InputError for files that cannot be used.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "--tls-certificate" if certificate is None else "--tls-key"
        raise UsageError("TLS needs a certificate and its private key", where=missing, fix=f"add {missing} FILE")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Without an answer OpenSSL would ask for the password of a key at the terminal, where nobody may be.
    asked_for: list[Path] = []

    def no_password() -> str:
        asked_for.append(key)
        return ""

    try:
        context.load_cert_chain(certificate, key, password=no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise _unusable(certificate, key, error, is_locked=bool(asked_for)) from error
    return context


def _unusable(certificate: Path, key: Path, error: Exception, is_locked: bool) -> InputError:
    where = f"{certificate}, {key}"
    reason = getattr(error, "reason", None) or ""
    if is_locked:
        why, fix = "the private key is locked with a password", "write it without one: openssl pkey -in KEY -out NEW"
    elif reason == "KEY_VALUES_MISMATCH":
        why, fix = "the private key belongs to another certificate", "name the two files that were made together"
    elif isinstance(error, ssl.SSLError):
        why = f"OpenSSL cannot read one of them ({reason.replace('_', ' ').lower() or 'it is not in PEM form'})"
        fix = "name a file with the certificate, followed by those it rests on, and one with its key, both in PEM"
    else:
        why, fix = str(getattr(error, "strerror", None) or error), "check the paths, and who may read them"
    return InputError("the certificate cannot be used", where=where, why=why, fix=fix)
