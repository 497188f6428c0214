from __future__ import annotations

import pytest

from medlab_gui.gui.notify import bug_report


def test_a_bug_report_holds_places_but_no_words_of_the_data():
    def reads(name):
        msg = f"cannot read /home/anna/{name}"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="cannot read") as caught:
        reads("Doe^Jane.dcm")
    report = bug_report(caught.value)
    assert "ValueError" in report
    assert "test_notify.py" in report
    for private in ("Doe", "anna", "/home"):
        assert private not in report


@pytest.mark.gui
def test_an_uncaught_error_is_a_dialog_with_details(window):
    with pytest.raises(IndexError) as caught:
        [].pop()
    error = caught.value
    window.notifier._on_uncaught(type(error), error, error.__traceback__)
    (box,) = window.notifier.dialogs
    assert "bug in MedLab" in box.windowTitle()
    assert "IndexError" in box.detailedText()
    assert "test_notify.py" in box.detailedText()
