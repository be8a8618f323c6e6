"""How a delimited text file is written: its encoding, delimiter, quoting and where its header is."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from synthdata.connectors.origins import Origin
from synthdata.errors import SourceError

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 256 << 10
SHOWN = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = {
    b"PAR1": "a Parquet file: name it .parquet",
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or name it .xlsx",
    b"\x1f\x8b": "compressed with gzip: name it with .gz at the end",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: name it with .zst at the end",
    b"ARROW1": "a Feather file: name it .feather",
    b"SQLite format 3": "a SQLite database: give it as sqlite:///path",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save it as .xlsx",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}


@dataclass(frozen=True)
class Dialect:
    """The way a file is written; ``lead`` is the number of lines up to and with the header's last line."""

    delimiter: str
    quote: str
    escape: str | None
    space_before_quote: bool
    header: tuple[str, ...]
    lead: int
    notes: tuple[str, ...] = ()


@dataclass
class Survey:
    """What one cheap pass over all of a file's text found."""

    encoding: str
    lines: int = 0
    quotes: Counter[str] = field(default_factory=Counter)
    blank_lines: bool = False
    sample: str = ""
    notes: list[str] = field(default_factory=list)


def survey(origin: Origin) -> Survey:
    """Look at a whole file once: is it text, in which encoding, are there blank lines and unpaired quotes.

    Raises:
        SourceError: it is empty, binary, or in an encoding that cannot be told; the message says where.
    """
    with origin.open() as stream:
        start = stream.read(64 << 10)
    if not start.strip():
        raise SourceError(f"{origin.display} is empty.", "Give a file with a header line and rows.")
    _refuse_binary(origin, start)
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if encoding is None:
        encoding = _unmarked_wide(start) or "utf-8"
    found = _pass(origin, encoding)
    if isinstance(found, Survey):
        return found
    if encoding != "utf-8" or found.other_characters:
        raise _undecodable(origin, found, encoding)
    guess = _guess(origin, found)
    second = _pass(origin, guess) if guess else found
    if not isinstance(second, Survey):
        raise _undecodable(origin, found if guess is None else second, guess or encoding)
    second.notes.append(f"not UTF-8: read as {guess}, a guess; save it as UTF-8 if its text looks wrong")
    return second


def sniff(origin: Origin, text: str) -> Dialect:
    """The dialect of a file from its first lines.

    Raises:
        SourceError: the header has a duplicate name, or is no header.
    """
    lines = io.StringIO(text, newline="").readlines()
    if len(text) >= SAMPLE and len(lines) > 2:
        lines.pop()  # cut in the middle
    lead, delimiter, notes = _preamble(lines)
    body = "".join(lines[lead:])
    escape = "\\" if re.search(r'[^\\]\\"', body) and not re.search(r'\\"\s*([,;\t|\r\n]|$)', body) else None
    delimiter = delimiter or _delimiter(body, escape, origin.ending)
    quote = "'" if '"' not in body and re.match(rf"('[^']+'{re.escape(delimiter)}?)+\r?\n", body) else '"'
    spaced = bool(re.search(rf"{re.escape(delimiter)} +{quote}", body))
    if delimiter != ("\t" if origin.ending in (".tsv", ".tab") else ","):
        notes.append(f"delimiter {SHOWN[delimiter]}")
    reader = csv.reader(io.StringIO(body, newline=""), **options(delimiter, quote, escape, spaced))
    try:
        header = next(reader, [])
    except csv.Error:
        problem = f"{origin.display}, line {lead + 1}: the header cannot be read."
        raise SourceError(problem, "The first line must name the columns.") from None
    if not header:
        raise SourceError(f"{origin.display} is empty.", "Give a file with a header line and rows.")
    return Dialect(delimiter, quote, escape, spaced, tuple(header), lead + reader.line_num, tuple(notes))


def options(delimiter: str, quote: str, escape: str | None, spaced: bool, strict: bool = False) -> dict[str, Any]:
    """The same dialect in the words of the standard library's ``csv.reader``."""
    return {
        "delimiter": delimiter,
        "quotechar": quote,
        "escapechar": escape,
        "doublequote": True,
        "skipinitialspace": spaced,
        "strict": strict,
    }


def _preamble(lines: list[str]) -> tuple[int, str | None, list[str]]:
    """Lines before the header that are no table: blank ones, and Excel's ``sep=;``."""
    lead, delimiter, notes = 0, None, []
    while lead < len(lines):
        line = lines[lead].strip()
        separator = re.fullmatch(r"sep=(.)", lines[lead].rstrip("\r\n"))
        if separator and separator[1] in DELIMITERS:
            delimiter = separator[1]
        elif line:
            break
        lead += 1
    if lead:
        notes.append(f"the header is on line {lead + 1}")
    return lead, delimiter, notes


