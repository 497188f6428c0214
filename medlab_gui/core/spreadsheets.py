"""Tables that people open in a spreadsheet."""

from __future__ import annotations

__all__ = ["table_bytes"]


def table_bytes(text: str) -> bytes:
    """Return comma-separated values as they lie in a file.

    Excel takes a file for one of the desktop's old character set (and shows "mm²" and
    Chinese names as rubbish) unless it begins with UTF-8's mark; whoever reads it as
    ``utf-8-sig`` sees none.

    Parameters
    ----------
    text : str
        The table, with the line ends that it is to have.
    """
    return text.encode("utf-8-sig")
