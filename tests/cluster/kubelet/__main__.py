"""Fake kubelets as one process: `python -m tests.cluster.kubelet CONFIG.json`. Ends at SIGTERM.

A control plane without kubelets schedules pods that nobody ever starts. This process registers nodes, drives the
status of their pods as the pods' annotations say (`behaviour.py`), and serves their logs. It starts no container.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

from tests.cluster.kubelet.log_server import serve
from tests.cluster.kubelet.logbook import LogBook
from tests.cluster.kubelet.node import Node, NodeSettings
from tests.cluster.kubelet.pod import Surroundings
from tests.cluster.kubelet.recorder import Recorder
from tests.cluster.kubelet.wire import Api, Json


async def main(config: Json) -> None:
    """Run all nodes of the configuration (written by `controlplane.py`) until SIGTERM or SIGINT."""
    authority = Path(config["authority"])
    book = LogBook()
    stopped = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, stopped.set)
    logs = await serve(
        book,
        port=config["port"],
        certificate=Path(config["serving_certificate"]),
        key=Path(config["serving_key"]),
        authority=authority,
    )
    async with contextlib.AsyncExitStack() as open_until_end, asyncio.TaskGroup() as group:
        open_until_end.push_async_callback(logs.cleanup)
        running = []
        for number, spec in enumerate(config["nodes"]):
            identity = {"certificate": Path(spec.pop("certificate")), "key": Path(spec.pop("key"))}
            api = await open_until_end.enter_async_context(Api(config["server"], authority=authority, **identity))
            around = Surroundings(
                api=api,
                recorder=Recorder(api, node=spec["name"]),
                book=book,
                time_scale=config["time_scale"],
            )
            settings = NodeSettings(**spec, port=config["port"], number=number)
            running.append(group.create_task(Node(settings=settings, around=around).run()))
        await stopped.wait()
        for task in running:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
