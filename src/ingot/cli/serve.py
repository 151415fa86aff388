"""`ingot serve`: one model behind the API that other software already speaks."""

from __future__ import annotations

from pathlib import Path

import click
import uvicorn

from ingot.cli.options import shared
from ingot.cli.wire import home_at
from ingot.serve.local import local_app


@click.command()
@click.argument("name")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--key-file", type=click.Path(path_type=Path, exists=True), help="File with the API key callers must give."
)
@click.option("--engine", default="auto", show_default=True, help="What runs the model: `ingot plugins engine`.")
@shared
def serve(
    name: str, host: str, port: int, key_file: Path | None, engine: str, home_path: str, as_json: bool, debug: bool
) -> None:
    """Serve the model NAME over HTTP: /v1/chat/completions, /v1/completions, /v1/models, /health."""
    app = local_app(home_at(home_path), name, engine=engine, key_file=key_file, host=host)
    click.echo(f"Serving {name} at http://{host}:{port}/v1 (end with Ctrl+C). Try:")
    click.echo(
        f"  curl http://{host}:{port}/v1/completions -H 'Content-Type: application/json' "
        f"""-d '{{"model": "{name}", "prompt": "Once", "max_tokens": 40}}'"""
    )
    uvicorn.run(app, host=host, port=port, log_level="debug" if debug else "warning")
