"""Says whether a recipe is for the eye only or is also what the model gets."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QWidget

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui.recipes import differences, in_words

if TYPE_CHECKING:
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.core.specs import PipelineSpec

__all__ = ["ModelBadge"]

# Signs besides words: an eye-like ring for the eye, a tick for "the same".
_EYE, _SAME = "\N{FISHEYE}", "\N{HEAVY CHECK MARK}"


class ModelBadge(QLabel):
    """A frame with the answer; its tooltip names what differs.

    Parameters
    ----------
    short : bool
        Only the answer, for a tool bar; otherwise a sentence more.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, *, short: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._short = short
        self.for_model = False
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(not short)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setMargin(3 if short else 5)
        self.setAccessibleName(_("Whom the preprocessing is for"))

    def show_answer(
        self, shown: PipelineSpec, weights: Checkpoint | None, unit: str = "HU"
    ) -> None:
        """Compare the shown recipe with the one of the weights in use.

        Parameters
        ----------
        shown : PipelineSpec
            What the window shows.
        weights : Checkpoint or None
            The weights in use.
        unit : str
            Of the scan.
        """
        said: tuple[str, ...] = ()
        self.for_model = False
        if weights is None:
            more = _("The project has no model yet.")
            tip = more
        else:
            try:
                said = differences(shown, weights.pipeline, unit)
                more = _("The model gets: {chain}.").format(
                    chain=in_words(weights.pipeline)
                )
                self.for_model = not said
            except MedlabError as error:
                # A step of a plugin that is away: we cannot tell, so we do not claim.
                more, said = error.message, (error.message,)
            if self.for_model:
                more = _("The weights were trained on these steps.")
            tip = self._tip(weights, said)
        answer = (
            f"{_SAME} " + _("Also what the model gets.")
            if self.for_model
            else f"{_EYE} " + _("For the eye only.")
        )
        text = f"<b>{escape(answer)}</b>"
        if not self._short:
            text += f" {escape(more)}"
        elif said:
            text += " " + escape(_n_differences(len(said)))
        self.setText(text)
        self.setToolTip(tip)
        self.setAccessibleDescription(f"{answer} {more} {' '.join(said)}")

    @staticmethod
    def _tip(weights: Checkpoint, said: tuple[str, ...]) -> str:
        name = _("Weights in use: {name}").format(name=weights.name)
        lines = [f"<b>{escape(name)}</b>"]
        lines += [f"• {escape(line)}" for line in said] or [
            escape(_("No difference: the model gets these steps, in this order."))
        ]
        if weights.inplane_mm is not None:
            lines.append(
                escape(
                    _(
                        "Afterwards the model's picture is resampled to pixels of "
                        "{mm} mm."
                    ).format(mm=f"{weights.inplane_mm:g}")
                )
            )
        if weights.resize is not None:
            more = _("Afterwards the model's picture gets {n} x {n} pixels.")
            lines.append(escape(more.format(n=weights.resize.pixels)))
        return "<br>".join(lines)


def _n_differences(n: int) -> str:
    return _("1 difference") if n == 1 else _("{n} differences").format(n=n)
