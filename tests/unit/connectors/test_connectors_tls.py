"""Tables over https: a certificate that is trusted, one that is not, one for another name, and one that has expired."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority of our own, which signs certificates for servers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key, self.now = folder, ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            self._certificate(self.name, self.key, 1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - dt.timedelta(days=30))
            .not_valid_after(self.now + dt.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )

    def server(self, address: str, days: int = 1) -> ssl.SSLContext:
        """What a server at an address needs to speak TLS; a negative number of days is a certificate that is over."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._certificate(subject, key, days).add_extension(names, False).sign(self.key, hashes.SHA256())
        file = self.folder / f"server-{address}-{days}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Three servers over TLS by the state of their certificate, and the authority's own certificate."""
    folder = tmp_path_factory.mktemp("tls")
    served = folder / "served"
    served.mkdir()
    rows = "\n".join(f"{20 + i},{'FM'[i % 2]}" for i in range(40))
    (served / "table.csv").write_text(f"age,sex\n{rows}\n")
    authority = Authority(folder)
    contexts = {
        "good": authority.server("127.0.0.1"),
        "other name": authority.server("127.0.0.9"),
        "expired": authority.server("127.0.0.1", days=-1),
    }
    running = []
    found = {"authority": str(authority.file)}
    for state, context in contexts.items():
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        found[state] = f"https://127.0.0.1:{server.server_port}/table.csv?token=s3cr3t"
    yield found
    for server in running:
        server.shutdown()
        server.server_close()


def inspect(source: str, authority: str | None) -> subprocess.CompletedProcess[str]:
    """`synthdata inspect` in a process of its own: which authorities are trusted is settled when it starts."""
    environment = {**os.environ, "no_proxy": "*", **({"SSL_CERT_FILE": authority} if authority else {})}
    command = [sys.executable, "-m", "synthdata", "inspect", source, "--columns-only"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_tls_is_read_from_a_server_whose_certificate_is_trusted(servers: dict[str, str]) -> None:
    done = inspect(servers["good"], servers["authority"])
    assert done.returncode == 0, done.stderr
    assert "age" in done.stdout
    assert "s3cr3t" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("state", "trusted", "said"),
    [
        ("good", False, "signed by nobody whom this machine trusts"),
        ("other name", True, "made out to another name"),
        ("expired", True, "has expired"),
    ],
)
def test_tls_refuses_what_cannot_be_trusted(servers: dict[str, str], state: str, trusted: bool, said: str) -> None:
    done = inspect(servers[state], servers["authority"] if trusted else None)
    assert done.returncode == 2
    message = " ".join(done.stderr.split())
    assert said in message, message
    assert "SSL_CERT_FILE" in message if not trusted else "SSL_CERT_FILE" not in message
    assert "s3cr3t" not in message
    assert "Traceback" not in message
