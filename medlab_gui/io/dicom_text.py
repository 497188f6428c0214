"""Text in DICOM files: from bytes and the character sets that a file declares.

Follows PS3.5 section 6.1 and annexes H (Japanese), I (Korean), J and K (Chinese). Where
the declared sets do not fit the bytes, which is common, the likeliest encoding is used
and named, so that a person can be told that it is a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_charsets import (
    CHINESE_SURNAMES,
    ESCAPES,
    KOREAN_SURNAMES,
    NAMES,
    SETS,
    TWINS,
    WHOLE,
)
from medlab_gui.io.dicom_values import printable, text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["decode_text", "element_text", "guess_note", "person_name"]

_ESCAPE = re.compile(rb"\x1b(\$?[()\-*+,./]?[0-9A-Za-z@])")


def decode_text(
    raw: bytes, charsets: Sequence[str], *, name: bool = False
) -> tuple[str, str]:
    """Return a value as text, and the encoding if it had to be guessed.

    Parameters
    ----------
    raw : bytes
        The value as stored.
    charsets : sequence of str
        The values of Specific Character Set, in their order; none where it is absent.
    name : bool
        Whether it is a person's name, in which ``^`` and ``=`` end what an escape
        sequence called.

    Returns
    -------
    text : str
        Without padding. Never raises; bytes without a meaning become U+FFFD.
    guess : str
        "" where the file's own declaration fits, else the name of the encoding that
        was used instead, for a person.
    """
    text, guess = _decoded(raw.rstrip(b" \0").lstrip(b" "), charsets, name)
    return printable(text), guess


def _decoded(raw: bytes, charsets: Sequence[str], name: bool) -> tuple[str, str]:
    if b"\x1b" not in raw and raw.isascii():
        return raw.decode("ascii").replace("\0", ""), ""
    declared = [_term(c) for c in charsets] or ["6"]
    first = declared[0]
    if first in WHOLE and b"\x1b" not in raw:
        try:
            return raw.decode(WHOLE[first]).replace("\0", ""), ""
        except UnicodeDecodeError:
            return _guessed(raw)
    if first in SETS and _fits(raw, first):
        text, sound = _states(raw, declared, name)
        if sound:
            return text.replace("\0", ""), ""
    if b"\x1b" in raw:
        text, sound = _states(raw, ["6", *declared], name)
        if sound:
            return text.replace("\0", ""), NAMES["escapes"]
        raw = _ESCAPE.sub(b"", raw)
    twin = TWINS.get(first, "")
    if twin and _fits(raw, first) and not _is_japanese(raw) and _decodes(raw, twin):
        return raw.decode(twin).replace("\0", ""), NAMES[twin]
    for term in declared[1:]:
        # A set named second must be called by an escape; many forget to.
        codec = WHOLE.get(term) or SETS.get(term, ("", ""))[1]
        if codec:
            try:
                return raw.decode(codec).replace("\0", ""), NAMES.get(codec, codec)
            except UnicodeDecodeError:
                continue
    return _guessed(raw)


def person_name(text: str) -> str:
    """Return a decoded Person Name as a person writes it.

    Parameters
    ----------
    text : str
        ``alphabetic=ideographic=phonetic``, each
        ``family^given^middle^prefix^suffix``.

    Returns
    -------
    str
        ``"Müller, Dr. Käthe"``; with an ideographic group this first, in its order and
        with a space between its parts: ``"山田 太郎 (Yamada, Tarou)"``. The phonetic
        group only where it is the only one.
    """
    groups = [g.strip() for g in text.split("=")] + ["", "", ""]
    alphabetic = _alphabetic(groups[0])
    ideographic = _spaced(groups[1])
    if ideographic and alphabetic and ideographic != alphabetic:
        return f"{ideographic} ({alphabetic})"
    return ideographic or alphabetic or _spaced(groups[2])


def element_text(dataset: Any, keyword: str) -> tuple[str, str]:
    """Decode an element of a data set that pydicom has not decoded yet.

    Parameters
    ----------
    dataset : pydicom.Dataset
        As read from a file.
    keyword : str
        DICOM keyword of an element of text.

    Returns
    -------
    text, guess : str
        As `decode_text`; both "" where the element is absent or broken.
    """
    try:
        element = dataset.get_item(keyword)
    except (ValueError, TypeError, LookupError, AttributeError):
        return "", ""
    value = None if element is None else element.value
    if value is None:
        return "", ""
    if not isinstance(value, bytes):
        return text(dataset, keyword), ""
    charsets = dataset.get("SpecificCharacterSet")
    if charsets is None or isinstance(charsets, str):
        charsets = (charsets or "").split("\\")
    charsets = [str(c) for c in charsets]
    if charsets == [""]:
        charsets = []
    return decode_text(value, charsets, name=keyword.endswith("Name"))


def guess_note(guess: str) -> str:
    """Return the sentence that tells a person of a guess of `decode_text`."""
    return (
        "The files do not say rightly how their text is written; it was read as "
        f"{guess}, which is a guess. Compare the patient's name with the request."
    )


def _term(charset: str) -> str:
    """Return the number or name by which `SETS` and `WHOLE` know a set."""
    plain = charset.strip(" \0").upper()
    if not plain:
        return "6"
    if "UTF" in plain:
        return "192"
    if plain in WHOLE:
        return plain
    if plain in ("GB2312", "CP936"):
        return "GBK"
    # "ISO_IR 100", "ISO 2022 IR 100", "ISO-IR-100", "ISO IR 100" ...
    match = re.fullmatch(r"ISO[ _\-]?(?:2022[ _\-]?)?IR[ _\-]?(\d+)", plain)
    return match[1] if match else plain


def _fits(raw: bytes, term: str) -> bool:
    """Tell whether bytes above 128 are likely what the declared set makes of them."""
    if b"\x1b" in raw or raw.isascii():
        return True
    if term != "100":
        return True
    # Anything is Latin-1, so it is declared by those who do not care. No Western
    # name is valid UTF-8 by chance, or has words of nothing but pairs.
    return not _is_utf8(raw) and not _is_east_asian(raw)


def _states(raw: bytes, declared: Sequence[str], name: bool) -> tuple[str, bool]:
    """Decode by ISO 2022; tell too whether every byte had a meaning."""
    start = SETS.get(declared[0], ("ascii", ""))
    breaks = b"\r\n\f\t\\" + (b"^=" if name else b"")
    g0, g1 = start
    result: list[str] = []
    sound = True
    pending = bytearray()

    def flush() -> None:
        nonlocal sound
        if pending:
            text, good = _piece(bytes(pending), g0 or "ascii", g1)
            result.append(text)
            sound = sound and good
            pending.clear()

    n = 0
    while n < len(raw):
        match = _ESCAPE.match(raw, n) if raw[n] == 0x1B else None
        if match:
            flush()
            called = ESCAPES.get(match[1])
            if called is None:
                sound = False
            else:
                g0, g1 = called[0] or g0, called[1] or g1
            n = match.end()
            continue
        if raw[n] in breaks and not _within_pair(pending, raw, n, g0, g1):
            flush()
            result.append(chr(raw[n]))
            g0, g1 = start
        else:
            pending.append(raw[n])
        n += 1
    flush()
    return "".join(result), sound


def _within_pair(pending: bytearray, raw: bytes, n: int, g0: str, g1: str) -> bool:
    """Tell whether a byte that looks like a delimiter is half of a kanji."""
    if g0.startswith("jis_x"):
        if len(pending) % 2:
            return True
        # Kanji of rows 29, 60 and 62 begin with "=", "\\" and "^". A delimiter stands
        # after a return to ASCII; where that is forgotten, an escape follows it.
        return 0x21 <= int.from_bytes(raw[n + 1 : n + 2]) <= 0x7E and b"\x1b" in raw[n:]
    return g1 == "shift_jis" and _opens_pair(pending)


def _opens_pair(pending: bytearray) -> bool:
    """Tell whether the last byte is the first of a pair in Shift JIS."""
    n = 0
    while n < len(pending):
        lead = 0x81 <= pending[n] <= 0x9F or 0xE0 <= pending[n] <= 0xFC
        if lead and n + 1 == len(pending):
            return True
        n += 2 if lead else 1
    return False


def _piece(raw: bytes, g0: str, g1: str) -> tuple[str, bool]:
    """Decode bytes between escape sequences and delimiters."""
    try:
        if g0 == "jis_x_208":
            return (b"\x1b$B" + raw + b"\x1b(B").decode("iso2022_jp"), True
        if g0 == "jis_x_212":
            return (b"\x1b$(D" + raw + b"\x1b(B").decode("iso2022_jp_2"), True
        if g0 == "katakana":
            return bytes(b | 0x80 for b in raw).decode("shift_jis"), True
        text = raw.decode(g1 or "ascii")
        # Controls of 8 bits mean nothing in DICOM: another encoding was meant.
        return text, not any("\x80" <= c <= "\x9f" for c in text)
    except UnicodeDecodeError:
        return raw.decode(g1 or "ascii", "replace"), False


def _guessed(raw: bytes) -> tuple[str, str]:
    codec = _likely(raw)
    return raw.decode(codec, "replace").replace("\0", ""), NAMES[codec]


def _likely(raw: bytes) -> str:
    """Return the likeliest encoding of bytes that no declaration explains."""
    if _is_utf8(raw):
        return "utf_8"
    if _is_east_asian(raw):
        return _which_pairs(raw)
    if _is_japanese(raw):
        return "shift_jis"
    high = [b for b in raw if b >= 0x80]
    letters = sum(chr(b).isalpha() for b in raw if b < 0x80)
    if len(high) > 2 * letters and all(b >= 0xC0 or b in (0xA8, 0xB8) for b in high):
        return "cp1251"
    return "cp1252"


def _is_utf8(raw: bytes) -> bool:
    return not raw.isascii() and _decodes(raw, "utf_8")


def _decodes(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _is_east_asian(raw: bytes) -> bool:
    """Tell whether all words beyond ASCII are pairs: common hanzi or hangul."""
    words = [w for w in re.split(rb"[\x00-\x7f]+", raw) if w]
    if not words or re.search(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]", raw):
        return False
    if any(len(w) % 2 or min(w) < 0xA1 for w in words):
        return False
    leads = b"".join(w[::2] for w in words)
    # Rows 16 to 55 of GB 2312 hold the common characters. Cyrillic small letters, the
    # other text made of nothing but high bytes, lie above.
    return sum(0xB0 <= b <= 0xD7 for b in leads) * 2 > len(leads)


def _is_japanese(raw: bytes) -> bool:
    """Tell whether text is kanji and kana in Shift JIS for the most part."""
    if not any(0x81 <= b <= 0x9F for b in raw) or not _decodes(raw, "shift_jis"):
        return False
    wide = sum(ord(c) >= 0x3000 for c in raw.decode("shift_jis"))
    return 2 * wide >= 0.7 * len(raw)


def _which_pairs(raw: bytes) -> str:
    """Choose between Chinese and Korean for text of pairs."""
    leads = [b for w in re.split(rb"[\x00-\x7f]+", raw) for b in w[::2]]
    if not all(0xB0 <= b <= 0xC8 for b in leads) or not _decodes(raw, "cp949"):
        return "gb18030"
    korean = next(c for c in raw.decode("cp949") if ord(c) > 127)
    chinese = next(c for c in raw.decode("gb18030", "replace") if ord(c) > 127)
    is_korean = korean in KOREAN_SURNAMES and chinese not in CHINESE_SURNAMES
    return "cp949" if is_korean else "gb18030"


def _alphabetic(group: str) -> str:
    family, given, middle, prefix, suffix = [
        *(p.strip() for p in group.split("^")),
        *[""] * 5,
    ][:5]
    if _is_ideographic(group):
        return _spaced(group)
    rest = " ".join(p for p in (prefix, given, middle) if p)
    name = ", ".join(p for p in (family, rest) if p)
    return ", ".join(p for p in (name, suffix) if p)


def _spaced(group: str) -> str:
    return " ".join(p.strip() for p in group.split("^") if p.strip())


def _is_ideographic(group: str) -> bool:
    """Tell whether a group is written in hanzi, kana or hangul."""
    return any("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in group)
