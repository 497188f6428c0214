from __future__ import annotations

from medlab_gui.core.i18n import counted


def test_one_is_told_as_one():
    texts = [counted(n, "1 slice is", "{n} {what} slices are") for n in (0, 1, 2)]
    assert texts == ["0 {what} slices are", "1 slice is", "2 {what} slices are"]
