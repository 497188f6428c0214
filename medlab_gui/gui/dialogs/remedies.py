"""Asks what is to be done about a scan's geometry, in the words of the problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QLabel,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import N_, _
from medlab_gui.core.records import Severity
from medlab_gui.gui.dialogs.room import resize_within_screen
from medlab_gui.gui.number_box import NumberBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QShowEvent

    from medlab_gui.core.records import Problem
    from medlab_gui.core.remedies import Remedy
    from medlab_gui.gui.incoming import Choice
    from medlab_gui.io import FileSeries

__all__ = ["RemediesDialog", "ask_way"]

_MOST_HIGH = 640
_KEEP, _GIVEN = "keep-as-measured", "given-spacing"
_WORDS = {
    Severity.WARNING: N_("Warning"),
    Severity.UNSAFE: N_("Not safe for measuring"),
    Severity.NOT_A_VOLUME: N_("Not a volume as it is"),
}


def ask_way(
    found: FileSeries,
    answer: Callable[[Choice], object],
    refuse: Callable[[], object],
    parent: QWidget,
) -> None:
    """Ask without waiting: pictures for their spacing, others for a way out.

    Parameters
    ----------
    found : FileSeries
        What is to be opened.
    answer : callable
        ``answer((codes, spacing))``.
    refuse : callable
        Called where the person does not want to open it.
    parent : QWidget
        Owner.
    """
    if found.format == "pictures":
        from medlab_gui.gui.dialogs.spacing import SpacingDialog

        pictures = SpacingDialog.for_series(found, parent)
        pictures.accepted.connect(lambda: answer(([], pictures.spacing)))
        pictures.rejected.connect(refuse)
        pictures.open()
        return
    dialog = RemediesDialog(found, parent)
    dialog.accepted.connect(lambda: answer(dialog.choice))
    dialog.rejected.connect(refuse)
    dialog.open()


class RemediesDialog(QDialog):
    """One question for each problem that has ways out; "as measured" is the default.

    Parameters
    ----------
    found : FileSeries
        With a problem that offers something.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, found: FileSeries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Geometry of {name}").format(name=found.name))
        self.setMinimumWidth(560)
        self._groups: list[QButtonGroup] = []
        self._codes: dict[QRadioButton, str] = {}
        inner = QWidget()
        asked = QVBoxLayout(inner)
        asked.setContentsMargins(0, 0, 0, 0)
        for problem in found.problems:
            if problem.severity is not Severity.NOTE and problem.remedies:
                self._add(problem, asked)
        asked.addWidget(self._spacing_form(found))
        asked.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok, self)
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText(_("Open"))
        no = buttons.addButton(_("Do not open"), QDialogButtonBox.ButtonRole.RejectRole)
        no.setAutoDefault(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        note = QLabel(
            _("What you choose is kept with the series. The files are never changed.")
        )
        note.setObjectName("hint")
        note.setWordWrap(True)
        layout.addWidget(note)
        layout.addWidget(buttons)
        self._judge()
        self._ok.setFocus()
        self._scroll = scroll
        resize_within_screen(self, 600, _MOST_HIGH)

    def showEvent(self, event: QShowEvent) -> None:
        """Be as high as the questions need in the font of the window, and no higher."""
        super().showEvent(event)
        layout, inner = self.layout(), self._scroll.widget()
        assert layout is not None
        assert inner is not None
        layout.activate()
        seen = self._scroll.viewport()
        around = self.height() - seen.height()
        needed = inner.heightForWidth(seen.width()) + around
        resize_within_screen(self, self.width(), min(_MOST_HIGH, needed))

    # ---- building -------------------------------------------------------------

    def _add(self, problem: Problem, layout: QVBoxLayout) -> None:
        told = QLabel(f"<b>{_(_WORDS[problem.severity])}</b>")
        told.setTextFormat(Qt.TextFormat.RichText)
        why = QLabel(problem.message)
        why.setTextFormat(Qt.TextFormat.PlainText)
        why.setWordWrap(True)
        layout.addWidget(told)
        layout.addWidget(why)
        group = QButtonGroup(self)
        for remedy in problem.remedies:
            self._offer(remedy, group, layout)
        buttons = group.buttons()
        kept = [b for b in buttons if self._codes[_radio(b)] == _KEEP]
        (kept or buttons)[0].setChecked(True)
        group.buttonToggled.connect(self._judge)
        self._groups.append(group)
        layout.addSpacing(10)

    def _offer(self, remedy: Remedy, group: QButtonGroup, layout: QVBoxLayout) -> None:
        radio = QRadioButton(_(remedy.title))
        radio.setToolTip(_(remedy.effect))
        effect = QLabel(_(remedy.effect))
        effect.setObjectName("hint")
        effect.setWordWrap(True)
        effect.setIndent(24)
        radio.setAccessibleDescription(_(remedy.effect))
        self._codes[radio] = remedy.code
        group.addButton(radio)
        layout.addWidget(radio)
        layout.addWidget(effect)

    def _spacing_form(self, found: FileSeries) -> QWidget:
        self._given = QWidget()
        form = QFormLayout(self._given)
        known = found.grid.spacing if found.grid is not None else (0.0, 0.0, 0.0)
        self._boxes = []
        names = (_("Slice to slice"), _("Row to row"), _("Column to column"))
        for name, value in zip(names, known, strict=True):
            box = NumberBox()
            box.setAccessibleName(name)
            box.setRange(0.0, 100.0)
            box.setDecimals(4)
            box.setSuffix(_(" mm"))
            box.setSpecialValueText(_("not given"))
            box.setValue(value if value <= 100 else 0.0)
            box.valueChanged.connect(self._judge)
            form.addRow(name, box)
            self._boxes.append(box)
        return self._given

    # ---- answers ----------------------------------------------------------------

    def _chosen(self) -> list[str]:
        radios = [_radio(g.checkedButton()) for g in self._groups]
        return list(dict.fromkeys(self._codes[r] for r in radios))

    @property
    def choice(self) -> Choice:
        """What was chosen: codes of remedies, and the spacing where it is one."""
        codes = self._chosen()
        # "As measured" of one problem does not forbid what another one asks for.
        codes = [c for c in codes if c != _KEEP] or codes
        if _GIVEN not in codes:
            return codes, None
        dz, dy, dx = (float(box.value()) for box in self._boxes)
        return codes, (dz, dy, dx)

    def choose(self, code: str) -> None:
        """Tick a way out wherever it is offered."""
        for radio, own in self._codes.items():
            if own == code:
                radio.setChecked(True)

    def _judge(self) -> None:
        given = _GIVEN in self._chosen()
        self._given.setVisible(given)
        self._ok.setEnabled(not given or all(b.value() > 0 for b in self._boxes))


def _radio(button: object) -> QRadioButton:
    assert isinstance(button, QRadioButton)
    return button
