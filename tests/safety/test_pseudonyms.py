from __future__ import annotations

import ipaddress
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.core.errors import InputError, UsageError
from ingot.safety.accounts import is_iban
from ingot.safety.checksums import luhn
from ingot.safety.national_ids.all import RULES
from ingot.safety.pseudonyms import KEY_BYTES, Pseudonyms, key_from_file, new_key

KEY = bytes(range(KEY_BYTES))
OTHER_KEY = bytes(KEY_BYTES)


def stand_in(kind: str, value: str, key: bytes = KEY) -> str:
    return Pseudonyms(key).stand_in(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("person", "Zofia Brandt"),
        ("email", "zofia@example.org"),
        ("phone", "+49 30 1234567"),
        ("payment_card", "4111 1111 1111 1111"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("national_id.pl_pesel", "44051401359"),
        ("ip_address", "203.0.113.7"),
        ("address", "Kirchstraße 5"),
        ("user.customer", "C-123456"),
        ("postcode", "10115"),
        ("document_number", "C01X00T47"),
        ("mac_address", "02:42:ac:11:00:02"),
    ],
)
def test_equal_values_get_equal_ones_and_another_key_gets_others(kind: str, value: str) -> None:
    made = stand_in(kind, value)
    assert made == stand_in(kind, value)
    assert made != value
    assert made != stand_in(kind, value, OTHER_KEY)


def test_names_stay_names_word_by_word() -> None:
    made = Pseudonyms(KEY)
    whole, alone, shouted = (made.stand_in("person", name) for name in ("Zofia Brandt", "Brandt", "ZOFIA BRANDT"))
    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", whole)
    assert whole.split()[1] == alone
    assert shouted == whole.upper()
    assert re.fullmatch(r"[A-Z]\. [A-Z][a-z]+-[A-Z][a-z]+", made.stand_in("person", "J. Brandt-Kaya"))
    assert " van der " in made.stand_in("person", "Ludwig van der Heide")


@given(st.from_regex(r"[0-9]{4}( |-)?[0-9]{4}\1[0-9]{4}\1[0-9]{4}", fullmatch=True))
def test_cards_keep_their_form_and_are_nobodys(number: str) -> None:
    made = stand_in("payment_card", number)
    assert re.sub(r"\d", "0", made) == re.sub(r"\d", "0", number)
    assert not luhn(re.sub(r"\D", "", made))


def test_accounts_and_national_numbers_keep_their_form_and_are_wrong() -> None:
    made = stand_in("iban", "DE89 3704 0044 0532 0130 00")
    assert re.fullmatch(r"DE\d\d( \d{4}){4} \d\d", made)
    assert not is_iban(made.replace(" ", ""))
    pesel = next(rule for rule in RULES if rule.name == "pl_pesel")
    assert not pesel.accepts(stand_in("national_id.pl_pesel", "44051401359"))


def test_addresses_are_of_places_kept_for_documentation() -> None:
    assert re.fullmatch(r"[a-z0-9]{8}@example\.(com|net|org)", stand_in("email", "zofia@brandt.example"))
    assert stand_in("email", "Zofia@Brandt.example") == stand_in("email", "zofia@brandt.example")
    assert ipaddress.ip_address(stand_in("ip_address", "8.8.8.8")) in ipaddress.ip_network("198.18.0.0/15")
    six = ipaddress.ip_address(stand_in("ip_address", "2a00:1450::1"))
    assert six in ipaddress.ip_network("2001:db8::/32")


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("+49 30 1234567", r"\+49 00 \d{7}"),
        ("(212) 555-0142", r"\(00\d\) \d{3}-\d{4}"),
        ("+1-212-555-0142", r"\+1-00\d-\d{3}-\d{4}"),
    ],
)
def test_telephone_numbers_are_ones_no_plan_assigns(number: str, form: str) -> None:
    assert re.fullmatch(form, stand_in("phone", number))


def test_what_has_no_form_gets_a_label_with_a_number() -> None:
    made = stand_in("address", "Kirchstraße 5,\n10115 Berlin")
    assert re.fullmatch(r"\[ADDRESS-[0-9A-F]{8}\]", made)
    assert made == stand_in("address", "Kirchstraße 5, 10115 Berlin")


@given(st.sampled_from(["person", "phone", "email", "iban", "national_id.us_ssn", "secret"]), st.text(min_size=1))
def test_any_value_has_one(kind: str, value: str) -> None:
    assert isinstance(stand_in(kind, value), str)


def test_those_made_are_known() -> None:
    made = Pseudonyms(KEY)
    email = made.stand_in("email", "zofia@example.org")
    assert made.made == {("email", "zofia@example.org"): email}


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pseudonyms.key"
    key = key_from_file(path)
    assert len(key) == KEY_BYTES
    assert key_from_file(path) == key
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    path.write_text("no key")
    with pytest.raises(InputError, match="holds no key"):
        key_from_file(path)


def test_a_short_key_is_refused_and_new_ones_differ() -> None:
    with pytest.raises(UsageError, match="at least 32 bytes"):
        Pseudonyms(b"short")
    assert new_key() != new_key()
