"""The REST interface of a Kafka Connect worker, in memory: KIP-26, KIP-745 and KIP-875."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

REBALANCE = "Request cannot be completed because a rebalance is expected"
NO_CLASS = (
    "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: "
    "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that implements "
    "Connector and which name matches no.Such, available connectors are: PluginDesc{klass=class x"
)
"""Both as Apache Kafka 4.2 says them."""

TRACE = (
    "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded\n\tat x.y(Z.java:1)\n"
    "Caused by: java.io.IOException: disk is full\n\t... 7 more\n"
)


@dataclass(slots=True)
class ConnectWorker:
    """Connectors by name: settings, state, and task states."""

    url: str = ""
    configs: dict[str, dict[str, str]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    offsets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    loggers: dict[str, str] = field(default_factory=lambda: {"root": "INFO", "a.b": "DEBUG"})
    rebalances: int = 0  # changes that are refused because of one
    mistakes: dict[str, str] = field(default_factory=dict)  # what validation finds, by setting

    def add(self, name: str, *tasks: str, state: str = "RUNNING", **config: str) -> None:
        named = {key.replace("_", "."): value for key, value in config.items()}
        self.configs[name] = {"connector.class": "x.FileSink", "name": name, **named}
        self.states[name], self.tasks[name] = state, list(tasks)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._root)
        app.router.add_get("/connectors", self._list)
        app.router.add_get("/connector-plugins", self._plugins)
        app.router.add_put("/connector-plugins/{kind}/config/validate", self._validate)
        app.router.add_get("/admin/loggers", self._loggers)
        app.router.add_put("/admin/loggers/{name}", self._logger)
        app.router.add_route("*", "/connectors/{rest:.*}", self._one)
        return app

    async def _root(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "4.2.0", "commit": "c", "kafka_cluster_id": "made"})

    async def _list(self, request: web.Request) -> web.Response:
        assert request.query.getall("expand") == ["status", "info"]
        return web.json_response({name: self._told(name) for name in self.configs})

    async def _plugins(self, request: web.Request) -> web.Response:
        kinds = {"x.FileSink": "sink", "x.JsonConverter": "converter"}
        return web.json_response(
            [{"class": name, "type": kind, "version": "4.2.0"} for name, kind in kinds.items()]
        )

    async def _validate(self, request: web.Request) -> web.Response:
        config = await request.json()
        told = [
            {"definition": {"name": name}, "value": {"name": name, "errors": [text]}}
            for name, text in self.mistakes.items()
        ]
        told += [{"value": {"name": name, "errors": []}} for name in config]
        return web.json_response({"name": "x", "error_count": len(self.mistakes), "configs": told})

    async def _loggers(self, request: web.Request) -> web.Response:
        return web.json_response({name: {"level": level} for name, level in self.loggers.items()})

    async def _logger(self, request: web.Request) -> web.Response:
        assert request.query["scope"] == "cluster"
        self.loggers[request.match_info["name"]] = (await request.json())["level"]
        return web.Response(status=204)

    def _told(self, name: str) -> dict[str, Any]:
        itself = {"state": self.states[name], "worker_id": "127.0.0.1:8083"}
        tasks = [
            {"id": number, "state": state, "worker_id": "127.0.0.1:8083"}
            | ({"trace": TRACE} if state == "FAILED" else {})
            for number, state in enumerate(self.tasks[name])
        ]
        return {
            "info": {"name": name, "config": self.configs[name], "tasks": [], "type": "sink"},
            "status": {"name": name, "connector": itself, "tasks": tasks, "type": "sink"},
        }

    async def _one(self, request: web.Request) -> web.Response:
        """Names come as one part of the path, whatever is in them."""
        raw = request.url.raw_path.removeprefix("/connectors/")
        name = request.match_info["rest"]
        for verb in ("config", "offsets", "pause", "resume", "stop", "restart"):
            if raw.endswith("/" + verb) and "/tasks/" not in raw:
                name = name.removesuffix("/" + verb)
                return await self._do(request, name, verb)
        if "/tasks/" in raw:
            name = name.partition("/tasks/")[0]
            return await self._do(request, name, raw.rpartition("/tasks/")[2])
        return await self._do(request, name, "")

    async def _do(self, request: web.Request, name: str, verb: str) -> web.Response:
        self.asked.append(f"{request.method} {name} {verb} {request.query_string}".strip())
        if request.method != "GET" and self.rebalances:
            self.rebalances -= 1
            said = {"error_code": 409, "message": REBALANCE}
            return web.json_response(said, status=409)
        if (request.method, verb) == ("PUT", "config"):
            body = await request.json()
            if body["connector.class"] == "no.Such":
                said = {"error_code": 400, "message": NO_CLASS}
                return web.json_response(said, status=400)
            if (refused := body.get("refused")) is not None:
                return web.json_response({"error_code": 400, "message": refused}, status=400)
            tasks = self.tasks.get(name, ["RUNNING"])
            self.configs[name], self.states[name], self.tasks[name] = body, "RUNNING", tasks
            return web.json_response({"name": name, "config": body, "tasks": []}, status=201)
        if name not in self.configs:
            said = {"error_code": 404, "message": f"Connector {name} not found"}
            return web.json_response(said, status=404)
        if (request.method, verb) == ("GET", "config"):
            return web.json_response(self.configs[name])
        if verb == "offsets":
            return await self._of_offsets(request, name)
        if request.method == "DELETE":
            del self.configs[name]
            return web.Response(status=204)
        states = {"pause": "PAUSED", "resume": "RUNNING", "stop": "STOPPED"}
        self.states[name] = states.get(verb, self.states[name])
        return web.Response(status=202)

    async def _of_offsets(self, request: web.Request, name: str) -> web.Response:
        kept = self.offsets.setdefault(name, [])
        if request.method == "GET":
            return web.json_response({"offsets": kept})
        if self.states[name] != "STOPPED":
            said = {"error_code": 400, "message": "Connectors must be in the STOPPED state"}
            return web.json_response(said, status=400)
        body = await request.json() if request.method == "PATCH" else {"offsets": []}
        self.offsets[name] = body["offsets"]
        return web.json_response({"message": "The offsets have been altered successfully"})


@contextmanager
def connect_worker() -> Iterator[ConnectWorker]:
    """A worker in a thread of its own: the dashboard asks it from threads."""
    made, ready, loop = ConnectWorker(), threading.Event(), asyncio.new_event_loop()
    runner = web.AppRunner(made.application(), access_log=None)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
