"""Real keys in every profile."""

from __future__ import annotations

import json

import pytest
from qtpy.QtGui import QKeySequence

from medlab_gui.core.measurements import Kind
from medlab_gui.core.settings import settings_path
from medlab_gui.gui.key_profiles import KEY_PROFILES
from medlab_gui.gui.keybook import shown_key, split_key
from medlab_gui.gui.view_state import Mode, Tool
from tests.gui.hand import CTRL, NONE, SHIFT

pytestmark = pytest.mark.gui


@pytest.fixture
def choose(window):
    def run(name: str) -> None:
        window.menus.app.commands.execute_command(f"medlab.view.keys_{name}").result()

    yield run
    window.bench.keybook.choose("medlab")
    window.bench.measure.tool = None


def entries(menu, id_: str) -> list:
    """Return the entries of an action in a menu and the menus in it."""
    found = [a for a in menu.actions() if a.objectName() == id_]
    return found + [
        entry
        for action in menu.actions()
        if action.menu() is not None
        for entry in entries(action.menu(), id_)
    ]


def key_in_menu(window, menu: str, id_: str) -> str:
    return window.menus.menu(menu).findAction(id_).shortcut().toString()


def test_a_profile_holds_at_once_in_menus_sheet_and_tooltips_and_is_kept(
    window, choose
):
    from medlab_gui.gui.dialogs.keys import KeySheet

    labels = window.docks["labels"].widget().widget()
    window.show_keys()
    sheet = window.main.findChild(KeySheet)
    assert key_in_menu(window, "medlab/view", "medlab.view.mask") == "S"
    choose("slicer")
    assert key_in_menu(window, "medlab/view", "medlab.view.mask") == "G"
    assert key_in_menu(window, "medlab/measure", "medlab.measure.angle") == "Shift+G"
    assert labels.checks["mask_visible"].text() == "Mask (G)"
    assert labels.take_slice.toolTip().endswith("(Shift+T)")
    text = sheet.plain_text()
    assert "3D Slicer" in sheet.windowTitle()
    for keys in window.bench.keybook.keys.values():
        assert all(shown_key(key) in text for key in keys)
    assert json.loads(settings_path().read_text())["key_profile"] == "slicer"
    window.refresh_facts()
    view_menu = window.menus.menu("medlab/view")
    (chosen,) = entries(view_menu, "medlab.view.keys_slicer")
    assert chosen.isChecked()
    choose("medlab")
    assert key_in_menu(window, "medlab/view", "medlab.view.mask") == "S"
    sheet.close()


def test_no_key_opens_a_menu_instead(window):
    """Alt+S of OHIF's profile opened the menu Study."""
    bar = window.viewer.window.main_menu
    opens = {QKeySequence.mnemonic(a.text()).toString() for a in bar.actions()}
    assert "Alt+S" in opens
    for profile in KEY_PROFILES:
        window.bench.keybook.choose(profile.name)
        keys = {
            split_key(key)[1]
            for some in window.bench.keybook.keys.values()
            for key in some
        }
        assert not keys & opens, profile.name
    window.bench.keybook.choose("medlab")


def test_slicer(window, hand, choose):
    choose("slicer")
    view, session = window.bench.view, window.bench.session
    hand.key("F")
    assert session.k == 9
    hand.key("B")
    assert session.k == 8
    assert window.bench.measure.tool is None, "B is no rectangle here"
    hand.key("G")
    assert not view.mask_visible
    hand.key("G")
    hand.key("B", SHIFT)
    assert window.bench.measure.tool is Kind.RECTANGLE
    hand.key("B", SHIFT)
    hand.key("W")
    assert view.value == 2
    hand.key("Q")
    assert view.value == 1
    hand.key("A")
    hand.drag((40, 20), (40, 70))
    assert session.mask.any()
    hand.key("Z")
    assert not session.mask.any()
    hand.key("Y")
    assert session.mask.any()
    hand.key("R", SHIFT)
    assert view.mode is Mode.REVIEW


def test_itk_snap(window, hand, choose):
    choose("itksnap")
    view = window.bench.view
    for digit, tool in (
        ("4", Tool.BRUSH),
        ("3", Tool.POLYGON),
        ("7", Tool.ERASER),
        ("2", Tool.PAN),
    ):
        hand.key("1")
        assert view.mode is Mode.REVIEW
        hand.key(digit)
        assert (view.mode, view.tool) == (Mode.ANNOTATE, tool)
    hand.key("6")
    assert window.bench.measure.tool is Kind.DISTANCE
    before = view.mask_opacity
    hand.key("D")
    assert view.mask_opacity == pytest.approx(before + 0.1)
    hand.key("A")
    assert view.mask_opacity == pytest.approx(before)
    hand.key(".")
    assert view.value == 2
    hand.key(",")
    assert view.value == 1
    size = view.brush_mm
    hand.key("+")
    assert view.brush_mm > size
    hand.key("X")
    assert not window.bench.measure.visible
    hand.key("X")


def test_pacs(window, hand, choose):
    choose("pacs")
    view, camera = window.bench.view, window.viewer.scene.camera
    hand.key("A")
    assert window.bench.measure.tool is Kind.ANGLE
    assert view.mode is Mode.REVIEW
    hand.key("A")
    hand.key("4")
    assert (view.level, view.width) == (-600, 1500)
    zoom = camera.zoom
    hand.key("+")
    assert camera.zoom == pytest.approx(zoom * 1.2)
    hand.key("-")
    assert camera.zoom == pytest.approx(zoom)
    hand.key("+")
    hand.key("=")
    assert camera.zoom == pytest.approx(zoom, rel=0.02), "fits again"
    hand.key("Up", SHIFT)
    assert window.bench.session.k == 15
    value = view.value
    hand.key("C", SHIFT)
    assert view.value != value
    hand.key("A", SHIFT)
    assert view.mode is Mode.ANNOTATE


def test_the_default_again(window, hand, choose):
    choose("pacs")
    choose("medlab")
    hand.key("A")
    assert window.bench.view.mode is Mode.ANNOTATE
    hand.key("Z", CTRL)
    hand.key("D", NONE)
    assert window.bench.measure.tool is Kind.DISTANCE
