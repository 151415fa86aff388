"""The guarded client against a real server: what is not allowed reaches nobody, and nothing is read without end."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from ingot.core import fetch
from ingot.core.errors import InputError, UsageError
from ingot.core.fetch import Fetcher, Network, Request
from tests.data.connectors.web_server import Asked, Reply, WebServer, from_table

LOOPBACK = ("127.0.0.0/8",)
# Every host of the list below is allowed by name: what stops a request here is the address, or the reading of the URL.
NAMES = (
    *("localhost", "127.0.0.1", "127.0.0.2", "0.0.0.0", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1"),
    *("169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1"),
    *("255.255.255.255", "240.0.0.1", "198.18.0.1"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a00:1]", "[::127.0.0.1]", "[fe80::1]", "[fc00::1]"),
    *("[fec0::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:1::1]"),
    *("[ff02::1]", "[100::1]"),
    *("good.example", "inside.example", "metadata.example", "mixed.example", "nowhere.example"),
)
# Written by people who want in: none of these may lead to a connection.
TRICKY = [
    "http://localhost:{port}/",
    "http://localhost.:{port}/",
    "http://LOCALHOST:{port}/",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.0.0.01:{port}/",
    "http://127.0.0.1%00.good.example:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@good.example/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http://good.example#@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@good.example/",
    "http://inside.example:{port}/",
    "http://inside.example.:{port}/",
    "http://mixed.example:{port}/",
    "http://metadata.example/latest/meta-data/",
    "http://nowhere.example:{port}/",
    "http://other.example:{port}/",
    "http://sub.good.example:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://loc\u00adalhost:{port}/",
    "http://good.example\u2044@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\t/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/ HTTP/1.1\r\nX: y",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}/",
    "http://good%2eexample:{port}/",
    "http://127.0.0.1:0{port}/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:0/",
    "http://:{port}/",
    "http://..:{port}/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "jar:http://127.0.0.1:{port}/!/",
    "",
]
UNREACHABLE = [
    *("10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "169.254.0.1", "100.100.100.200"),
    *("168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1"),
    *("[fe80::1]", "[fc00::1]", "[fec0::1]", "[fd00:ec2::254]", "[2001:0:1::1]", "[ff02::1]", "[100::1]"),
    *("[::ffff:a00:1]", "[64:ff9b:1::7f00:1]"),
]


def resolve(host: str, port: int) -> list[str]:
    """Look up the names of these tests; whatever ends here was at least not asked of the real network."""
    table = {
        "good.example": ["127.0.0.1"],
        "other.example": ["127.0.0.1"],
        "sub.good.example": ["127.0.0.1"],
        "inside.example": ["127.0.0.1"],
        "localhost": ["127.0.0.1", "::1"],
        "metadata.example": ["169.254.169.254"],
        "mixed.example": ["203.0.114.7", "127.0.0.1"],
    }
    if host not in table:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return table[host]


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer(lambda asked: Reply(body=f"{asked.method} {asked.path}".encode())) as running:
        yield running


def fetcher(server: WebServer, *names: str, networks: tuple[str, ...] = LOOPBACK, **options: object) -> Fetcher:
    hosts = tuple(f"{name}:{server.port}" for name in names or ("good.example",))
    # Settings of several types in one mapping.
    return Fetcher(Network(hosts, networks, **options), resolve=resolve, pause=lambda _: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", TRICKY)
def test_a_tricky_address_reaches_nobody(server: WebServer, url: str) -> None:
    hosts = (*NAMES, *(f"{name}:{server.port}" for name in NAMES))
    guarded = Fetcher(Network(hosts), resolve=resolve)
    with pytest.raises(InputError) as caught:
        guarded.get(url.format(port=server.port))
    assert server.asked == []
    assert caught.value.fix


@pytest.mark.parametrize("host", UNREACHABLE)
def test_no_connection_is_tried_to_an_address_that_is_not_public(host: str, offline_guard: list[str]) -> None:
    with pytest.raises(InputError, match="not fetched") as caught:
        Fetcher(Network(NAMES)).get(f"http://{host}/")
    assert "not a public address" in caught.value.why
    assert offline_guard == []  # it would have noticed a connection to another machine


@pytest.mark.parametrize("url", TRICKY)
def test_a_redirect_is_read_as_strictly_as_an_address(server: WebServer, url: str) -> None:
    target = url.format(port=server.port).replace("\r\n", "%0d%0a").strip()
    server.answering = lambda asked: Reply(302, headers={"Location": target.encode("utf-8").decode("latin-1")})
    guarded = Fetcher(Network((f"first.example:{server.port}", *NAMES), LOOPBACK), resolve=lambda *_: ["127.0.0.1"])
    with pytest.raises(InputError):
        guarded.get(f"http://first.example:{server.port}/start")
    # What the standard reads as a path of the same host stays there; nothing else is ever asked.
    assert {asked.headers["host"] for asked in server.asked} == {f"first.example:{server.port}"}


def test_a_redirect_to_an_allowed_name_is_checked_by_address_again(server: WebServer) -> None:
    server.answering = lambda asked: Reply(302, headers={"Location": f"http://second.example:{server.port}/"})
    hosts = tuple(f"{name}.example:{server.port}" for name in ("first", "second"))
    places = {"first.example": ["127.0.0.1"], "second.example": ["127.0.0.2"]}
    guarded = Fetcher(Network(hosts, ("127.0.0.1/32",)), resolve=lambda host, _: places[host])
    with pytest.raises(InputError) as caught:
        guarded.get(f"http://first.example:{server.port}/")
    assert "127.0.0.2" in caught.value.why
    assert len(server.asked) == 1


def test_what_is_allowed_arrives_with_its_name(server: WebServer) -> None:
    answer, body = fetcher(server).get(f"http://good.example:{server.port}/a%20b?q=ü#part")
    assert (answer.status, body) == (200, b"GET /a%20b?q=%C3%BC")
    assert server.asked[0].headers["host"] == f"good.example:{server.port}"
    assert "cookie" not in server.asked[0].headers


def test_a_trailing_dot_and_capitals_are_the_same_name(server: WebServer) -> None:
    fetcher(server).get(f"http://GOOD.example.:{server.port}/")
    assert server.asked[0].headers["host"] == f"good.example:{server.port}"


def test_a_name_is_looked_up_once_and_the_answer_pinned(server: WebServer) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.99"]

    guarded = Fetcher(Network((f"good.example:{server.port}",), ("127.0.0.1/32",)), resolve=rebinding)
    _, body = guarded.get(f"http://good.example:{server.port}/")
    assert (asked, body) == (["good.example"], b"GET /")
    with pytest.raises(InputError, match="not fetched"):  # the second look finds it moved, and refuses
        guarded.get(f"http://good.example:{server.port}/")
    assert len(server.asked) == 1


def test_an_answer_with_one_bad_address_is_refused_whole(server: WebServer) -> None:
    guarded = fetcher(server, "mixed.example", networks=())
    with pytest.raises(InputError) as caught:
        guarded.get(f"http://mixed.example:{server.port}/")
    assert "127.0.0.1" in caught.value.why


def test_a_range_does_not_open_what_hands_out_credentials() -> None:
    def guarded(*networks: str) -> Fetcher:
        return Fetcher(Network(("metadata.example",), networks, timeout_seconds=0.1), resolve=resolve)

    for network in ("169.254.0.0/16", "0.0.0.0/0"):
        with pytest.raises(InputError) as caught:
            guarded(network).get("http://metadata.example/")
        assert "not a public address" in caught.value.why


def test_nothing_is_allowed_by_itself(server: WebServer) -> None:
    with pytest.raises(InputError, match="not fetched") as caught:
        Fetcher(Network(networks=LOOPBACK)).get(server.url)
    assert "none" in caught.value.why


@pytest.mark.parametrize(
    ("entry", "host", "is_allowed"),
    [
        ("*.good.example", "sub.good.example", True),
        ("*.good.example", "good.example", False),
        ("*.good.example", "notgood.example", False),
        ("good.example", "sub.good.example", False),
    ],
)
def test_a_star_stands_for_every_name_below(server: WebServer, entry: str, host: str, is_allowed: bool) -> None:
    guarded = Fetcher(Network((f"{entry}:{server.port}",), LOOPBACK), resolve=lambda *_: ["127.0.0.1"])
    if is_allowed:
        guarded.get(f"http://{host}:{server.port}/")
    else:
        with pytest.raises(InputError):
            guarded.get(f"http://{host}:{server.port}/")


@pytest.mark.parametrize(
    "settings", [{"hosts": ("good.example/path",)}, {"hosts": ("*",)}, {"networks": ("10.0.0.1/8",)}]
)
def test_a_setting_that_means_nothing_is_said(server: WebServer, settings: dict[str, tuple[str, ...]]) -> None:
    # Settings of several types in one mapping.
    network = Network(**{"hosts": (f"good.example:{server.port}",), "networks": LOOPBACK, **settings})  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        Fetcher(network, resolve=resolve).get(f"http://good.example:{server.port}/")


def test_redirects_are_followed_and_counted(server: WebServer) -> None:
    server.answering = lambda asked: (
        Reply(302, headers={"Location": f"/{int(asked.path[1:]) - 1}"}) if asked.path != "/0" else Reply(body=b"end")
    )
    answer, body = fetcher(server).get(f"http://good.example:{server.port}/5")
    assert (body, answer.target.path) == (b"end", "/0")
    with pytest.raises(InputError) as caught:
        fetcher(server).get(f"http://good.example:{server.port}/6")
    assert "more than 5" in caught.value.why


def test_an_authorization_stays_with_its_origin(server: WebServer) -> None:
    def answering(asked: Asked) -> Reply:
        to = {"/near": "/end", "/far": f"http://other.example:{server.port}/end"}.get(asked.path)
        return Reply(302, headers={"Location": to}) if to else Reply()

    server.answering = answering
    guarded = fetcher(server, "good.example", "other.example")
    for start in ("/near", "/far"):
        guarded.get(f"http://good.example:{server.port}{start}", authorization="Bearer key")
    seen = [(asked.path, asked.headers.get("authorization")) for asked in server.asked]
    assert seen == [("/near", "Bearer key"), ("/end", "Bearer key"), ("/far", "Bearer key"), ("/end", None)]


def test_an_authorization_is_never_shown(server: WebServer) -> None:
    assert "key" not in repr(Request("http://good.example/", authorization="Bearer key"))
    with pytest.raises(InputError) as caught:
        fetcher(server).get("http://user:key@good.example/?token=key")
    assert "key" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        fetcher(server).get(f"http://good.example:{server.port + 1}/page?token=key")
    assert "key" not in str(caught.value)


def test_a_post_is_not_repeated_elsewhere(server: WebServer) -> None:
    server.answering = lambda asked: Reply(307, headers={"Location": "/other"})
    answer, _ = fetcher(server).get(f"http://good.example:{server.port}/", method="POST", body=b"question")
    assert answer.status == 307
    assert [(asked.method, asked.body) for asked in server.asked] == [("POST", b"question")]


def test_a_busy_server_is_asked_again_after_the_pause_it_wants(server: WebServer) -> None:
    pauses: list[float] = []
    server.answering = lambda asked: Reply(429, headers={"Retry-After": "7"}) if len(server.asked) < 3 else Reply()
    guarded = Fetcher(
        Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve, pause=lambda pause: pauses.append(pause)
    )
    assert guarded.get(f"http://good.example:{server.port}/")[0].status == 200
    assert pauses == [7.0, 7.0]
    server.asked.clear()
    server.answering = lambda asked: Reply(503, headers={"Retry-After": "86400"})
    assert guarded.get(f"http://good.example:{server.port}/")[0].status == 503
    assert pauses[2:] == [60.0, 60.0]


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Length": "10"}, {"Content-Length": "", "Transfer-Encoding": "chunked"}],
    ids=["said", "lied", "chunked"],
)
def test_too_large_an_answer_is_not_read_to_its_end(server: WebServer, headers: dict[str, str]) -> None:
    body = b"x" * 2_000_000
    if "Transfer-Encoding" in headers:
        body = b"186A0\r\n" + b"x" * 100_000 + b"\r\n" + b"186A0\r\n" + b"x" * 100_000 + b"\r\n0\r\n\r\n"
        headers = {"Transfer-Encoding": "chunked", "Content-Length": "0"}
    server.answering = lambda asked: Reply(body=body, headers=headers)
    guarded = fetcher(server, most_bytes=100_001)
    if headers.get("Content-Length") == "10":  # no more than was announced is read
        assert len(guarded.get(f"http://good.example:{server.port}/")[1]) == 10
        return
    with pytest.raises(InputError) as caught:
        guarded.get(f"http://good.example:{server.port}/")
    assert "100 kB" in caught.value.why
    assert guarded.received_bytes < 400_000


def test_a_packed_answer_is_unpacked_within_the_bound(server: WebServer) -> None:
    packed = {"Content-Encoding": "gzip"}
    server.answering = lambda asked: Reply(body=gzip.compress(b"text" * 1000), headers=packed)
    assert fetcher(server).get(f"http://good.example:{server.port}/")[1] == b"text" * 1000
    bomb = gzip.compress(bytes(50_000_000))
    server.answering = lambda asked: Reply(body=bomb, headers=packed)
    with pytest.raises(InputError, match="could not be fetched") as caught:
        fetcher(server, most_bytes=1_000_000).get(f"http://good.example:{server.port}/")
    assert "larger than" in caught.value.why


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b"rubbish", "gzip", "damaged"),
        (gzip.compress(b"text", mtime=0)[:-4], "gzip", "too early"),
        (b"x", "br", "packed as"),
    ],
)
def test_a_broken_packing_is_said(server: WebServer, body: bytes, encoding: str, said: str) -> None:
    server.answering = lambda asked: Reply(body=body, headers={"Content-Encoding": encoding})
    with pytest.raises(InputError) as caught:
        fetcher(server).get(f"http://good.example:{server.port}/")
    assert said in caught.value.why


def test_an_answer_that_ends_too_early_is_an_error(server: WebServer) -> None:
    server.answering = lambda asked: Reply(body=b"half", headers={"Content-Length": "8"})
    with pytest.raises(InputError, match="could not be fetched"):
        fetcher(server).get(f"http://good.example:{server.port}/")


def test_an_error_of_the_caller_is_not_blamed_on_the_network(server: WebServer) -> None:
    with (
        pytest.raises(OSError, match="disk"),
        fetcher(server).open(Request(f"http://good.example:{server.port}/")),
    ):
        raise OSError(28, "the disk is full")


def raw_server(speak: Callable[[socket.socket], None]) -> tuple[socket.socket, int]:
    """Listen on loopback and let `speak` misbehave on the first connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            speak(connection)

    threading.Thread(target=serve, daemon=True).start()
    return listening, listening.getsockname()[1]


