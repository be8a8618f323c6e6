"""Who may do what: the person at this machine everything, people who log in what the list beside the runs allows.

Login is Streamlit's own (OpenID Connect) and on as soon as its ``secrets.toml`` has a section ``[auth]``. Then the file
``access.toml`` in the folder of runs says who has which role, by e-mail address or a whole domain:

    viewer = ["*@clinic.example"]
    reviewer = ["ann@clinic.example"]
    runner = ["bob@clinic.example"]
    sources = ["sklearn:*", "postgresql://db.clinic.example/*"]

A reviewer or runner may view as well. ``sources`` are what a runner may name besides files of their own. Whoever is on
no list sees nothing; so does everybody where the file cannot be read, or lists people while there is no login.
"""

from __future__ import annotations

import getpass
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import streamlit as st

from dashboards import store
from dashboards.theme import literal
from synthdata.errors import SynthdataError

Role = Literal["viewer", "reviewer", "runner"]
FILE = "access.toml"
EVERYTHING: frozenset[Role] = frozenset(get_args(Role))


@dataclass(frozen=True)
class Person:
    """Who looks: a name for the review log, the roles, what sources may be named, and whether they logged in."""

    name: str
    roles: frozenset[Role]
    sources: tuple[str, ...] = ("*",)
    known: bool = False

    def may(self, role: Role) -> bool:
        """Whether the person has a role."""
        return role in self.roles

    def may_read(self, source: str) -> bool:
        """Whether the person may name this source."""
        return any(fnmatchcase(source, pattern) for pattern in self.sources)


def person() -> Person | None:
    """The person whom this page is drawn for; None where they have to log in first.

    Raises:
        SynthdataError: the list of roles cannot be used, so nobody is let in.
    """
    if not login_is_on():
        if (store.root() / FILE).exists():
            raise SynthdataError(
                f"{FILE} lists who may do what, but there is no login.",
                f"Configure OpenID Connect in .streamlit/secrets.toml, or remove {FILE}.",
            )
        return Person(getpass.getuser(), EVERYTHING)
    if not st.user.get("is_logged_in"):
        return None
    lists = read_lists(store.root() / FILE)
    email = str(st.user.get("email") or "").strip().casefold()
    if not email or st.user.get("email_verified") is False:
        return Person(email or "somebody without an e-mail address", frozenset(), (), True)
    return Person(email, roles_of(email, lists), tuple(lists.get("sources", [])), True)


def login_is_on() -> bool:
    """Whether Streamlit's secrets configure a login."""
    return bool(st.secrets.load_if_toml_exists() and "auth" in st.secrets)


def read_lists(path: Path) -> dict[str, list[str]]:
    """The lists of ``access.toml``.

    Raises:
        SynthdataError: it is missing, or not what it should be.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SynthdataError(
            f"There is a login, but no {FILE} in the folder of runs.", "Write into it who has which role."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise SynthdataError(f"{FILE} cannot be read.", "Mend it; until then nobody is let in.") from None
    for key, names in found.items():
        if key not in (*get_args(Role), "sources"):
            raise SynthdataError(f"{FILE}: there is no role {key!r}.", f"Known: {', '.join(get_args(Role))}, sources.")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SynthdataError(f"{FILE}: {key!r} must be a list of texts.")
    return found


def roles_of(email: str, lists: dict[str, list[str]]) -> frozenset[Role]:
    """The roles that the lists give an address; any of them lets view.

    >>> sorted(roles_of("ann@a.example", {"reviewer": ["Ann@a.example"], "runner": ["*@b.example"]}))
    ['reviewer', 'viewer']
    """
    found: set[Role] = {
        role
        for role in get_args(Role)
        if any(fnmatchcase(email, pattern.strip().casefold()) for pattern in lists.get(role, []))
    }
    return frozenset(found | {"viewer"} if found else found)


def let_in(role: Role = "viewer") -> Person:
    """The person, if they have the role; otherwise say why not, and stop the page here."""
    try:
        found = person()
    except SynthdataError as error:
        st.title("Nobody is let in", anchor=False)
        st.error(literal(str(error)))
        st.stop()
    if found is None:
        st.title("Log in first", anchor=False)
        st.write("This dashboard is for people whom its owner has listed.")
        if find_spec("authlib") is None:
            st.error("The package Authlib, which the login needs, is not installed: pip install 'synthdata[login]'.")
            st.stop()
        st.button("Log in", type="primary", on_click=st.login)
        st.stop()
    if not found.may(role):
        st.title("Not for you", anchor=False)
        st.write(f"You are logged in as {literal(found.name)}, who has not the role “{role}”.")
        st.write("Ask the owner of this dashboard for it.")
        st.button("Log out", on_click=st.logout)
        st.stop()
    return found
