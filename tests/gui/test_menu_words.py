"""A person at the window is told menus and fields, not verbs and options."""

import re

import pytest

from medlab_gui.gui.menu_words import menu_words


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "Lock some with `medlab lock`.",
            "Lock some with Model > Lock slices for validation.",
        ),
        (
            "Predict its masks first (`medlab predict`).",
            "Predict its masks first (Model > Predict masks).",
        ),
        (
            "Register it: `medlab weights FILE`.",
            "Register it: Model > Add public weights.",
        ),
        # No entry of a menu does it: the sentence is left as it is.
        ("`medlab list` names them.", "`medlab list` names them."),
        ("Leave --truth out.", "Leave --truth out."),
    ],
)
def test_verbs_become_menus(said, shown):
    assert menu_words(said) == shown


def test_options_become_the_fields_of_the_dialog():
    said = "Name both files: --prediction and --truth. Leave --compare away."
    shown = menu_words(said, "Compare masks")
    assert shown == "Name both files: “Prediction” and “Truth”. Leave --compare away."
    said = "Write what the network says (`--what prediction`)."
    shown = menu_words(said, "Export mask or scan")
    assert re.fullmatch(
        r"Write what the network says \(“[^”]+”: “The latest prediction”\)\.", shown
    )
