"""The HTTP application: the routes behind their doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from ingot.serve.asks.forms import SCHEMAS
from ingot.serve.batches.runner import BatchRunner
from ingot.serve.doors import Doors, KnownAs
from ingot.serve.fine_tuning.runner import JobRunner
from ingot.serve.gateway import Limits
from ingot.serve.guarding import Judges
from ingot.serve.links import Links
from ingot.serve.openapi import document
from ingot.serve.ports import Authenticator, Meter, ModelSource, RunLauncher, Store
from ingot.serve.refused import add_handlers
from ingot.serve.routes import (
    agents,
    audio,
    conversations,
    embeddings,
    files,
    fine_tuning,
    generation,
    health,
    models,
    moderations,
    responses,
)
from ingot.serve.routes import batches as batch_routes
from ingot.serve.routes.given import Direct
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
    launcher: RunLauncher | None = None,
    links: Links | None = None,
) -> FastAPI:
    """Return the application; without `known_as` it answers only to the names of loopback.

    `while_up` is entered before the first request and left after the last. Without a `launcher` nothing is trained,
    without `links` those to files end with this server.
    """
    server = Server(source, meter, store, limits or Limits(), judges)
    batches = BatchRunner(server)
    jobs = JobRunner(store, launcher) if launcher is not None else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with while_up or nullcontext():
            await batches.resume()
            if jobs is not None:
                await run_in_threadpool(jobs.start)
            yield
            if jobs is not None:
                await run_in_threadpool(jobs.close)
            await batches.close()
            await server.mirror.close()
            server.gateway.close()
            await run_in_threadpool(SCHEMAS.close)

    # The interactive pages would load scripts from elsewhere; the schema itself stays at /openapi.json.
    app = FastAPI(
        title="Ingot",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # It could send what it sees elsewhere, and asks the environment about that for every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.server, app.state.batches, app.state.jobs = server, batches, jobs
    app.state.links = links or Links()
    # Matched one after another: those that are asked all the time come first. They are the application's own, because
    # a router that is included is matched twice.
    for routes in (
        generation,
        health,
        models,
        moderations,
        embeddings,
        files,
        fine_tuning,
        audio,
        batch_routes,
        responses,
        agents,
        conversations,
    ):
        app.router.routes.extend(routes.router.routes)
    add_handlers(app)
    document(app)
    inside = Direct(app.build_middleware_stack(), generation.router.routes)
    app.middleware_stack = Doors(inside, known_as or KnownAs(), authenticator, server)
    return app
