"""How a source may be shown: with its passwords, tokens and signatures masked."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

MASKED = "***"
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|sig|credential|auth|odbc_connect|sas", re.IGNORECASE)
_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)$", re.DOTALL)
_PARAMETER = re.compile(r"(?P<name>[^?&;=#]+)=(?P<value>[^&#]*)")


def mask(source: str) -> str:
    """The source as it may be shown: password, tokens and signed query strings masked.

    >>> mask("postgresql://ann:hunter2@db.example:5432/shop")
    'postgresql://ann:***@db.example:5432/shop'
    >>> mask("https://files.example/a.csv?X-Amz-Signature=abc&part=2")
    'https://files.example/a.csv?X-Amz-Signature=***&part=2'
    >>> mask("people.csv")
    'people.csv'
    """
    url = _URL.match(source)
    if url is None:
        return source
    scheme, login, place, parameters = _parts(url)
    shown = ""
    if login is not None:
        user, colon, _ = login.partition(":")
        # A lone name before the @ of a web address is as a rule a token.
        shown = f"{user}:{MASKED}@" if colon else f"{MASKED}@" if scheme.startswith("http") else f"{user}@"
    return f"{scheme}://{shown}{place}{_PARAMETER.sub(_masked_parameter, parameters)}"


def scrub(message: str, source: str) -> str:
    """A driver's message without any secret of ``source``, whether written as in the URL or decoded.

    >>> scrub("no host named hunter2", "postgresql://ann:hunter2@db/shop")
    'no host named ***'
    """
    message = message.replace(source, mask(source))
    for secret in sorted(_secrets(source), key=len, reverse=True):
        message = message.replace(secret, MASKED)
    return message


def _parts(url: re.Match[str]) -> tuple[str, str | None, str, str]:
    """Scheme, ``user:password`` or None, host and path, and the query string with its question mark."""
    scheme, rest = url["scheme"], url["rest"]
    before, _, after = rest.partition("?")
    if re.match(r"[^/?#@]*:", rest):
        # A password may itself hold '/', '?', '#' or '@', so the login ends at the last '@' unless that belongs to
        # a query string, or what looked like a password is a port.
        in_query = re.match(r"\w+=", after) and ("@" in before or re.match(r"[^/?#@]*:\d+(/|$)", before))
        head, at, _ = (before if in_query else rest).rpartition("@")
    else:
        head, at, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    place, question, parameters = rest[len(head) + len(at) :].partition("?")
    return scheme, head if at else None, place, question + parameters


def _masked_parameter(parameter: re.Match[str]) -> str:
    secret = _SECRET_NAME.search(unquote(parameter["name"]))
    return f"{parameter['name']}={MASKED}" if secret else parameter[0]


def _secrets(source: str) -> set[str]:
    url = _URL.match(source)
    if url is None:
        return set()
    _, login, _, parameters = _parts(url)
    found = {login.partition(":")[2]} if login else set()
    found |= {p["value"] for p in _PARAMETER.finditer(parameters) if _SECRET_NAME.search(unquote(p["name"]))}
    # The pieces too: a driver that splits a badly quoted password at '@' reports a piece of it as the host.
    found |= {piece for secret in found for piece in secret.split("@") if len(piece) > 2}
    return {form for secret in found for form in (secret, unquote(secret), unquote_plus(secret)) if form}
