"""How long something takes, in words."""

from __future__ import annotations

from medlab_gui.gui.durations import in_words


def test_times_in_words():
    assert [in_words(s) for s in (0.2, 40, 120, 4800)] == [
        "1 s",
        "40 s",
        "2 min",
        "80 min",
    ]
    assert in_words(7300) == "2 h 02 min"
    assert in_words(71 * 3600 + 59 * 60) == "71 h 59 min"
    assert in_words(72 * 3600) == "3 days"
    assert in_words(1009 * 3600) == "42 days"
