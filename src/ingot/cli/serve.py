"""`ingot serve`: models behind the APIs that other software already speaks."""

from __future__ import annotations

import errno
import json
import math
import shlex
import socket
from pathlib import Path

import click

from ingot.cli.options import read_size, shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import home_at
from ingot.core.errors import BusyError
from ingot.serve.connections import settings
from ingot.serve.draining import DrainingServer
from ingot.serve.local.app import local_app
from ingot.serve.ports import Price
from ingot.serve.tls import tls

_A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def read_price(context: click.Context, option: click.Parameter, value: str | None) -> Price | None:
    """Return the price in an option: two numbers and a currency. Raises BadParameter saying what was expected."""
    if value is None:
        return None
    try:
        read, written, currency = value.split(",")
        price = Price(float(read), float(written), currency.strip())
    except ValueError:
        price = None
    if price is None or not (math.isfinite(price.of(1, 1)) and price.of(1, 0) >= 0 and price.of(0, 1) >= 0):
        raise click.BadParameter(f"{value!r} is no price: write it as 0.20,0.60,EUR", context, option)
    return price


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--key-file", type=_A_FILE, help="File with the API keys callers must give, one a line.")
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="How long answers under way may take after SIGTERM.",
)
@click.option(
    "--price",
    callback=read_price,
    metavar="READ,WRITTEN,CURRENCY",
    help="What a million tokens cost, as in 0.20,0.60,EUR: answers then tell their cost.",
)
@click.option(
    "--policies",
    type=_A_FILE,
    help="File that says what models may read and answer.",
)
@click.option(
    "--classifier",
    "classifiers",
    multiple=True,
    metavar="NAME",
    help="A model that tells classes apart, for /v1/classifications; may be given several times.",
)
@click.option(
    "--memory",
    callback=lambda *given: None if given[2] is None else read_size(given[2], "--memory"),
    metavar="SIZE",
    help="What models may hold together, such as 16GB: idle ones are closed for others, and opened when asked.",
)
@click.option("--tls-certificate", type=_A_FILE, help="PEM file: what proves this server's name, for https://.")
@click.option("--tls-key", type=_A_FILE, help="PEM file: the private key of that certificate.")
@click.option(
    "--known-as",
    multiple=True,
    metavar="NAME",
    help="A host name by which callers, or a proxy, address this server; may be given several times.",
)
@click.option("--engine", default="auto", show_default=True, help="What runs the model: `ingot plugins engine`.")
@click.option("--draft", metavar="NAME", help="A smaller model with the same tokenizer, which guesses ahead.")
@shared
def serve(
    names: tuple[str, ...],
    host: str,
    port: int,
    key_file: Path | None,
    price: Price | None,
    policies: Path | None,
    classifiers: tuple[str, ...],
    memory: int | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    known_as: tuple[str, ...],
    engine: str,
    draft: str | None,
    drain_seconds: float,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Serve models over HTTP to clients of OpenAI's and of Mistral's API.

    NAME follows its release (`ingot release show`) while it serves, or else the newest version of the model of that
    name: a version that answers takes over, without a failed request. NAME@VERSION stays what it is. Without NAME,
    every name that has a release is served. /healthz, /readyz and /metrics tell how the server is.

    On SIGTERM it takes no more requests and finishes those it has. Each request adds a line to usage.jsonl in the home:
    who asked which model, tokens read and written, seconds and joules. At 64 MB the file becomes usage.1.jsonl, in
    place of an earlier one.
    """
    context = tls(tls_certificate, tls_key)
    listener = listen(host, port)
    app = local_app(
        home_at(home_path),
        names,
        engine=engine,
        draft=draft,
        key_file=key_file,
        host=host,
        price=price,
        policies=policies,
        classifiers=classifiers,
        most_bytes=memory,
        known_as=known_as,
    )
    ids = [card.id for card in app.state.server.source.cards()]
    served = [name for name in names if name.partition("@")[0] in ids] or ids
    address = f"{'https' if context else 'http'}://{url_host(host)}:{listener.getsockname()[1]}/v1"
    if as_json:
        print_json_lines([{"kind": "serving", "model": name, "address": address} for name in served])
    else:
        click.echo(f"Serving {', '.join(served) or 'nothing yet'} at {address} (end with Ctrl+C). Try:")
        body = json.dumps({"model": (served or ["NAME"])[0], "prompt": "Once", "max_tokens": 40})
        headers = ["Content-Type: application/json", *(["Authorization: Bearer YOUR-KEY"] if key_file else [])]
        said = " ".join(f"-H {shlex.quote(header)}" for header in headers)
        click.echo(f"  curl {shlex.quote(f'{address}/completions')} {said} -d '{body}'")
    config = settings(app, app.state.server.gateway, context=context, log_level="debug" if debug else "warning")
    DrainingServer(config, app.state.server, drain_seconds).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, before a model is loaded for nothing; port 0 takes any free one.

    Callers who come while the model is loaded wait.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # With SO_REUSEADDR several may bind, and only one may listen.
        listener.listen()
    except OSError as error:
        listener.close()
        fixes = {
            errno.EADDRINUSE: "another server runs there: choose another port with --port, or 0 for any free one",
            errno.EACCES: "ports below 1024 are the system's: choose another with --port",
        }
        raise BusyError(
            f"cannot listen on {host}, port {port}",
            why=error.strerror or str(error),
            fix=fixes.get(error.errno or 0, "--host must be an address of this machine, 0.0.0.0 for all of them"),
        ) from error
    return listener


def url_host(host: str) -> str:
    """Return a host as a URL holds it: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host
