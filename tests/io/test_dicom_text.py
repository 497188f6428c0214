"""Character sets: against the standard's examples, pydicom and real files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import decode_bytes, encode_string

from medlab_gui.io.dicom_text import (
    decode_text,
    element_text,
    guess_note,
    person_name,
)

SHARED = Path(os.environ.get("MEDLAB_SHARED", "../shared")) / "data"
CHARSETS = SHARED / "fo-dicom/Tests/FO-DICOM.Tests/Test Data/charset"


# PS3.5 annexes H, I, J and K, as bytes.
STANDARD = [
    (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
        b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        ["", "ISO 2022 IR 87"],
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B"
        b"^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        ["", "ISO 2022 IR 149"],
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
        b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        ["ISO_IR 192"],
        "Wang^XiaoDong=王^小東".encode(),
        "Wang^XiaoDong=王^小東",
    ),
    (
        ["GB18030"],
        b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab",
        "Wang^XiaoDong=王^小东",
    ),
    (
        ["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    ),
]


@pytest.mark.parametrize(("sets", "raw", "text"), STANDARD)
def test_examples_of_the_standard(sets, raw, text):
    assert decode_text(raw, sets, name=True) == (text, "")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ISO_IR 100", "Äneas^Rüdiger"),
        ("ISO_IR 101", "Wałęsa^Łukasz"),
        ("ISO_IR 109", "Ħal^Ġorġ"),
        ("ISO_IR 110", "Bērziņš^Jānis"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 127", "قباني^لنزار"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 138", "שרון^דבורה"),
        ("ISO_IR 148", "Çavuşoğlu^İğne"),
        ("ISO_IR 166", "นามสกุล^ชื่อ"),
        ("ISO_IR 192", "Ünal^王^한"),
        ("GB18030", "𠮷田^张^é"),
        ("GBK", "張^學友"),
    ],
)
def test_every_single_set_decodes_as_pydicom_encodes(term, text):
    codec = pydicom.charset.convert_encodings(term)
    raw = encode_string(text, codec)
    assert decode_text(raw, [term], name=True) == (text, "")
    assert decode_bytes(raw, codec, {"^", "="}) == text


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        (["ISO 2022 IR 6", "ISO 2022 IR 144"], "Ivanov=Иванов"),
        (["ISO 2022 IR 100", "ISO 2022 IR 126"], "Müller^Διον"),
        (["ISO 2022 IR 6", "ISO 2022 IR 127"], "a^قباني"),
        (["ISO 2022 IR 6", "ISO 2022 IR 138", "ISO 2022 IR 166"], "שרון^ชื่อ"),
        (["ISO 2022 IR 6", "ISO 2022 IR 87", "ISO 2022 IR 159"], "山田^丂丄"),
        (["ISO 2022 IR 6", "ISO 2022 IR 148", "ISO 2022 IR 101"], "İğne^Łukasz"),
    ],
)
def test_code_extensions_decode_as_pydicom_encodes(sets, text):
    codecs = pydicom.charset.convert_encodings(list(sets))
    # What an escape called ends at each delimiter, so each part is written anew.
    parts = re.split("([=^])", text)
    raw = b"".join(encode_string(part, codecs) for part in parts)
    assert decode_text(raw, sets, name=True) == (text, "")


def test_kanji_that_hold_the_bytes_of_delimiters():
    # Rows 29, 60 and 62 of JIS X 0208 begin with "=", "\" and "^".
    text = "春終週^徃忽戰"
    raw = b"^".join(part.encode("iso2022_jp") for part in text.split("^"))
    assert any(b in raw.replace(b"^\x1b", b"") for b in (b"=", b"\\", b"^"))
    sets = ["ISO 2022 IR 6", "ISO 2022 IR 87"]
    assert decode_text(raw, sets, name=True) == (text, "")
    # Pairs whose second byte is a delimiter, in Shift JIS and GBK.
    assert decode_text("表ソ".encode("shift_jis"), ["ISO_IR 13"], name=True)[0] == (
        "表ソ"
    )
    gbk = "俓^羅".encode("gbk")
    assert decode_text(gbk, ["GBK"], name=True) == ("俓^羅", "")


def test_escapes_to_sets_that_are_not_declared_need_no_guess():
    for sets in ([], ["ISO_IR 100"], ["ISO_IR 192"]):
        text, _ = decode_text(b"\x1b$B;3ED\x1b(B", sets)
        assert text == "山田"


def test_return_to_ascii_forgotten_before_a_delimiter():
    raw = b"\x1b$B;3ED^\x1b$BB@O:"
    assert decode_text(raw, ["", "ISO 2022 IR 87"], name=True)[0] == "山田^太郎"


@pytest.mark.parametrize(
    ("sets", "raw", "text", "guess"),
    [
        ([], "Müller".encode(), "Müller", "UTF-8"),
        (["ISO_IR 100"], "王^小东".encode(), "王^小东", "UTF-8"),
        ([], "王^小东".encode("gb18030"), "王^小东", "Chinese"),
        (["ISO_IR 100"], "李四光".encode("gb18030"), "李四光", "Chinese"),
        ([], "김^영희".encode("cp949"), "김^영희", "Korean"),
        (["", "ISO 2022 IR 149"], "홍^길동".encode("cp949"), "홍^길동", "Korean"),
        ([], "山田^太郎".encode("shift_jis"), "山田^太郎", "Japanese"),
        ([], "Иванов^Пётр".encode("cp1251"), "Иванов^Пётр", "Cyrillic"),
        (["ISO_IR 6"], b"M\xfcller^K\xe4the", "Müller^Käthe", "Western"),
        (["ISO_IR 127"], "پدر".encode("cp1256"), "پدر", "Arabic"),
        (["nonsense"], "Wałęsa".encode(), "Wałęsa", "UTF-8"),
    ],
)
def test_sets_that_are_missing_or_wrong_are_guessed_with_a_note(sets, raw, text, guess):
    found, how = decode_text(raw, sets, name=True)
    assert found == text
    assert guess in how
    assert how in guess_note(how)


@pytest.mark.parametrize(
    "term", ["ISO IR 100", "ISO-IR 100", "iso_ir 100 ", "ISO_IR_100", "ISO 2022 IR 100"]
)
def test_sloppy_terms_are_understood(term):
    assert decode_text(b"M\xfcller^J\xf8rgen", [term], name=True) == (
        "Müller^Jørgen",
        "",
    )


def test_plain_western_names_are_never_guessed_eastern():
    for text in ("Ærøskøbing^Åse", "Ñandú^Íñigo", "Øþ^Ðé", "Müller^Ägidius", "Çé^Ã"):
        assert decode_text(text.encode("latin_1"), ["ISO_IR 100"], name=True) == (
            text,
            "",
        )


@given(st.binary(max_size=60), st.lists(st.sampled_from([c[0][-1] for c in STANDARD])))
def test_no_bytes_are_too_strange(raw, sets):
    text, guess = decode_text(raw, sets, name=True)
    assert isinstance(text, str)
    assert "\0" not in text
    assert isinstance(guess, str)
    assert isinstance(person_name(text), str)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Müller^Käthe", "Müller, Käthe"),
        ("Adams^John Robert Quincy^^Rev.^B.A. M.Div.", None),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田 太郎 (Yamada, Tarou)"),
        ("=山田^太郎", "山田 太郎"),
        ("王^小东", "王 小东"),
        ("==やまだ^たろう", "やまだ たろう"),
        ("Smith", "Smith"),
        ("^Anna", "Anna"),
        ("", ""),
        ("^^^^", ""),
    ],
)
def test_names_as_a_person_writes_them(stored, shown):
    if shown is None:
        shown = "Adams, Rev. John Robert Quincy, B.A. M.Div."
    assert person_name(stored) == shown


# What the maker of the files says that they hold (fo-dicom, after dcm4che's samples).
FILES = {
    "chrArab.dcm": "قباني, لنزار",
    "chrGreek.dcm": "Διονυσιος",
    "chrH32.dcm": "山田 太郎 (ﾔﾏﾀﾞ, ﾀﾛｳ)",
    "chrI2.dcm": "洪 吉洞 (Hong, Gildong)",
    "chrRuss.dcm": "Люкceмбypг",
    "chrX2.dcm": "王 小东 (Wang, XiaoDong)",
    "chrJapMultiExplicitIR6.dcm": "やまだ たろう",
    "chrGB2312.dcm": "张 小东 (Zhang, XiaoDong)",
}


@pytest.mark.skipif(not CHARSETS.is_dir(), reason="needs ../shared/data/fo-dicom")
@pytest.mark.parametrize("name", FILES)
def test_real_files(name):
    dataset = pydicom.dcmread(CHARSETS / name)
    text, guess = element_text(dataset, "PatientName")
    assert guess == ""
    assert person_name(text) == FILES[name]


def test_element_that_is_absent():
    assert element_text(pydicom.Dataset(), "PatientName") == ("", "")