def _delimiter(body: str, escape: str | None, ending: str) -> str:
    """The delimiter that cuts the lines most evenly, and among equals into the most fields."""
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(body, newline=""), **options(delimiter, '"', escape, False))
        widths: list[int] = []
        try:
            for row in reader:
                if row:
                    widths.append(len(row))
                if len(widths) == 500:
                    break
        except csv.Error:
            pass
        if widths and widths[0] > 1:
            scores[delimiter] = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
    default = "\t" if ending in (".tsv", ".tab") else ","
    return max(scores, key=lambda delimiter: (scores[delimiter], delimiter == default)) if scores else default


def _refuse_binary(origin: Origin, start: bytes) -> None:
    for signature, what in _SIGNATURES.items():
        if start.startswith(signature):
            raise SourceError(f"{origin.display} is not delimited text but {what}.")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)", start[:200], re.IGNORECASE):
        raise SourceError(f"{origin.display} is a web page, not a table.", "Give the address of the file itself.")
    if any(start.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS[1:]) or _unmarked_wide(start):
        return
    control = sum(start.count(byte) for byte in (*range(9), *range(14, 27), *range(28, 32)))
    if b"\0" in start or control > len(start) / 100:
        where = re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", start)
        offset = where.start() if where else 0
        raise SourceError(
            f"{origin.display} is binary, not text (byte offset {offset}).", "Give the table as delimited text."
        )


def _unmarked_wide(start: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of Western text is zero."""
    pairs = len(start) // 2
    if pairs < 4:
        return None
    odd, even = start[1::2].count(0) / pairs, start[0::2].count(0) / pairs
    return "utf-16-le" if odd > 0.7 and even < 0.1 else "utf-16-be" if even > 0.7 and odd < 0.1 else None


@dataclass(frozen=True)
class _BadByte:
    offset: int
    line: int
    other_characters: bool


def _pass(origin: Origin, encoding: str) -> Survey | _BadByte:
    """Decode everything once, counting as we go; or say where that fails."""
    decoder = codecs.getincrementaldecoder(encoding)()
    found = Survey(encoding)
    consumed, tail, beyond_ascii = 0, "", False
    for block in (*origin.blocks(), b""):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(encoding, "ignore")
            beyond_ascii = beyond_ascii or not good.isascii()
            return _BadByte(consumed - pending + error.start, found.lines + good.count("\n") + 1, beyond_ascii)
        consumed += len(block)
        beyond_ascii = beyond_ascii or not text.isascii()
        if "\0" in text:
            line = found.lines + text[: text.index("\0")].count("\n") + 1
            raise SourceError(f"{origin.display}, line {line}: a zero byte in the text.", "Mend or export it anew.")
        if len(found.sample) < SAMPLE:
            found.sample += text[: SAMPLE - len(found.sample)]
        found.lines += text.count("\n")
        for quote in ('"', "'"):
            found.quotes[quote] += text.count(quote)
        seam = tail + text
        found.blank_lines = found.blank_lines or "\n\n" in seam or "\n\r\n" in seam or "\r\r" in seam
        tail = seam[-2:]
    found.blank_lines = found.blank_lines or found.sample[:1] in "\r\n"
    return found


def _guess(origin: Origin, bad: _BadByte) -> str | None:
    """The likely legacy encoding, judged by the lines that are not ASCII."""
    import charset_normalizer

    telling, size = [], 0
    for block in origin.blocks():
        lines = [line for line in block.split(b"\n") if not line.isascii()]
        telling += lines
        size += sum(map(len, lines))
        if size > 64 << 10:
            break
    text = b"\n".join(telling)[: 64 << 10]
    try:
        western = text.decode("cp1252")
    except UnicodeDecodeError:
        western = ""
    match = charset_normalizer.from_bytes(text).best()
    if match is None or match.encoding.startswith("utf"):  # that it is no UTF is known by now
        return "cp1252" if western else None
    # Western encodings differ in a handful of signs; where the guess reads the same, the commonest is meant.
    return "cp1252" if western and str(match) == western else match.encoding


def _undecodable(origin: Origin, bad: _BadByte, encoding: str) -> SourceError:
    return SourceError(
        f"{origin.display}, line {bad.line}: byte offset {bad.offset} is not valid {encoding.upper()}.",
        "Save the file as UTF-8.",
    )
