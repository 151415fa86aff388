from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.safety.accounts import LENGTH_OF, is_iban

# The examples of the SWIFT registry.
EXAMPLES = [
    "AD1200012030200359100100",
    "AT611904300234573201",
    "BE68539007547034",
    "CH9300762011623852957",
    "DE89370400440532013000",
    "DK5000400440116243",
    "ES9121000418450200051332",
    "FI2112345600000785",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "GR1601101250000000012300695",
    "HU42117730161111101800000000",
    "IT60X0542811101000000123456",
    "MT84MALT011000012345MTLCAST001S",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "PL61109010140000071219812874",
    "SA0380000000608010167519",
    "SE4550000000058398257466",
    "TR330006100519786457841326",
]


def account_of(country: str, body: str) -> str:
    """Put the check digits before a body: 98 minus the rest of the body, the country and 00, divided by 97."""
    digits = "".join(str(int(mark, 36)) for mark in body + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{body}"


@pytest.mark.parametrize("account", EXAMPLES)
def test_the_examples_of_the_registry_pass(account: str) -> None:
    assert is_iban(account)
    assert is_iban(account.lower())


@given(st.sampled_from(sorted(LENGTH_OF)), st.data())
def test_made_ones_pass_and_changed_ones_fail(country: str, data: st.DataObject) -> None:
    length = LENGTH_OF[country] - 4
    body = data.draw(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=length, max_size=length))
    account = account_of(country, body)
    assert is_iban(account)
    assert not is_iban(account[:-1])
    assert not is_iban(account + "0")
    place = data.draw(st.integers(4, len(account) - 1))
    alphabet = "01" if account[place].isdigit() else "AB"
    other = alphabet[account[place] == alphabet[0]]
    assert not is_iban(account[:place] + other + account[place + 1 :])


def test_an_unknown_country_fails() -> None:
    assert not is_iban(account_of("ZZ", "0" * 18))
