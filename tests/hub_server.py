"""A server on loopback that speaks as much of the Hugging Face hub's interface as its client needs for a download."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "lab/tiny-dna"


@dataclass
class Hub:
    """One model on a hub, and how the hub misbehaves.

    files: name -> content. large: names of the files that it says the SHA-256 of; of others it says git's SHA-1.
    breaks: name -> after so many bytes the connection breaks off, each time. lies: name -> what it sends instead.
    missing: files that it lists and has not. error: an X-Error-Code that it answers everything with.
    card, tags: of the model's page.
    asked: what was asked for, as method, path and range.
    """

    files: dict[str, bytes]
    large: set[str] = field(default_factory=lambda: {"model.safetensors"})
    breaks: dict[str, int] = field(default_factory=dict)
    lies: dict[str, bytes] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    error: str = ""
    gated: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    card: dict | None = None
    tags: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    endpoint: str = ""

    def described(self) -> dict:
        siblings = []
        for name, content in self.files.items():
            size = self.sizes.get(name, len(content))
            one = {"rfilename": name, "size": size, "blobId": blob_sum(content)}
            if name in self.large:
                one["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
            siblings.append(one)
        described = {"id": MODEL, "sha": COMMIT, "siblings": siblings, "pipeline_tag": "text-generation"}
        return described | {"tags": self.tags} | ({"cardData": self.card} if self.card else {})

    def fetched(self) -> list[str]:
        """The files whose content was asked for, in order."""
        return [path.rsplit("/", 1)[1] for method, path, _ in self.asked if method == "GET" and "/resolve/" in path]


def blob_sum(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve a hub at hub.endpoint for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body: bool):
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.command, path, self.headers.get("Range")))
            if hub.error:
                self.refuse(403 if hub.error == "GatedRepo" else 404, hub.error)
            elif path in (f"/api/models/{MODEL}/revision/main", f"/api/models/{MODEL}/revision/{COMMIT}"):
                self.send(200, json.dumps(hub.described()).encode(), {"Content-Type": "application/json"}, body)
            elif path.startswith(f"/api/models/{MODEL}/revision/"):
                self.refuse(404, "RevisionNotFound")
            elif path.startswith(f"/{MODEL}/resolve/{COMMIT}/"):
                self.send_file(path.rsplit("/", 1)[1], body)
            else:
                self.refuse(404, "RepoNotFound")

        def refuse(self, status: int, code: str):
            self.send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code}, self.command == "GET")

        def send(self, status: int, content: bytes, headers: dict, body: bool):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def send_file(self, name: str, body: bool):
            if name not in hub.files or name in hub.missing:
                return self.refuse(404, "EntryNotFound")
            content = hub.lies.get(name, hub.files[name])
            sums = hub.files[name]
            etag = hashlib.sha256(sums).hexdigest() if name in hub.large else blob_sum(sums)
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "X-Linked-Etag": f'"{etag}"'}
            headers |= {"X-Linked-Size": str(len(content)), "Accept-Ranges": "bytes"}
            start = 0
            if asked := self.headers.get("Range"):
                start = int(asked.removeprefix("bytes=").split("-")[0])
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            rest = content[start:]
            if body and name in hub.breaks:
                self.send_response(206 if start else 200)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest[: hub.breaks[name]])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return None
            return self.send(206 if start else 200, rest, headers, body)

        def handle(self):
            with suppress(OSError, ValueError):  # a connection that was broken off on purpose
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
