"""Certificates and proxies from the environment, each variable over real TLS: what it does, where that is told, and what a failure says."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import sys
import threading

import pytest
from conftest import Child

from ltx_jobs.testing import Emulator

# The name in the emulator's certificate that no resolver knows: only a proxy finds it.
BEHIND_A_PROXY = "api.ltx.test"

CHECK = """
client = ltx_jobs.Client(journal=False)
say(next(str(setting) for setting in client.check(keep_failures=True).settings if setting.key == "ca_bundle"))
for finding in client.check(keep_failures=True).findings:
    if finding.what in ("proxy", "certificates", "api", "key"):
        say(f"{finding.what}: {finding.state.value}: {finding.detail}")
try:
    client.check()
    say("fine")
except ltx_jobs.Error as error:
    say(f"{type(error).__name__}: {error}")
"""

# Of the developer's machine, and of what these tests set themselves.
OF_NOBODY = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
OF_NOBODY += [name.lower() for name in OF_NOBODY[4:]]


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch):
    for name in OF_NOBODY:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def secure():
    with Emulator(arguments=["--tls"]) as emulator:
        yield emulator


def look(emulator, **environment: str) -> dict[str, str]:
    """What a child with this environment finds."""
    child = Child(emulator, CHECK, LTX_POLL_INTERVAL="5s", **environment)
    code, output, complaint = child.end(60)
    assert (code, complaint) == (0, "")
    lines = output.splitlines()
    told = dict(line.split(": ", 1) for line in lines[:-1])
    return {**told, "outcome": lines[-1]}


def hashed_directory(emulator, tmp_path) -> str:
    """As `c_rehash` makes them."""
    place = tmp_path / "certificates"
    place.mkdir()
    shutil.copy(emulator.ca_bundle, place / "0a1b2c3d.0")
    (place / "README").write_text("no certificate")
    (place / "private").mkdir()
    return str(place)


# The certificate in a file, which each of them names, or in a directory.
NAMED = [(variable, "file") for variable in ("LTX_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]
NAMED += [(variable, "directory") for variable in ("LTX_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]


@pytest.mark.parametrize("variable, kind", NAMED)
def test_each_variable_brings_the_certificate_and_is_told_as_the_origin(secure, tmp_path, variable, kind):
    bundle = secure.ca_bundle if kind == "file" else hashed_directory(secure, tmp_path)
    found = look(secure, **{variable: bundle})
    assert found["outcome"] == "fine"
    assert found["ca_bundle"] == f"{bundle} (environment {variable})"
    assert f", and 1 of {bundle} (environment {variable})" in found["certificates"]
    assert found["certificates"].startswith("ok: trusted are ")


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there the system has no directory of certificates")
def test_a_directory_of_certificates_stands_for_the_systems_store(secure, tmp_path):
    found = look(secure, SSL_CERT_DIR=hashed_directory(secure, tmp_path))
    assert found["outcome"] == "fine"
    assert found["certificates"] == "ok: trusted are those of SSL_CERT_DIR, in place of the operating system's"


def test_without_the_certificate_the_error_names_the_roots_and_the_variables(secure):
    outcome = look(secure)["outcome"]
    assert outcome.startswith("Tls: ") and "trusted are the operating system's" in outcome or "trusted are those of this build" in outcome, outcome
    for variable in ("ca_bundle", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        assert variable in outcome, outcome


@pytest.mark.parametrize("variable", ["LTX_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_variable_that_names_nothing_of_use_is_named_in_the_error(secure, tmp_path, variable):
    (tmp_path / "empty.pem").write_text("nothing\n")
    (tmp_path / "nothing").mkdir()
    for path in ("missing.pem", "empty.pem", "nothing"):
        place = str(tmp_path / path)
        outcome = look_failing(secure, **{variable: place})
        assert outcome.startswith("ConfigError: ") and place in outcome and f"(environment {variable})" in outcome, outcome


def look_failing(emulator, **environment: str) -> str:
    child = Child(
        emulator,
        "try:\n    ltx_jobs.Client(journal=False).check()\nexcept ltx_jobs.Error as error:\n    say(f'{type(error).__name__}: {error}')\n",
        LTX_POLL_INTERVAL="5s",
        **environment,
    )
    code, output, complaint = child.end(60)
    assert (code, complaint) == (0, "")
    return output.strip()


class Tunnel:
    """A proxy that answers CONNECT, for any name, with the emulator's port on this machine; or refuses."""

    def __init__(self, refuses: str | None = None) -> None:
        self.heads: list[str] = []
        self._refuses = refuses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = near.recv(4096)
            if not part:
                return
            head += part
        text = head.decode("latin-1")
        self.heads.append(text)
        if self._refuses:
            near.sendall(f"HTTP/1.1 {self._refuses}\r\nContent-Length: 0\r\n\r\n".encode())
            near.close()
            return
        port = int(text.split()[1].rpartition(":")[2])
        far = socket.create_connection(("127.0.0.1", port))
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def asked_for(self, name: str) -> bool:
        return any(head.startswith(f"CONNECT {name}:") for head in self.heads)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def tunnel():
    tunnels = []

    def start(refuses: str | None = None) -> Tunnel:
        tunnels.append(Tunnel(refuses))
        return tunnels[-1]

    yield start
    for one in tunnels:
        one.close()


