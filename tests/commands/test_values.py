from __future__ import annotations

import pytest

from medlab_gui.commands.values import (
    parse_class_map,
    parse_slices,
    slice_text,
)
from medlab_gui.core.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3-5,1", (0, 2, 3, 4)),
        (" 20 ", (19,)),
        ("all", tuple(range(20))),
        ("", tuple(range(20))),
        ("2,2,2", (1,)),
    ],
)
def test_slices_are_numbered_from_one(text, expected):
    assert parse_slices(text, 20) == expected


@pytest.mark.parametrize("text", ["0", "21", "5-3", "x", "1-", "1.5"])
def test_wrong_slices_get_a_sentence(text):
    with pytest.raises(InputError, match=r"slice|Slice"):
        parse_slices(text, 20)


def test_slice_text_is_the_way_back():
    for indices in [(0, 2, 3, 4), (7,), (), (0, 1), (1, 3, 5)]:
        text = slice_text(indices)
        assert (parse_slices(text, 9) if text else ()) == indices


def test_class_map():
    assert parse_class_map("5=1, 1=2") == {5: 1, 1: 2}
    assert parse_class_map(" ") is None
    assert parse_class_map("liver=1, left lung = 2,3=3") == {
        "liver": 1,
        "left lung": 2,
        3: 3,
    }
    for wrong in ("5", "5=x", "5=300", "=1", "liver"):
        with pytest.raises(InputError):
            parse_class_map(wrong)
