"""One reading of a URL: what it means, in one spelling, or that it is refused."""

from __future__ import annotations

import ipaddress

import pytest

from ingot.core.addresses import is_permitted, read_url
from ingot.core.errors import InputError


@pytest.mark.parametrize(
    ("url", "meaning"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTPS://Example.ORG:443/a", "https://example.org/a"),
        ("http://example.org.:8080/a?b=c#d", "http://example.org:8080/a?b=c"),
        ("http://example.org?b", "http://example.org/?b"),
        ("http://93.184.216.34/", "http://93.184.216.34/"),
        ("http://[2606:2800:220:1::0248]:80/", "http://[2606:2800:220:1::248]/"),
        ("https://example.org/Größe/a b%20c", None),
        ("https://example.org/Größe/a%20b", "https://example.org/Gr%C3%B6%C3%9Fe/a%20b"),
        ("https://xn--mller-kva.example/", "https://xn--mller-kva.example/"),
        ("https://a_b.example/", "https://a_b.example/"),
        ("https://example.org/../a", "https://example.org/../a"),
        ("https://3com.example/", "https://3com.example/"),
    ],
)
def test_a_url_has_one_meaning(url: str, meaning: str | None) -> None:
    if meaning is None:
        with pytest.raises(InputError):
            read_url(url)
    else:
        assert read_url(url).url == meaning
        assert read_url(meaning).url == meaning


def test_letters_of_other_scripts_are_shown_as_they_must_be_written() -> None:
    with pytest.raises(InputError) as caught:
        read_url("https://müller.example/")
    assert caught.value.fix == "write it as xn--mller-kva.example"


def test_what_is_shown_holds_no_key() -> None:
    assert read_url("https://example.org/a?token=key").shown == "https://example.org/a"
    for url in ("https://user:key@example.org/", "ftp://example.org/?key", "https://ex ample.org/?key", "key@x"):
        with pytest.raises(InputError) as caught:
            read_url(url)
        assert "key" not in str(caught.value)


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2001:4860:4860::8888"])
def test_public_addresses_are_permitted(text: str) -> None:
    assert is_permitted(ipaddress.ip_address(text), [])


def test_a_range_opens_what_lies_in_it_and_no_more() -> None:
    opened = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("169.254.169.254/32")]
    asked = ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1", "169.254.169.254", "fd00:ec2::254")
    assert [is_permitted(ipaddress.ip_address(text), opened) for text in asked] == [True, True, False, True, False]
