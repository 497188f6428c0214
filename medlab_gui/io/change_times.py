"""When the entry of a file changed, on Windows: Python's ``os.stat`` does not tell."""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["change_time_ns"]

_READ_ATTRIBUTES = 0x80
_SHARE_ALL = 0x7
_OPEN_EXISTING = 3
_ALSO_FOLDERS = 0x02000000
_BASIC_INFO = 0
_EPOCH = 116_444_736_000_000_000
"""1970, in steps of 100 ns since 1601."""


class _BasicInfo(ctypes.Structure):
    _fields_ = (
        ("creation", ctypes.c_int64),
        ("access", ctypes.c_int64),
        ("write", ctypes.c_int64),
        ("change", ctypes.c_int64),
        ("attributes", wintypes.DWORD),
    )


def change_time_ns(file: Path) -> int:
    """Return when content, times or name of a file changed; 0 where nothing tells.

    Parameters
    ----------
    file : Path
        It is not read: who holds it open is not in the way.
    """
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateFileW.restype = wintypes.HANDLE
        handle = kernel.CreateFileW(
            ctypes.c_wchar_p(str(file)),
            wintypes.DWORD(_READ_ATTRIBUTES),
            wintypes.DWORD(_SHARE_ALL),
            None,
            wintypes.DWORD(_OPEN_EXISTING),
            wintypes.DWORD(_ALSO_FOLDERS),
            None,
        )
        if handle in (None, wintypes.HANDLE(-1).value):
            return 0
        handle = wintypes.HANDLE(handle)
        try:
            info = _BasicInfo()
            told = kernel.GetFileInformationByHandleEx(
                handle, _BASIC_INFO, ctypes.byref(info), ctypes.sizeof(info)
            )
        finally:
            kernel.CloseHandle(handle)
        return (info.change - _EPOCH) * 100 if told and info.change else 0
    return 0
