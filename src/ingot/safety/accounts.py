"""International bank account numbers: lengths by country and the check (ISO 13616-1, SWIFT IBAN registry)."""

from __future__ import annotations

from ingot.safety.checksums import mod_97

# Country and total length, as in release 99 of the registry.
_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
LENGTH_OF = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}


def is_iban(account: str) -> bool:
    """Return whether an account number without spaces has its country's length and a right check.

    >>> is_iban("GB82WEST12345698765432"), is_iban("GB82WEST12345698765433")
    (True, False)
    """
    account = account.upper()
    is_whole = len(account) == LENGTH_OF.get(account[:2]) and account.isascii() and account.isalnum()
    return is_whole and mod_97(account[4:] + account[:4])
