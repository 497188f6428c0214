"""Tables of DICOM's character sets: numbers, escape sequences, names, surnames."""

from __future__ import annotations

__all__ = [
    "CHINESE_SURNAMES",
    "ESCAPES",
    "KOREAN_SURNAMES",
    "NAMES",
    "SETS",
    "TWINS",
    "WHOLE",
]

_LATIN = "latin_1"
WHOLE = {"192": "utf_8", "GB18030": "gb18030", "GBK": "gb18030"}
"""Sets that allow no escape sequences: the whole value is one encoding."""

SETS = {
    "6": ("ascii", ""),
    "100": ("ascii", _LATIN),
    "101": ("ascii", "iso8859_2"),
    "109": ("ascii", "iso8859_3"),
    "110": ("ascii", "iso8859_4"),
    "144": ("ascii", "iso8859_5"),
    "127": ("ascii", "iso8859_6"),
    "126": ("ascii", "iso8859_7"),
    "138": ("ascii", "iso8859_8"),
    "148": ("ascii", "iso8859_9"),
    "203": ("ascii", "iso8859_15"),
    "166": ("ascii", "iso8859_11"),
    # Shift JIS is JIS X 0201 and, in bytes that this leaves free, what sloppy
    # Japanese writers meant.
    "13": ("shift_jis", "shift_jis"),
    "87": ("jis_x_208", ""),
    "159": ("jis_x_212", ""),
    "149": ("", "cp949"),
    "58": ("", "gb18030"),
}
"""Number of a set, and what its bytes below and above 128 mean (G0, G1).

The supersets of KS X 1001 and GB 2312 that Windows writes are taken for them.
"""

TWINS = {
    "100": "cp1252",
    "101": "cp1250",
    "126": "cp1253",
    "127": "cp1256",
    "138": "cp1255",
    "144": "cp1251",
    "148": "cp1254",
    "166": "cp874",
}
"""What Windows writes where a file declares its neighbour of ISO 8859."""

ESCAPES = {
    b"(B": ("ascii", None),
    b"(J": ("ascii", None),  # JIS X 0201: only the signs of yen and overline differ
    b"(I": ("katakana", None),
    b")I": (None, "shift_jis"),
    b"$B": ("jis_x_208", None),
    b"$@": ("jis_x_208", None),
    b"$(B": ("jis_x_208", None),
    b"$(D": ("jis_x_212", None),
    b"$)C": (None, "cp949"),
    b"$)A": (None, "gb18030"),
    b"-A": (None, _LATIN),
    b"-B": (None, "iso8859_2"),
    b"-C": (None, "iso8859_3"),
    b"-D": (None, "iso8859_4"),
    b"-L": (None, "iso8859_5"),
    b"-G": (None, "iso8859_6"),
    b"-F": (None, "iso8859_7"),
    b"-H": (None, "iso8859_8"),
    b"-M": (None, "iso8859_9"),
    b"-b": (None, "iso8859_15"),
    b"-T": (None, "iso8859_11"),
}
"""What follows ESC, and the set that it calls into G0 or G1 (PS3.3 C.12.1.1.2)."""

NAMES = {
    "utf_8": "UTF-8",
    "gb18030": "Chinese (GB18030)",
    "cp949": "Korean (KS X 1001)",
    "shift_jis": "Japanese (Shift JIS)",
    "cp1251": "Cyrillic (Windows 1251)",
    "cp1252": "Western European (Windows 1252)",
    "cp1250": "Central European (Windows 1250)",
    "cp1253": "Greek (Windows 1253)",
    "cp1254": "Turkish (Windows 1254)",
    "cp1255": "Hebrew (Windows 1255)",
    "cp1256": "Arabic (Windows 1256)",
    "cp874": "Thai (Windows 874)",
    "escapes": "ISO 2022",
}
KOREAN_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민나진"
)
CHINESE_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"
    "余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯"
    "龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤"
)
