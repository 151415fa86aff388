"""`ingot serve`: one model behind the API that other software already speaks."""

from __future__ import annotations

import json
import shlex
import socket
from pathlib import Path

import click
import uvicorn

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import home_at
from ingot.core.errors import BusyError
from ingot.serve.local import local_app


@click.command()
@click.argument("name")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--key-file", type=click.Path(path_type=Path, exists=True), help="File with the API key callers must give."
)
@click.option("--engine", default="auto", show_default=True, help="What runs the model: `ingot plugins engine`.")
@shared
def serve(
    name: str, host: str, port: int, key_file: Path | None, engine: str, home_path: str, as_json: bool, debug: bool
) -> None:
    """Serve the model NAME over HTTP: /v1/chat/completions, /v1/completions, /v1/models, /health.

    Each request adds a line to usage.jsonl in the home: who asked which model, tokens read and written, seconds. At
    64 MB the file becomes usage.1.jsonl, in place of an earlier one.
    """
    listener = listen(host, port)
    app = local_app(home_at(home_path), name, engine=engine, key_file=key_file, host=host)
    address = f"http://{url_host(host)}:{listener.getsockname()[1]}/v1"
    if as_json:
        print_json_lines([{"kind": "serving", "model": name, "address": address}])
    else:
        click.echo(f"Serving {name} at {address} (end with Ctrl+C). Try:")
        body = json.dumps({"model": name, "prompt": "Once", "max_tokens": 40})
        header = "'Content-Type: application/json'"
        click.echo(f"  curl {shlex.quote(f'{address}/completions')} -H {header} -d '{body}'")
    settings = uvicorn.Config(app, log_level="debug" if debug else "warning")
    uvicorn.Server(settings).run(sockets=[listener])


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
        raise BusyError(
            f"cannot listen on {host}, port {port}",
            why=error.strerror or str(error),
            fix="another server may be running there: choose another port with --port, or 0 for any free one",
        ) from error
    return listener


def url_host(host: str) -> str:
    """Return a host as a URL holds it: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host
