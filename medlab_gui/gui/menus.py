"""Our application model: actions from both tables, menus, and what is enabled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from app_model import Application
from app_model.backends.qt import QModelMenu
from app_model.expressions import parse_expression
from app_model.types import Action, MenuRule, SubmenuItem, ToggleRule
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QMenu

from medlab_gui.core.i18n import N_, _
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.actions import ACTIONS
from medlab_gui.gui.cine_actions import CINE_SUBMENU
from medlab_gui.gui.keybook import shown_key, split_key
from medlab_gui.gui.keys import is_menu_shortcut
from medlab_gui.gui.pair.pair_actions import PAIR_SUBMENUS
from medlab_gui.gui.panes.layout_actions import PANE_SUBMENUS
from medlab_gui.gui.window_presets import N_DIGITS, preset_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari import Viewer
    from qtpy.QtGui import QAction
    from qtpy.QtWidgets import QMenuBar, QWidget

    from medlab_gui.commands.command import Command
    from medlab_gui.gui.dialogs.palette import Choice
    from medlab_gui.gui.window import MedlabWindow

__all__ = ["MENUS", "Menus", "napari_menu"]

MENUS = (
    ("medlab/study", N_("&Study")),
    ("medlab/annotate", N_("&Annotate")),
    ("medlab/measure", N_("Meas&ure")),
    ("medlab/model", N_("&Model")),
    ("medlab/queue", N_("&Queue")),
    ("medlab/view", N_("&View")),
    ("medlab/help", N_("&Help")),
)

_SUBMENUS = (
    ("medlab/view", "2_window", "medlab/view/window", N_("Window")),
    ("medlab/view", "2_window", "medlab/view/go", N_("Go to")),
    *PANE_SUBMENUS,
    CINE_SUBMENU,
    ("medlab/view", "4_keys", "medlab/view/keys", N_("Keys")),
    *PAIR_SUBMENUS,
)


_PRESET_IDS = frozenset(preset_id(n) for n in range(1, N_DIGITS + 1))


_REPEATED = frozenset(action.id for action in ACTIONS if action.repeats)


def _entries(menu: QMenu) -> Iterator[QAction]:
    """Return the entries of a menu and of the menus in it."""
    for action in menu.actions():
        submenu = action.menu()
        if isinstance(submenu, QMenu):
            yield from _entries(submenu)
        else:
            yield action


class Menus:
    """The six menus of the window.

    Parameters
    ----------
    window : MedlabWindow
        What plain actions are called with.
    commands : tuple of Command
        What the project can be asked to do.
    """

    def __init__(
        self, window: MedlabWindow, commands: tuple[Command[Any, Any], ...]
    ) -> None:
        Application.destroy("medlab")
        self.app = Application("medlab", raise_synchronous_exceptions=True)
        self._window, self._commands = window, commands
        self._keybook = window.bench.keybook
        self._keybook.changed.connect(self._on_keys)
        self._presets = window.bench.presets
        self._presets.changed.connect(self._on_presets)
        self._menus: list[QModelMenu] = []
        self._enablement: dict[str, Any] = {}
        for command in commands:
            if command.menu is not None:
                self._register(
                    command.id,
                    command.title,
                    partial(window.bench.launch, command.verb),
                    command.menu,
                    command.when or "",
                    "",
                    command.help,
                )
        for action in ACTIONS:
            self._register(
                action.id,
                action.title,
                partial(action.run, window),
                action.menu,
                action.when,
                action.toggled,
                "",
            )
        for parent, group, menu, title in _SUBMENUS:
            self.app.menus.append_menu_items(
                [(parent, SubmenuItem(submenu=menu, title=_(title), group=group))]
            )

    def _register(
        self,
        id_: str,
        title: str,
        run: Any,
        menu: str,
        when: str,
        toggled: str,
        tip: str,
    ) -> None:
        place, _slash, group = menu.rpartition("/")
        action = Action(
            id=id_,
            title=_(title),
            tooltip=_(tip) if tip else None,
            callback=run,
            menus=[self._rule(id_, place, group, when)] if menu else None,
            enablement=parse_expression(when) if when else None,
            toggled=(
                ToggleRule(condition=parse_expression(toggled)) if toggled else None
            ),
        )
        self.app.register_action(action)
        self._enablement[id_] = action.enablement

    @staticmethod
    def _rule(id_: str, place: str, group: str, when: str) -> MenuRule:
        # A digit that chooses no window is not listed.
        shown = parse_expression(when) if id_ in _PRESET_IDS else None
        return MenuRule(id=place, group=group, when=shown)

    def build(self, bar: QMenuBar, parent: QWidget) -> None:
        """Put the menus into the bar, before what is there."""
        first = bar.actions()[0] if bar.actions() else None
        for menu_id, title in MENUS:
            menu = QModelMenu(menu_id, self.app, title=_(title), parent=parent)
            menu.setToolTipsVisible(True)
            self._menus.append(menu)
            if first is None:
                bar.addMenu(menu)
            else:
                bar.insertMenu(first, menu)
            self._show_keys(menu)
        self._on_presets()

    def menu(self, menu_id: str) -> QModelMenu:
        """Return one of the six menus."""
        return next(m for m in self._menus if m.objectName() == menu_id)

    def _show_keys(self, menu: QMenu) -> None:
        for action in _entries(menu):
            self._show_key(action, self._keybook.of(action.objectName()))

    def _on_presets(self) -> None:
        """Name the windows that a digit chooses now."""
        titles = self._presets.titles()
        for menu in self._menus:
            for action in _entries(menu):
                if action.objectName() in titles:
                    action.setText(titles[action.objectName()])

    def _on_keys(self) -> None:
        for menu in self._menus:
            self._show_keys(menu)

    @staticmethod
    def _show_key(action: QAction, keys: tuple[str, ...]) -> None:
        names = [split_key(key)[1] for key in keys]
        everywhere = [name for name in names if is_menu_shortcut(name)]
        if everywhere:
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        else:
            # Shown, but never triggered by Qt: a field may want this key.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.setShortcuts([QKeySequence(name) for name in everywhere or names[:1]])

    def update(self, facts: dict[str, Any]) -> None:
        """Enable and tick entries according to the facts."""
        self.app.context.update(facts)
        for menu in self._menus:
            menu.update_from_context(self.app.context)

    def is_enabled(self, id_: str) -> bool:
        """Tell whether an action can be used now."""
        expression = self._enablement.get(id_)
        return expression is None or bool(expression.eval(self.app.context))

    def show_palette(self) -> None:
        """Show everything that can be done, to be found by typing."""
        from medlab_gui.gui.dialogs.palette import Palette

        self._window.refresh_facts()
        Palette(self.choices(), self.run, self._window.main).open()

    def choices(self) -> list[Choice]:
        """Return every action as the palette shows it now."""
        from medlab_gui.gui.dialogs.palette import Choice

        heads = {menu: _(title).replace("&", "") for menu, title in MENUS}
        titles = self._presets.titles()
        entries = [(c.id, c.title, c.menu) for c in self._commands if c.menu]
        entries += [(a.id, a.title, a.menu) for a in ACTIONS]
        return [
            Choice(
                id_,
                f"{heads['/'.join(menu.split('/')[:2])]}: {titles.get(id_, _(title))}",
                ", ".join(shown_key(key) for key in self._keybook.of(id_)),
                self.is_enabled(id_),
            )
            for id_, title, menu in entries
            if id_ not in _PRESET_IDS or id_ in titles
        ]

    def run(self, id_: str) -> None:
        """Run an action."""
        self.app.commands.execute_command(id_).result()

    def press(self, key: str, *, repeated: bool = False) -> bool:
        """Run the action that a key means now; return whether there is one.

        Parameters
        ----------
        key : str
            Its name in the tables.
        repeated : bool
            Whether the key is still held down and has run the action before.
        """
        context = {
            f: bool(self.app.context.get(f)) for f in ("reviewing", "annotating")
        }
        for id_ in self._keybook.meant(key, context):
            if self.is_enabled(id_):
                if not repeated or id_ in _REPEATED:
                    self.run(id_)
                return True
        return False


def napari_menu(viewer: Viewer, parent: QWidget) -> QMenu:
    """Return the way to what napari offers to developers."""
    own = QMenu(_("napari"), parent)
    docks = private.napari_docks(viewer)
    for dock, text in zip(docks, (_("Layer list"), _("Layer controls")), strict=True):
        toggle = dock.toggleViewAction()
        toggle.setText(text)
        own.addAction(toggle)
    own.addSeparator()
    for menu in private.napari_menus(viewer):
        own.addMenu(menu)
    return own