def behind(emulator) -> dict[str, str]:
    """The emulator by its name that only a proxy finds, and its certificate."""
    return {"LTX_BASE_URL": emulator.base_url.replace("localhost", BEHIND_A_PROXY), "SSL_CERT_FILE": emulator.ca_bundle}


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "LTX_PROXY"])
def test_each_variable_leads_through_the_proxy_with_its_credentials_and_shows_none(secure, tunnel, variable):
    proxy = tunnel()
    found = look(secure, **behind(secure), **{variable: f"http://somebody:canary@{proxy.address}"})
    assert found["outcome"] == "fine"
    assert proxy.asked_for(BEHIND_A_PROXY)
    secret = base64.b64encode(b"somebody:canary").decode()
    assert all(f"basic {secret}".lower() in head.lower() for head in proxy.heads)
    said_by = "the setting `proxy`, environment LTX_PROXY" if variable == "LTX_PROXY" else f"environment {variable}"
    assert found["proxy"] == f"ok: http://{proxy.address}/ ({said_by})"


@pytest.mark.parametrize("exception", [BEHIND_A_PROXY, "ltx.test", ".ltx.test", "other.example, api.ltx.test", "*"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_what_is_excepted_goes_past_the_proxy(secure, tunnel, variable, exception):
    proxy = tunnel()
    found = look(secure, **behind(secure), HTTPS_PROXY=f"http://{proxy.address}", **{variable: exception})
    assert found["outcome"].startswith("Dns: ") and BEHIND_A_PROXY not in proxy.heads
    assert found["proxy"] == f"ok: none: {variable} excepts the service" and not proxy.asked_for(BEHIND_A_PROXY)


def test_a_service_on_this_machine_needs_no_proxy(secure, tunnel):
    proxy = tunnel(refuses="500 Nobody")
    found = look(secure, SSL_CERT_FILE=secure.ca_bundle, HTTPS_PROXY=f"http://{proxy.address}", ALL_PROXY=f"http://{proxy.address}")
    assert found["outcome"] == "fine" and not proxy.heads and found["proxy"] == "ok: none: the service is on this machine"


def test_what_a_proxy_refuses_is_told_with_its_address_and_who_named_it(secure, tunnel):
    proxy = tunnel(refuses="407 Proxy Authentication Required")
    outcome = look(secure, **behind(secure), HTTPS_PROXY=f"http://somebody:canary@{proxy.address}")["outcome"]
    assert outcome.startswith("Proxy: ") and f"http://{proxy.address}/ (environment HTTPS_PROXY)" in outcome and "canary" not in outcome, outcome


def test_a_proxy_that_is_not_there_is_told_with_its_address_and_who_named_it(secure):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    outcome = look(secure, **behind(secure), ALL_PROXY=f"http://{address}")["outcome"]
    assert outcome.startswith("Proxy: ") and f"by the proxy http://{address}/ (environment ALL_PROXY)" in outcome, outcome


def test_a_certificate_that_is_not_trusted_behind_a_proxy_is_told_with_the_proxy(secure, tunnel):
    proxy = tunnel()
    environment = behind(secure)
    del environment["SSL_CERT_FILE"]
    outcome = look(secure, **environment, HTTPS_PROXY=f"http://{proxy.address}")["outcome"]
    assert outcome.startswith("Tls: ") and f"by the proxy http://{proxy.address}/ (environment HTTPS_PROXY)" in outcome and "trusted are " in outcome, outcome


def test_a_setting_wins_over_every_variable(secure, tunnel, tmp_path, monkeypatch):
    (tmp_path / "wrong.pem").write_text("nothing\n")
    for name in ("LTX_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "wrong.pem"))
    with secure.client(ca_bundle=secure.ca_bundle) as client:
        assert client.check().request_id
    assert os.environ["LTX_CA_BUNDLE"] != secure.ca_bundle