def drip(start: bytes) -> Callable[[socket.socket], None]:
    """Send a beginning, then a byte every now and then for as long as anybody listens."""

    def speak(connection: socket.socket) -> None:
        try:
            connection.recv(1000)
            connection.sendall(start)
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            return

    return speak


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["status", "headers", "body"],
)
def test_a_server_that_drips_meets_the_deadline(start: bytes) -> None:
    listening, port = raw_server(drip(start))
    network = Network((f"good.example:{port}",), LOOPBACK, timeout_seconds=20, total_seconds=0.4)
    with listening, pytest.raises(InputError) as caught:
        Fetcher(network, resolve=resolve).get(f"http://good.example:{port}/")
    assert "longer than 0.4 seconds" in caught.value.why


def test_a_handshake_that_drips_is_given_up() -> None:
    listening, port = raw_server(drip(b"\x16\x03\x03\x3f\xff"))  # announces a record of 16 kB
    network = Network((f"good.example:{port}",), LOOPBACK, timeout_seconds=0.4)
    with listening, pytest.raises(InputError) as caught:
        Fetcher(network, resolve=resolve).get(f"https://good.example:{port}/")
    assert "timed out" in caught.value.why


def test_a_server_that_says_nothing_is_given_up() -> None:
    listening, port = raw_server(lambda connection: time.sleep(2))
    network = Network((f"good.example:{port}",), LOOPBACK, timeout_seconds=0.2)
    with listening, pytest.raises(InputError, match="could not be fetched"):
        Fetcher(network, resolve=resolve).get(f"http://good.example:{port}/")


