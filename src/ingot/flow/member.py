"""A member of a crew: a process that runs the request it finds in a file, as the rank it is given.

    python -m ingot.flow.member CALL.json RANK

Started by an executor, or by `torchrun --no-python bash -c 'exec python -m ingot.flow.member CALL.json $RANK'` inside a
scheduler's job. It tells what happens in a file beside the call.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from ingot.flow.crew import CrewCall, Place, told_in
from ingot.flow.outcome import in_words
from ingot.flow.request import Request
from ingot.flow.stopping import Stopping
from ingot.flow.worker import Reporter, end_with_parent, run_step


def main() -> None:
    """Run one member."""
    call, rank = CrewCall(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), int(sys.argv[2])
    request, stopping = Request(**call.request), Stopping()
    reporter = Reporter(told_in(Path(call.folder), rank).open("a", encoding="utf-8"))
    reporter.emit("started")
    if call.watches:
        threading.Thread(target=end_with_parent, args=(stopping,), daemon=True).start()
    threading.Thread(target=reporter.keep_telling, daemon=True).start()
    try:
        place = Place(rank, call.size, call.meeting)
        facts = run_step(request, reporter.emit, stopping, place)
        reporter.close({"kind": "facts", "facts": dict(facts)})
    except Exception as error:
        reporter.close({"kind": "error", **in_words(error, f"rank {rank}", request.run).as_fields()})
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
