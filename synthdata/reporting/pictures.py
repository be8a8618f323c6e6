"""Inline drawings as pictures, for pages that let no SVG through: Streamlit takes it out of what it is handed."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from synthdata.reporting import palette

_DRAWING = re.compile(r'<svg class="(?P<classes>[\w -]+)"(?P<rest>[^>]*)>(?P<inner>.*?)</svg>', re.DOTALL)
_TITLE = re.compile(r"<title>([^<]*)</title>")
_STYLE = re.compile(r'style="[^"]*"')


def as_pictures(markup: str, stylesheets: Iterable[str], theme: palette.Theme) -> str:
    """Markup with every ``<svg>`` replaced by an ``<img>`` that carries it, with the rules of its class in a theme.

    >>> found = as_pictures('<svg class="a" viewBox="0 0 1 1"><title>T</title></svg>', [".a { fill: red; }"], "light")
    >>> found.startswith('<img class="a" alt="T" src="data:image/svg+xml;base64,')
    True
    """
    rules = [line for sheet in stylesheets for line in sheet.splitlines()]
    properties = f":root {{ {palette.FONT_PROPERTIES} {palette.custom_properties(theme)} }}"

    def picture(found: re.Match[str]) -> str:
        classes, rest, inner = found["classes"], found["rest"], found["inner"]
        # Rules for the drawing's own box are its page's affair; inside a picture they would push it out of its frame.
        names = classes.split()
        own = "\n".join(
            line for line in rules if any(line.startswith(f".{name} ") and line[len(name) + 2] != "{" for name in names)
        )
        size = _STYLE.search(rest)
        drawing = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}"{rest}>'
            f"<style>{properties}\n{own}</style>{inner}</svg>"
        )
        content = base64.b64encode(drawing.encode()).decode()
        title = _TITLE.search(inner)
        told = f'alt="{title[1]}"' if title else 'alt=""'
        look = f" {size[0]}" if size else ""
        return f'<img class="{classes}" {told}{look} src="data:image/svg+xml;base64,{content}">'

    return _DRAWING.sub(picture, markup)