def test_the_next_address_of_a_checked_answer_is_tried(server: WebServer) -> None:
    guarded = Fetcher(
        Network((f"good.example:{server.port}",), LOOPBACK), resolve=lambda *_: ["127.0.0.77", "127.0.0.1"]
    )
    assert guarded.get(f"http://good.example:{server.port}/")[1] == b"GET /"


def encrypted(server: WebServer, authority: trustme.CA, name: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)


def test_a_certificate_must_be_of_the_name_although_the_number_is_called(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    server = WebServer(from_table({"/": Reply(body=b"secret")}))
    encrypted(server, authority, "good.example")
    with server:
        for name, is_right in (("good.example", True), ("other.example", False)):
            allowed = Network((f"{name}:{server.port}",), LOOPBACK, certificates=str(tmp_path / "authority.pem"))
            guarded = Fetcher(allowed, resolve=resolve)
            if is_right:
                assert guarded.get(f"https://{name}:{server.port}/")[1] == b"secret"
            else:
                with pytest.raises(InputError) as caught:
                    guarded.get(f"https://{name}:{server.port}/")
                assert "doesn't match 'good.example'" in caught.value.why
        untrusting = Fetcher(Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve)
        with pytest.raises(InputError) as caught:
            untrusting.get(f"https://good.example:{server.port}/")
        assert "certificate" in caught.value.why


def test_encryption_is_not_given_up_by_a_redirect(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    server = WebServer(lambda asked: Reply(302, headers={"Location": f"http://good.example:{server.port}/plain"}))
    encrypted(server, authority, "good.example")
    network = Network((f"good.example:{server.port}",), LOOPBACK, certificates=str(tmp_path / "authority.pem"))
    with server, pytest.raises(InputError) as caught:
        Fetcher(network, resolve=resolve).get(f"https://good.example:{server.port}/")
    assert "without encryption" in caught.value.why


def test_a_proxy_is_asked_for_allowed_hosts_only(server: WebServer, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("user:word\n", encoding="utf-8")
    network = Network(("good.example",), proxy=server.url, proxy_credential=f"file:{key}")
    guarded = Fetcher(network, resolve=resolve)
    assert guarded.get("http://good.example/page?q=1")[1] == b"GET http://good.example/page?q=1"
    (asked,) = server.asked
    assert (asked.headers["host"], asked.headers["proxy-authorization"]) == ("good.example", "Basic dXNlcjp3b3Jk")
    for refused in ("http://other.example/", "http://10.0.0.1/"):
        with pytest.raises(InputError):
            Fetcher(Network(("good.example", "10.0.0.1"), proxy=server.url), resolve=resolve).get(refused)
    assert len(server.asked) == 1


def test_a_proxy_tunnels_encrypted_requests_to_the_name() -> None:
    said: list[bytes] = []

    def speak(connection: socket.socket) -> None:
        said.append(connection.recv(1000))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    listening, port = raw_server(speak)
    with listening, pytest.raises(InputError):
        Fetcher(Network(("good.example",), proxy=f"http://127.0.0.1:{port}")).get("https://good.example/")
    assert said[0].startswith(b"CONNECT good.example:443 HTTP/1.")


def test_the_environment_does_not_choose_a_proxy(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetcher(server).get(f"http://good.example:{server.port}/")[1] == b"GET /"


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, server: WebServer) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "urllib3", None)
    with pytest.raises(fetch.MissingExtraError) as caught:
        fetcher(server).get(f"http://good.example:{server.port}/")
    assert "ingot[web]" in caught.value.fix
