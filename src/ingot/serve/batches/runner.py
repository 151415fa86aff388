"""Works on batches while the server has nothing better to do.

Each line goes through the same gateway as other requests, in a line of its own with a small share, so that people who
wait go first. Every answer is appended to a journal before it counts; after a restart the batch goes on where the
journal ends, and a line that was torn by a crash is answered again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

from starlette.concurrency import run_in_threadpool

from ingot.core.errors import IngotError, InputError
from ingot.serve.batches.answered import answered
from ingot.serve.batches.lines import Line, lines
from ingot.serve.batches.record import CANCELLED, CANCELLING, DONE, EXPIRED, FAILED, KIND, OPEN, RUNNING
from ingot.serve.kept import FILE, file_record, new_id, now
from ingot.serve.ports import Principal, Quota
from ingot.serve.server import Server

_log = logging.getLogger(__name__)
_AT_ONCE = 2
_SHARE = 0.1
_SECONDS_BETWEEN_RECORDS = 1.0


class BatchRunner:
    """All batches of one server. Belongs to its event loop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def resume(self) -> None:
        """Go on with every batch that an earlier server left."""
        for owner, record in await run_in_threadpool(self._server.store.everybody, KIND):
            if record["status"] in OPEN:
                self.begin(Principal(owner, Quota(**record["quota"])), record)

    def begin(self, principal: Principal, record: dict[str, Any]) -> None:
        """Work on a batch in the background."""
        waits = replace(principal.quota, weight=principal.quota.weight * _SHARE)
        worker = _Worker(self._server, replace(principal, quota=waits, line=f"{principal.id}:batch"), record)
        task = asyncio.create_task(worker.work(), name=record["id"])
        self._tasks[record["id"]] = task
        task.add_done_callback(lambda _: self._tasks.pop(record["id"], None))

    async def cancel(self, principal: Principal, record: dict[str, Any]) -> dict[str, Any]:
        """End a batch early; what was answered is kept. One that is over stays as it is."""
        if record["status"] not in OPEN:
            return record
        record = {**record, "status": CANCELLING}
        task = self._tasks.get(record["id"])
        if task is not None:
            task.cancel(CANCELLING)
        await run_in_threadpool(self._server.store.put, principal.id, KIND, record["id"], record)
        return record

    async def close(self) -> None:
        """Stop working; the next server goes on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class _Worker:
    """One batch."""

    def __init__(self, server: Server, principal: Principal, record: dict[str, Any]) -> None:
        self._server, self._principal, self._record = server, principal, record
        self._journal = f"{record['id']}-journal"
        self._recorded = 0.0

    async def work(self) -> None:
        """Answer every line, then write the result."""
        try:
            if self._record["status"] == CANCELLING:
                await self._end(CANCELLED)
                return
            await self._answer_all()
            await self._end(DONE)
        except asyncio.CancelledError as cancelled:
            if CANCELLING not in cancelled.args:
                raise  # the server ends, the batch does not
            await self._end(CANCELLED)
        except TimeoutError:
            await self._end(EXPIRED)
        except InputError as error:
            self._record["errors"] = [" ".join(filter(None, (error.where, error.what, error.fix)))]
            await self._end(FAILED)
        except (IngotError, OSError):
            _log.exception("the batch %s failed", self._record["id"])
            self._record["errors"] = ["the server failed; its log says why"]
            await self._end(FAILED)

    async def _answer_all(self) -> None:
        total = await run_in_threadpool(lambda: sum(1 for _ in self._lines()))
        done = await run_in_threadpool(lambda: {entry["number"]: entry for entry in self._entries()})
        if done:  # what follows a line that a crash has torn begins a new one
            await run_in_threadpool(self._server.store.append, self._principal.id, self._journal, b"")
        failed = sum(1 for entry in done.values() if entry["has_failed"])
        self._record |= {"status": RUNNING, "total": total, "failed": failed, "succeeded": len(done) - failed}
        self._record["started_at"] = self._record["started_at"] or now()
        await self._keep()
        left = (line for line in self._lines() if line.number not in done)
        seconds = self._record["created_at"] + self._record["seconds"] - time.time()
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as workers:
            for _ in range(_AT_ONCE):
                workers.create_task(self._answer_some(left))

    async def _answer_some(self, left: Iterator[Line]) -> None:
        for line in left:
            status, body = await answered(line, self._record, self._server, self._principal)
            has_failed = status >= 400
            result = {
                "id": new_id("batch_req_"),
                "custom_id": line.custom_id,
                "response": {"status_code": status, "request_id": new_id("req_"), "body": body},
                "error": None,
            }
            entry = json.dumps({"number": line.number, "has_failed": has_failed, "result": result}, ensure_ascii=False)
            await run_in_threadpool(self._server.store.append, self._principal.id, self._journal, entry.encode())
            self._record["failed" if has_failed else "succeeded"] += 1
            if time.monotonic() - self._recorded > _SECONDS_BETWEEN_RECORDS:
                await self._keep()

    async def _end(self, status: str) -> None:
        await run_in_threadpool(self._write_results)
        self._record |= {"status": status, "ended_at": now()}
        await self._keep()
        await run_in_threadpool(self._server.store.erase, self._principal.id, self._journal)

    async def _keep(self) -> None:
        self._recorded = time.monotonic()
        await run_in_threadpool(self._server.store.put, self._principal.id, KIND, self._record["id"], self._record)

    def _write_results(self) -> None:
        entries = {entry["number"]: entry for entry in self._entries()}
        for has_failed, field, kind in ((False, "output_file", "batch_result"), (True, "error_file", "batch_error")):
            results = [entry["result"] for _, entry in sorted(entries.items()) if entry["has_failed"] == has_failed]
            if results:
                self._record[field] = self._write(results, f"{self._record['id']}_{field}.jsonl", kind)

    def _write(self, results: list[Mapping[str, Any]], name: str, sample_type: str) -> str:
        store, owner = self._server.store, self._principal.id
        content = "".join(json.dumps(result, ensure_ascii=False) + "\n" for result in results)
        file_id = new_id("file-")
        size = store.write(owner, file_id, BytesIO(content.encode()))
        store.put(owner, FILE, file_id, file_record(file_id, name, "batch", size, sample_type))
        return file_id

    def _lines(self) -> Iterator[Line]:
        paths = [self._server.store.path(self._principal.id, file_id) for file_id in self._record["input_files"]]
        if None in paths:
            raise InputError("the input file is gone", fix="upload it again, and make a new batch")
        return lines([path for path in paths if path is not None], self._record["endpoint"])

    def _entries(self) -> Iterator[dict[str, Any]]:
        path = self._server.store.path(self._principal.id, self._journal)
        if path is None:
            return
        with path.open("rb") as file:
            for text in file:
                with suppress(ValueError):  # a line that a crash has torn was never counted
                    yield json.loads(text)


def quota_record(principal: Principal) -> dict[str, Any]:
    """Return the limits of a principal, to hold a batch to them after a restart."""
    return asdict(principal.quota)
