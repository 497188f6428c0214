"""Plain pixels in files whose header says that they are compressed."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from medlab_gui.core.errors import MedlabError
from medlab_gui.io import read_one, scan
from tests.synthetic import phantom_values, plain_grid, write_series

GRID = plain_grid((4, 20, 24))
PLAIN = b"1.2.840.10008.1.2.1\0"
SYNTAXES = [
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.5",
]


def denied(folder, syntax, files=slice(None)):
    """Write plain files and name another transfer syntax in them."""
    written = write_series(folder, GRID, phantom_values(GRID))
    for file in written[files]:
        data = file.read_bytes()
        named = syntax.encode() + b"\0" * (len(syntax) % 2)
        old = struct.pack("<HH2sH", 2, 0x10, b"UI", len(PLAIN)) + PLAIN
        new = struct.pack("<HH2sH", 2, 0x10, b"UI", len(named)) + named
        assert data.count(old) == 1
        at = data.index(b"UL\4\0") + 4
        (length,) = struct.unpack("<L", data[at : at + 4])
        length += len(new) - len(old)
        data = data[:at] + struct.pack("<L", length) + data[at + 4 :]
        file.write_bytes(data.replace(old, new))
    return written


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("files", [slice(None), slice(0, 1), slice(2, 3)])
def test_they_are_read_and_told(tmp_path, syntax, files):
    """They have just the length of plain ones; they were called incomplete."""
    written = denied(tmp_path, syntax, files)
    series, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, phantom_values(GRID))
    (problem,) = [p for p in series.problems if p.code == "not-compressed"]
    assert set(problem.files) == {f.name for f in written[files]}
    assert not {p.code for p in series.problems} & {"truncated", "lossy-compressed"}


def test_of_another_length_they_are_not(tmp_path):
    written = denied(tmp_path, SYNTAXES[0])
    data = written[1].read_bytes()
    mark = struct.pack("<HH2s2xL", 0x7FE0, 0x10, b"OW", 960)
    assert data.count(mark) == 1
    shorter = struct.pack("<HH2s2xL", 0x7FE0, 0x10, b"OW", 900)
    written[1].write_bytes(data.replace(mark, shorter)[:-60])
    with pytest.raises(MedlabError, match="nor are these 900 bytes the 960"):
        read_one(tmp_path)


def test_a_bare_jpeg_of_just_that_length_is_not_plain(tmp_path):
    written = denied(tmp_path, SYNTAXES[3])
    data = bytearray(written[1].read_bytes())
    frame = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x14\0\x18\1\1\x11\0"
    at = len(data) - 960
    data[at : at + len(frame)] = frame
    written[1].write_bytes(data)
    (series,) = scan(tmp_path).series
    assert series.blocking is not None
