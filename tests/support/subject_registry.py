"""A schema registry with subjects that can be changed: Confluent's REST interface, in memory.

As Apicurio 2.6 answers it where the two differ in what readers need: `reason` beside `messages`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Answer = tuple[int, Any]
NOT_THERE: Answer = (404, {"error_code": 40401, "message": "Subject not found"})


@dataclass
class SubjectRegistry:
    """Subjects by name with their versions, counted from 1; ids by the text of a schema."""

    url: str = ""
    level: str = "BACKWARD"
    levels: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    buried: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    mode: str | None = "READWRITE"  # None: a registry without modes and contexts
    modes: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    misfit: str = ""  # schemas with this text in them do not fit
    raw: bytes | None = None  # answered instead of everything
    asked: list[str] = field(default_factory=list)

    def put(self, subject: str, text: str, **more: Any) -> int:
        """The number of the version."""
        versions = self.subjects.setdefault(subject, {})
        number = max(versions, default=0) + 1
        schema_id = self.ids.setdefault(text, len(self.ids) + 1)
        versions[number] = {"id": schema_id, "schema": text, **more}
        return number

    def answer(self, method: str, path: str, body: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        at, query = [unquote(part) for part in urlsplit(path).path.split("/")[1:]], path
        if at[0] == "config":
            return self._config(method, at[1] if len(at) > 1 else "", body)
        if at[0] == "mode" and self.mode is not None:
            return self._mode(method, at[1] if len(at) > 1 else "", body, "force=true" in query)
        if at[0] == "contexts" and self.mode is not None:
            found = {name.split(":")[1] for name in self.subjects if name.startswith(":.")}
            return 200, [".", *found]
        if at[0] in ("mode", "contexts"):
            return 404, {"error_code": 0, "message": "Operation not supported."}
        if at[0] == "schemas":
            return 200, self._places(int(at[2]))
        if at == ["subjects"]:
            hidden = self.deleted if "deleted=true" in query else set()
            return 200, [*self.subjects, *hidden]
        if at[0] == "compatibility":
            return self._check(at[2], body)
        return self._subject(method, at[1:], body, query)

    def _config(self, method: str, name: str, body: Any) -> Answer:
        if method == "PUT":
            if name:
                self.levels[name] = body["compatibility"]
            else:
                self.level = body["compatibility"]
            return 200, body
        if method == "DELETE":
            return 200, self.levels.pop(name)
        if name and name not in self.levels:
            return 404, {"error_code": 40408, "message": "no level of its own"}
        return 200, {"compatibilityLevel": self.levels.get(name, self.level)}

    def _mode(self, method: str, name: str, body: Any, force: bool) -> Answer:
        if method == "PUT" and body["mode"] == "IMPORT" and self.subjects and not force:
            return 422, {"error_code": 42205, "message": "Cannot import since found subjects"}
        if method == "PUT":
            if name:
                self.modes[name] = body["mode"]
            else:
                self.mode = body["mode"]
            return 200, body
        if method == "DELETE":
            return 200, {"mode": self.modes.pop(name)}
        if name and name not in self.modes:
            return 404, {"error_code": 40409, "message": "no mode of its own"}
        return 200, {"mode": self.modes.get(name, self.mode)}

    def _check(self, name: str, body: Any) -> Answer:
        if name not in self.subjects:
            return NOT_THERE
        if self._misfits(body):
            return 200, {"is_compatible": False, "messages": [f"{self.misfit} is in the way"]}
        return 200, {"is_compatible": True}

    def _misfits(self, body: Any) -> bool:
        return bool(self.misfit) and self.misfit in body["schema"]

    def _places(self, schema_id: int) -> list[dict[str, Any]]:
        return [
            {"subject": name, "version": number}
            for name, versions in self.subjects.items()
            for number, one in versions.items()
            if one["id"] == schema_id
        ]

    def _subject(self, method: str, at: list[str], body: Any, query: str) -> Answer:
        name, what = at[0], at[1:]
        versions = self.subjects.get(name)
        if "deleted=true" in query:
            return self._with_buried(name, what)
        if method == "DELETE" and "permanent=true" in query:
            if versions is not None or name not in self.deleted:
                return 404, {"error_code": 40405, "message": "Subject was not deleted first"}
            self.deleted.remove(name)
            return 200, [1, 2]
        if (method, what) == ("POST", ["versions"]):
            if self._misfits(body):
                return 409, {"error_code": 409, "message": "it does not fit"}
            kind = {"schemaType": body["schemaType"]} if "schemaType" in body else {}
            number = self.put(name, body["schema"], references=body.get("references", []), **kind)
            return 200, {"id": self.subjects[name][number]["id"]}
        if versions is None:
            return NOT_THERE
        if (method, what) == ("POST", []):
            same = [n for n, one in versions.items() if one["schema"] == body["schema"]]
            return (200, self._told(name, same[0])) if same else NOT_THERE
        if method == "DELETE":
            return self._delete(name, what)
        if what == ["versions"]:
            return 200, list(versions)
        number = max(versions) if what[1] == "latest" else int(what[1])
        if number not in versions:
            return NOT_THERE
        if what[2:] == ["referencedby"]:
            return 200, self._users(name, number)
        return 200, self._told(name, number)

    def _with_buried(self, name: str, what: list[str]) -> Answer:
        every = {**self.buried.get(name, {}), **self.subjects.get(name, {})}
        if what[1:]:
            number = int(what[1])
            told = {"subject": name, "version": number}
            return (200, told | every[number]) if number in every else NOT_THERE
        if name in self.deleted and not every:
            return 200, [1, 2]
        return (200, sorted(every)) if every else NOT_THERE

    def _told(self, name: str, number: int) -> dict[str, Any]:
        return {"subject": name, "version": number, **self.subjects[name][number]}

    def _users(self, name: str, number: int) -> list[int]:
        return [
            one["id"]
            for versions in self.subjects.values()
            for one in versions.values()
            for reference in one.get("references", ())
            if (reference["subject"], reference["version"]) == (name, number)
        ]

    def _delete(self, name: str, what: list[str]) -> Answer:
        graves = self.buried.setdefault(name, {})
        if what:
            graves[int(what[1])] = self.subjects[name].pop(int(what[1]))
            return 200, int(what[1])
        self.deleted.add(name)
        graves |= self.subjects.pop(name)
        return 200, list(graves)


@contextmanager
def subject_registry() -> Iterator[SubjectRegistry]:
    """A running one."""
    made = SubjectRegistry()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, told = made.answer(self.command, self.path, body)
            raw = json.dumps(told).encode() if made.raw is None else made.raw
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET: Callable[..., None] = _do
        do_POST: Callable[..., None] = _do
        do_PUT: Callable[..., None] = _do
        do_DELETE: Callable[..., None] = _do

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()
