"""Which addresses of the network may be reached, decided once and by one reading of the URL.

Guards against server-side request forgery fail where two readers of a URL disagree, or where a name is looked up a
second time after it was checked. So there is one strict grammar here (RFC 3986's, without user information, unusual
spellings of numbers and anything that needs repair); a name is resolved once, every address of the answer is checked,
and the caller connects to those addresses and no other. Nothing is allowed that was not named.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ingot.core.errors import InputError, UsageError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

_PORTS = {"http": 80, "https": 443}
_GRAMMAR = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^\[\]/?#:@]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*")
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_KEPT_IN_PATH = "/?&=+$,;:@!~*'()%-._"

# Machines of cloud providers that hand out credentials to whoever asks. A range does not open them: only an entry of
# exactly this address does. 168.63.129.16 is a public address, 100.100.100.200 a carrier's, so no rule covers them all.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),
    )
)
# IPv6 addresses that stand for an IPv4 one, which they may hide: compatible, NAT64, Teredo, 6to4 and its relays.
_EMBEDDING = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "192.88.99.0/24"),
    )
)
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True)
class Target:
    """A URL that was read: where to connect and what to ask for. `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_number(self) -> bool:
        """Whether the host is an address already, so that nobody has to look it up."""
        return _is_literal(self.host)

    @property
    def authority(self) -> str:
        """The host as a Host header says it, with the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: who is asked."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The URL in its one spelling."""
        return self.origin + self.path

    @property
    def shown(self) -> str:
        """The URL for people: without the query, where one-time keys travel."""
        return self.origin + self.path.partition("?")[0]


def read_url(url: str) -> Target:
    """Read a URL. Raises InputError for every other scheme and every spelling two programs could read differently."""
    found = _GRAMMAR.fullmatch(url)
    if found is None or _UNSAFE.search(url):
        raise _refused(_without_secrets(url), "it is not a plain http or https address")
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise _refused(_without_secrets(url), f"there is no port {port}")
    path = urllib.parse.quote((found["path"] or "/") + (found["query"] or ""), safe=_KEPT_IN_PATH)
    return Target(scheme, _host(found["host"], url), port, path)


def _host(text: str, url: str) -> str:
    shown = _without_secrets(url)
    if not text.isascii():
        raise _refused(shown, "the host is not written in ASCII letters", fix=f"write it as {_punycode(text)}")
    host = text.lower().removesuffix(".")
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise _refused(shown, "the address in brackets is no IPv6 address") from None
    if not _NAME.fullmatch(host):
        raise _refused(shown, "the host is not a name")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:  # 127.1, 0x7f000001, 017700000001, 2130706433: what they mean depends on the reader
            raise _refused(shown, "a number as a host must have four decimal parts") from None
    return host


def _punycode(text: str) -> str:
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return "its xn-- form"


def check_name(target: Target, hosts: Sequence[str]) -> None:
    """Raise InputError unless the host, with its port, is one of `hosts` ("a.org", "*.a.org", "a.org:8443")."""
    if not any(_is_named(target, entry) for entry in hosts):
        raise _refused(
            target.shown,
            f"{target.authority} is not among the allowed hosts ({', '.join(hosts) or 'none'})",
            fix="add it to `hosts`, if you trust it",
        )


def _is_named(target: Target, entry: str) -> bool:
    wildcard = entry.startswith("*.")
    try:
        named = read_url(f"{target.scheme}://{entry[2:] if wildcard else entry}")
    except InputError:
        named = None
    if named is None or named.path != "/":
        raise UsageError(f"{entry!r} is not a host", fix="write a name such as docs.example.org, or *.example.org")
    if named.port != target.port:
        return False
    return target.host.endswith(f".{named.host}") if wildcard else target.host == named.host


def addresses(target: Target, networks: Sequence[str], resolve: Resolve) -> list[str]:
    """Resolve the host once and return the addresses to connect to, in the order of the answer.

    Raises InputError when the name is unknown, or when one address of the answer is private, local or reserved and in
    none of `networks`: an answer that mixes good and bad is an attack.
    """
    opened = [_network(entry) for entry in networks]
    try:
        answer = [target.host] if target.is_number else list(resolve(target.host, target.port))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"the name {target.host} is unknown", where=target.shown, why=why, fix="check it, and the network"
        ) from error
    checked = [_plain(ipaddress.ip_address(text)) for text in answer]
    for address in checked:
        if not is_permitted(address, opened):
            raise _refused(
                target.shown,
                f"{target.host} leads to {address}, which is not a public address",
                fix="if it is a machine of yours, allow it in `networks`, for instance "
                f"{address}/{address.max_prefixlen}",
            )
    if not checked:
        raise InputError(f"the name {target.host} has no address", where=target.shown, fix="check it")
    return [str(address) for address in checked]


def is_permitted(address: Address, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Say whether an address is public, or of an allowed network.

    >>> is_permitted(ipaddress.ip_address("10.0.0.1"), [])
    False
    """
    plain = _plain(address)
    if plain in _METADATA:
        return any(network.num_addresses == 1 and plain in network for network in networks)
    if any(plain in network for network in networks):
        return True
    if plain.is_multicast or not plain.is_global or any(plain in network for network in _EMBEDDING):
        return False
    return plain.version == 4 or plain in _GLOBAL_IPV6


def system_addresses(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a name."""
    answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in answer))


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6-mapped one is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(entry)
    except ValueError as error:
        raise UsageError(f"{entry!r} is not a network", why=str(error), fix="write it like 10.20.0.0/16") from None


def _without_secrets(url: str) -> str:
    """Return a URL that may be anything at all so that it can be shown: no user information, no query, no controls."""
    start = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = start.partition("://")
    shown = f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else start.rpartition("@")[2]
    return shown.encode("unicode_escape").decode("ascii")[:200]


def _refused(shown: str, why: str, *, fix: str = "give a plain address such as https://example.org/page") -> InputError:
    return InputError("this address is not fetched", where=shown, why=why, fix=fix)
