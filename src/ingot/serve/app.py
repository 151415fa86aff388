"""The HTTP application: the routes behind their doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI

from ingot.serve.batches.runner import BatchRunner
from ingot.serve.doors import Doors, KnownAs
from ingot.serve.gateway import Limits
from ingot.serve.guarding import Judges
from ingot.serve.openapi import document
from ingot.serve.ports import Authenticator, Meter, ModelSource, Store
from ingot.serve.refused import add_handlers
from ingot.serve.routes import (
    agents,
    conversations,
    embeddings,
    files,
    generation,
    health,
    models,
    moderations,
    responses,
)
from ingot.serve.routes import batches as batch_routes
from ingot.serve.server import Server


def create_app(
    source: ModelSource,
    authenticator: Authenticator,
    meter: Meter,
    store: Store,
    limits: Limits | None = None,
    known_as: KnownAs | None = None,
    while_up: AbstractContextManager[object] | None = None,
    judges: Judges | None = None,
) -> FastAPI:
    """Return the application; without `known_as` it answers only to the names of loopback.

    `while_up` is entered before the first request and left after the last.
    """
    server = Server(source, meter, store, limits or Limits(), judges)
    batches = BatchRunner(server)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with while_up or nullcontext():
            await batches.resume()
            yield
            await batches.close()
            server.gateway.close()

    # The interactive pages would load scripts from elsewhere; the schema itself stays at /openapi.json.
    app = FastAPI(title="Ingot", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.server, app.state.batches = server, batches
    for routes in (
        health,
        models,
        generation,
        moderations,
        embeddings,
        files,
        batch_routes,
        responses,
        agents,
        conversations,
    ):
        app.include_router(routes.router)
    app.add_middleware(Doors, known_as=known_as or KnownAs(), authenticator=authenticator, server=server)
    add_handlers(app)
    document(app)
    return app
