"""A real nginx on loopback, in a directory of its own: storage and service in one.

Three ports: plain, TLS, and plain with 20 MiB/s for each connection. The plain one also plays the service, as far as a transfer needs it: every job is
completed but for those that run for ever, and there is one upload slot.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
daemon off;
worker_processes auto;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    log_format bytes $bytes_sent;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    types {{ video/mp4 mp4; application/zip zip; }}
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path {home}/incoming;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    root {bodies};
    server {{
        listen 127.0.0.1:{plain};
        location /counted/ {{ alias {bodies}/; access_log {home}/served.log bytes; }}
        location /put/ {{ root {home}; dav_methods PUT; }}
        location /v1/ {{ default_type application/json; return 200 '{slot}'; }}
        location ~ ^/v2/{endpoint}/(asked-[0-9]+)$ {{ default_type application/json; return 200 '{running}'; }}
{jobs}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {home}/server.pem;
        ssl_certificate_key {home}/server.key;
        ssl_protocols TLSv1.3;
    }}
    server {{
        listen 127.0.0.1:{limited};
        limit_rate 20m;
    }}
}}
"""

ENDPOINT = "video-to-video-hdr"
ASKED = f"{ENDPOINT}/asked-"
"""With a number behind it: a job that runs."""


@dataclass(frozen=True)
class Server:
    """Where things are."""

    plain: str
    tls: str
    limited: str
    authority: Path
    """The certificate that signed the TLS server's."""
    received: Path
    """The file that an upload ends in."""
    served: Path
    """Bytes of each answer below `/counted/`, head included, one a line."""

    @property
    def put(self) -> str:
        return f"{self.plain}/put/{self.received.name}"

    def environment(self) -> dict[str, str]:
        """The settings of the library."""
        return {"LTX_BASE_URL": self.plain, "LTX_API_KEY": "of-no-value", "LTX_CA_BUNDLE": str(self.authority)}


@contextlib.contextmanager
def serving(home: Path, bodies: Path, outputs: dict[str, tuple[str, str]]) -> Iterator[Server]:
    """Runs nginx with jobs of these names: for each, which of the three ports, and the file there."""
    ports = dict(zip(("plain", "tls", "limited"), free_ports(3)))
    make_certificates(home)
    for directory in ("put", "incoming"):
        (home / directory).mkdir()
    address = {name: f"{'https' if name == 'tls' else 'http'}://127.0.0.1:{port}" for name, port in ports.items()}
    server = Server(
        plain=address["plain"],
        tls=address["tls"],
        limited=address["limited"],
        authority=home / "authority.pem",
        received=home / "put" / "upload",
        served=home / "served.log",
    )
    jobs = {name: completed(name, f"{address[port]}/{file}") for name, (port, file) in outputs.items()}
    (home / "nginx.conf").write_text(
        CONFIG.format(
            home=home,
            bodies=bodies,
            user="user root;" if os.getuid() == 0 else "",
            endpoint=ENDPOINT,
            running=json.dumps({"status": "processing", "id": "$1", "created_at": "2026-01-01T00:00:00Z"}),
            slot=json.dumps({"upload_url": server.put, "storage_uri": "ltx://uploads/1"}),
            jobs="\n".join(
                f"        location = /v2/{ENDPOINT}/{name} {{ default_type application/json; return 200 '{json.dumps(state)}'; }}"
                for name, state in jobs.items()
            ),
            **ports,
        )
    )
    process = subprocess.Popen(["nginx", "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")])
    try:
        for port in ports.values():
            wait_for(port, process, home)
        yield server
    finally:
        process.terminate()
        process.wait()


def completed(name: str, url: str) -> dict[str, object]:
    label = "exr_frames_url" if url.endswith(".zip") else "video_url"
    return {
        "status": "completed",
        "id": name,
        "created_at": "2026-01-01T00:00:00Z",
        "completed_at": "2026-01-01T00:05:00Z",
        "result": {label: url},
    }


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(500):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nginx does not run: {(home / 'error.log').read_text()}")


def make_certificates(home: Path) -> None:
    """An authority, and a certificate for 127.0.0.1 signed by it."""
    (home / "openssl.cnf").write_text(
        "[req]\ndistinguished_name = name\n[name]\n"
        "[authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash\n"
        "[server]\nbasicConstraints = CA:FALSE\nsubjectAltName = IP:127.0.0.1\nextendedKeyUsage = serverAuth\n"
    )

    def request(name: str, subject: str, *more: str) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        command += ["-config", str(home / "openssl.cnf"), "-subj", subject, "-extensions", name]
        command += ["-keyout", str(home / f"{name}.key"), "-out", str(home / f"{name}.pem"), *more]
        subprocess.run(command, check=True, capture_output=True)

    request("authority", "/CN=bench authority")
    request("server", "/CN=127.0.0.1", "-CA", str(home / "authority.pem"), "-CAkey", str(home / "authority.key"))
