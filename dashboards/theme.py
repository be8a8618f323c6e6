"""The dashboard's looks: the report's palette and type, handed to Streamlit."""

from __future__ import annotations

from synthdata.reporting.palette import SANS, SERIF, Theme, colours

_PAGE_STYLES = """
.stMainBlockContainer { max-width: 76rem; padding-top: 2.5rem; }
.stAppHeader { background: transparent; }
[data-testid="stPageLink"] a { padding-left: 0; background: transparent !important; }
[data-testid="stPageLink"] a p { font-weight: 400 !important; text-decoration: underline; }
[data-testid="stHtml"] + [data-testid="stHtml"] .section-head { margin-top: 2rem; }
[class*="st-key-run-card"] { position: relative; gap: 0; }
[class*="st-key-run-card"] [data-testid="stPageLink"] a { width: fit-content; padding-left: 0; }
[class*="st-key-run-card"] [data-testid="stPageLink"] a::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-run-card"]:hover h2 { text-decoration: underline; text-underline-offset: 0.18em; }
[class*="st-key-run-card"] [data-testid="stPageLink"] { position: static; }
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
    """Put the stylesheets into the page."""
    import streamlit as st

    from synthdata.reporting.html import part_styles

    st.html(part_styles(current()))
    # Streamlit's captions are too pale to be read by everybody.
    soft = colours(current())["soft"]
    caption = "[data-testid='stCaptionContainer']"
    captions = f"{caption} {{ opacity: 1; }} {caption} p {{ color: {soft}; }}"
    st.html(f"<style>{_PAGE_STYLES}\n{captions}</style>")
