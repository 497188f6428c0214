from __future__ import annotations

import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.json_file import read_json


def test_what_json_holds_is_returned(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": [1, 2]}')  # as Windows' editors write it
    assert read_json(file, "a pipeline") == {"a": [1, 2]}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 1_000_001]
)
def test_what_is_not_json_is_named(tmp_path, content):
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(SpecError, match=r"a\.json is not a pipeline: it is not JSON"):
        read_json(file, "a pipeline")


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a pipeline"):
        read_json(tmp_path / "none.json", "a pipeline")
