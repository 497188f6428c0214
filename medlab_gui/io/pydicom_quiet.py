"""Lets pydicom read sloppy and broken files without noise."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from contextlib import ContextDecorator, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pydicom_errors", "quiet_pydicom", "quiet_warnings"]

_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def pydicom_errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what pydicom was seen to raise on broken files, besides OSError.

    Parameters
    ----------
    *more : type
        Other errors to be caught with them.
    """
    from pydicom.errors import BytesLengthException

    return (*_ERRORS, BytesLengthException, *more)


class _Quiet(ContextDecorator):
    """Turns warnings off while at least one thread is in; they are not per thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._n_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._before.__exit__(None, None, None)


quiet_warnings = _Quiet()
"""Context or decorator: no warnings of libraries, on whatever threads it is used."""


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Let pydicom read sloppy files without a warning for each sloppiness."""
    from pydicom import config

    with quiet_warnings:
        config.settings.reading_validation_mode = config.IGNORE
        # A number of the wrong length is an unknown value, not an exception of a kind
        # of its own.
        config.convert_wrong_length_to_UN = True
        yield
