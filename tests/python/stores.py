"""A real S3 server on loopback, and a gateway before it that records requests and breaks some."""

from __future__ import annotations

import http.client
import http.server
import os
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

KEY_ID = "AKIACANARY0000000001"
SECRET = "canary-secret-5b1e"


class Store:
    """moto's server as a process of its own."""

    def __init__(self, **environment: str) -> None:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        end = time.monotonic() + 60
        while True:
            try:
                open_(self.url + "/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.close()
                    pytest.fail("the S3 server did not start")
                time.sleep(0.02)

    def s3(self):
        """Amazon's own client, to look at what is there."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(proxies={}, retries={"max_attempts": 1}),
        )

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Gateway:
    """Passes requests on to a store, records them, and does what `rule` says of each.

    ``None`` passes it on, a number is the answer without passing it on, ``"cut"`` breaks the connection before and ``"lose"`` after the store has heard of it.
    """

    def __init__(self, store: Store, rule=lambda method, path, number: None) -> None:
        gateway = self
        self.requests: list[tuple[str, str]] = []
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    number = len(gateway.requests)
                    gateway.requests.append((self.command, self.path))
                action = rule(self.command, self.path, number)
                if action == "cut":
                    self.close_connection = True
                    return
                if isinstance(action, int):
                    document = b"<Error><Code>SlowDown</Code><Message>" + SECRET.encode() + b"</Message></Error>"
                    self.send_response(action)
                    self.send_header("Content-Length", str(len(document)))
                    self.end_headers()
                    self.wfile.write(document)
                    return
                connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=60)
                try:
                    connection.request(self.command, self.path, body, dict(self.headers))
                    answer = connection.getresponse()
                    content = answer.read()
                    if action == "lose":
                        self.close_connection = True
                        return
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                            self.send_header(name, value)
                    length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                    self.send_header("Content-Length", length or "0")
                    self.end_headers()
                    self.wfile.write(content)
                finally:
                    connection.close()

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
