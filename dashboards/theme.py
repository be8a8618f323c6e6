# ruff: noqa: E501
"""The dashboard's looks: the report's palette and type, handed to Streamlit."""

from __future__ import annotations

from functools import cache

from synthdata.reporting.palette import SANS, SERIF, Theme, colours

#: charts without the bar of buttons that Plotly lays over them
QUIET = {"displayModeBar": False}

_PAGE_STYLES = """
.stMainBlockContainer { max-width: 76rem; padding-top: 1.75rem; }
.stAppHeader { background: transparent; }
[data-testid="stPageLink"] a { padding-left: 0; background: transparent !important; }
[data-testid="stPageLink"] a p { font-weight: 400 !important; text-decoration: underline; }
.synthdata-view > h3 { margin: 2.25rem 0 0.5rem; }
[data-testid="stHtml"] + [data-testid="stHtml"] .section-head { margin-top: 2rem; }
[class*="st-key-run-card"] { position: relative; gap: 0; }
[class*="st-key-run-card"] [data-testid="stPageLink"] a { width: fit-content; padding-left: 0; }
[class*="st-key-run-card"] [data-testid="stPageLink"] a::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-run-card"]:hover h2 { text-decoration: underline; text-underline-offset: 0.18em; }
[class*="st-key-run-card"] [data-testid="stPageLink"] { position: static; }
.synthdata-view .release { --tone: var(--soft); --tint: var(--sunken); display: inline-block; margin: 0.15rem 0; padding: 0.15rem 0.7rem; border-radius: 99px; background: var(--tint); color: var(--tone); font-size: 0.8125rem; font-weight: 600; overflow-wrap: anywhere; }
.synthdata-view .release.pass, .review-log .pass { --tone: var(--pass); --tint: var(--pass-tint); }
.synthdata-view .release.fail, .review-log .fail { --tone: var(--fail); --tint: var(--fail-tint); }
.synthdata-view .release .mono { font-weight: 400; margin-left: 0.4rem; }
.beside th[scope=row] { color: var(--ink); font-weight: 600; font-size: 0.875rem; overflow-wrap: anywhere; min-width: 9rem; }
.plain.beside th, .plain.beside td { vertical-align: top; padding-left: 0.9rem; }
.plain.beside th:first-child { padding-left: 0; }
.plain.beside thead th { vertical-align: bottom; }
.beside .fine { display: block; font-size: 0.75rem; white-space: nowrap; }
.beside td.n { white-space: nowrap; }
.synthdata-view .sideways { overflow-x: auto; }
.stAppHeader { height: 0; min-height: 0; }
.st-key-menu { gap: 0.25rem 1.4rem; padding-bottom: 0.7rem; margin-bottom: 0; border-bottom: 1px solid var(--menu-rule); }
.synthdata-view .wordmark { display: inline-block; margin: 0 0.75rem 0 0; font-size: 1.1875rem; }
.st-key-menu [data-testid="stPageLink"] a { padding: 0.1rem 0; border-radius: 0; border-bottom: 2px solid transparent; }
.st-key-menu [data-testid="stPageLink"] a p { text-decoration: none; }
.st-key-menu [data-testid="stPageLink"] a:hover p { text-decoration: underline; }
[class*="st-key-menu-here"] [data-testid="stPageLink"] a { border-bottom-color: var(--menu-here) !important; }
@media (max-width: 30rem) { .st-key-menu { gap: 0.25rem 1.1rem; } .st-key-menu .wordmark { display: none; } .st-key-menu > [data-testid="stElementContainer"]:has(.wordmark) { display: none; } }
.st-key-menu > :has(.st-key-menu-person), .st-key-menu > .st-key-menu-person { margin-left: auto; }
.st-key-menu-person { gap: 0.75rem; }
@media (max-width: 46rem) { .stButtonGroup > div, .stButtonGroup [role="radiogroup"] { gap: 0.35rem; flex-wrap: wrap !important; } .stButtonGroup button { border-radius: 4px !important; margin-left: 0 !important; border-width: 1px !important; border-style: solid; } .stButtonGroup button[aria-checked="false"] { border-color: var(--menu-rule) !important; } }
[class*="st-key-menu-here"] [data-testid="stPageLink"] a p { font-weight: 600 !important; }
.review-log li { --tone: var(--soft); display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: 0.25rem 1.25rem; padding: 0.8rem 0; border-bottom: 1px solid var(--rule); }
.review-log .state { color: var(--tone); font-weight: 600; font-size: 0.875rem; }
@media (max-width: 46rem) { .review-log li { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 46rem) { .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
"""


def options() -> dict[str, str]:
    """Streamlit's theme settings, light and dark, by their names on its command line."""
    found = {
        "theme.font": SANS,
        "theme.headingFont": SERIF,
        "theme.headingFontWeights": "500",
        "theme.headingFontSizes": "2.75rem, 1.625rem, 1.25rem",
        "theme.baseRadius": "4px",
        "theme.showWidgetBorder": "true",
    }
    for theme in ("light", "dark"):
        shade = colours(theme)
        found |= {
            f"theme.{theme}.primaryColor": shade["accent"],
            f"theme.{theme}.backgroundColor": shade["page"],
            f"theme.{theme}.secondaryBackgroundColor": shade["sunken"],
            f"theme.{theme}.textColor": shade["ink"],
            f"theme.{theme}.linkColor": shade["accent"],
            f"theme.{theme}.borderColor": shade["rule"],
        }
    return found


def current() -> Theme:
    """The theme that the reader's browser shows."""
    import streamlit as st

    return "dark" if st.context.theme.type == "dark" else "light"


def dress() -> None:
    """Put the stylesheets into the page, as one element: the browser takes each in on every page change."""
    import streamlit as st

    st.html(_sheet(current()))


@cache
def _sheet(theme: Theme) -> str:
    from synthdata.reporting.html import part_styles

    shade = colours(theme)
    parts = part_styles(theme).removesuffix("</style>")
    # Streamlit's captions are too pale to be read by everybody.
    caption = "[data-testid='stCaptionContainer']"
    captions = f"{caption} {{ opacity: 1; }} {caption} p {{ color: {shade['soft']}; }}"
    # White on the dark theme's light accent could not be read.
    primary = f"[data-testid*='aseButton-primary'] p, .stMultiSelect span[title] {{ color: {shade['page']}; }}"
    rule = f".stApp {{ --menu-rule: {shade['rule']}; --menu-here: {shade['accent']}; }}"
    return f"{parts}\n{_PAGE_STYLES}\n{captions}\n{primary}\n{rule}</style>"


def literal(text: str) -> str:
    """A text that Markdown shows as it is.

    >>> literal("a*b")
    'a\\\\*b'
    """
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>()#+-!|$~:" else sign for sign in text)
