"""One palette for every view: real, synthetic and holdout always look the same, in light and in dark.

Blue and orange keep apart under every common colour-blindness, and differ in lightness too; the holdout is grey and
dashed. Associations use violet and green, so that their sign is never taken for real or synthetic. Nothing is told by
colour alone.
"""

from __future__ import annotations

from typing import Literal

Theme = Literal["light", "dark"]

SERIF = (
    "'Iowan Old Style', Charter, 'Bitstream Charter', 'Sitka Text', Cambria, Georgia, 'Liberation Serif', "
    "'Times New Roman', serif"
)
SANS = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'Liberation Mono', monospace"
FONT_PROPERTIES = f"--serif: {SERIF}; --sans: {SANS}; --mono: {MONO}; --gap: clamp(1rem, 2.4vw, 1.75rem);"

LIGHT: dict[str, str] = {
    "page": "#faf8f4",
    "surface": "#ffffff",
    "sunken": "#f1eee7",
    "ink": "#1d1c1a",
    "soft": "#5f5b54",
    "rule": "#ddd8cd",
    "accent": "#1f5f99",
    "real": "#1f5f99",
    "synthetic": "#c8570c",
    "holdout": "#7b7770",
    "positive": "#5e3c99",
    "negative": "#1b7837",
    "pass": "#1d6b4f",
    "warn": "#8f5a00",
    "fail": "#ad2118",
    "pass_tint": "#e6f1ea",
    "warn_tint": "#f9efd9",
    "fail_tint": "#fae7e3",
}
DARK: dict[str, str] = {
    "page": "#15171b",
    "surface": "#1c1f24",
    "sunken": "#262a31",
    "ink": "#ece8e1",
    "soft": "#a8a49b",
    "rule": "#363b43",
    "accent": "#7db4e6",
    "real": "#6aa9e0",
    "synthetic": "#f2924a",
    "holdout": "#a09c94",
    "positive": "#a98be0",
    "negative": "#5fbf7f",
    "pass": "#6cc79b",
    "warn": "#e3b04b",
    "fail": "#f2857a",
    "pass_tint": "#1b2f27",
    "warn_tint": "#332a17",
    "fail_tint": "#3a211f",
}


def colours(theme: Theme) -> dict[str, str]:
    """The colours of a theme by what they mean."""
    return LIGHT if theme == "light" else DARK


def custom_properties(theme: Theme) -> str:
    """The colours as CSS custom properties: ``--real: #1f5f99; ...``."""
    return " ".join(f"--{name.replace('_', '-')}: {colour};" for name, colour in colours(theme).items())
