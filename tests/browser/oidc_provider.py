"""A provider of OpenID Connect for tests: whoever comes chooses who they are, and gets a signed token that says so."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "dashboard", "secret of the dashboard"


class Provider(ThreadingHTTPServer):
    """The server, its key, and the codes that it has given out."""

    daemon_threads = True

    def __init__(self, people: dict[str, dict[str, Any]]) -> None:
        from joserfc.jwk import RSAKey

        super().__init__(("127.0.0.1", 0), Handler)
        self.people = people
        self.key = RSAKey.generate_key(2048, {"use": "sig", "kid": secrets.token_hex(4)})
        self.codes: dict[str, tuple[str, str]] = {}

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://localhost:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """The five pages of a provider."""

    server: Provider

    def do_GET(self) -> None:
        """Configuration, keys, and the page on which a person is chosen."""
        place, asked = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        issuer = self.server.issuer
        if place == "/.well-known/openid-configuration":
            self.answer(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif place == "/keys":
            self.answer({"keys": [self.server.key.as_dict(private=False)]})
        elif place == "/authorize":
            links = []
            for name in self.server.people:
                code = secrets.token_urlsafe(16)
                self.server.codes[code] = (name, asked.get("nonce", [""])[0])
                back = f"{asked['redirect_uri'][0]}?{urlencode({'code': code, 'state': asked['state'][0]})}"
                links.append(f'<p><a href="{escape(back)}">{escape(name)}</a></p>')
            self.answer("<!doctype html><title>Who are you?</title><link rel=icon href=data:,>" + "".join(links))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """A code, once, for a token."""
        from joserfc import jwt

        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        known = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        found = self.server.codes.pop(form.get("code", [""])[0], None)
        if urlsplit(self.path).path != "/token" or found is None or not known.startswith(f"{CLIENT}:"):
            self.send_error(400)
            return
        name, nonce = found
        now = int(time.time())
        claims = {
            "iss": self.server.issuer,
            "aud": CLIENT,
            "sub": name,
            "iat": now,
            "exp": now + 600,
            "nonce": nonce,
            **self.server.people[name],
        }
        token = jwt.encode({"alg": "RS256", "kid": self.server.key.kid}, claims, self.server.key)
        self.answer({"access_token": "unused", "token_type": "Bearer", "expires_in": 600, "id_token": token})

    def answer(self, content: Any) -> None:
        """A page, or data as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def provider(people: dict[str, dict[str, Any]]) -> Iterator[Provider]:
    """A running provider; ``people`` are the claims of each person by the name of their link."""
    server = Provider(people)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
