"""Undo and redo of a preprocessing recipe (no widget)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medlab_gui.core.specs import PipelineSpec

__all__ = ["RecipeHistory"]

_DEPTH = 100


class RecipeHistory:
    """The recipes that there were, in order, and where we stand.

    Moving one slider makes many recipes; they count as one change as long as the same
    slider goes on moving.

    Parameters
    ----------
    first : PipelineSpec
        What there is to begin with; `reset` leads back to it.
    """

    def __init__(self, first: PipelineSpec) -> None:
        self.start_at(first)

    def start_at(self, spec: PipelineSpec) -> None:
        """Forget everything; ``spec`` is what there is to begin with."""
        self.base = spec
        self._past: list[PipelineSpec] = []
        self._future: list[PipelineSpec] = []
        self._now = spec
        self._what = ""

    @property
    def now(self) -> PipelineSpec:
        """The recipe where we stand."""
        return self._now

    def note(self, spec: PipelineSpec, what: str = "") -> None:
        """Remember a change.

        Parameters
        ----------
        spec : PipelineSpec
            The recipe after it.
        what : str
            What was changed, e.g. ``"2.weight"``: changes of the same thing that
            follow each other are one. Empty: a change of its own.
        """
        if spec == self._now:
            return
        if not what or what != self._what:
            self._past = [*self._past[-_DEPTH + 1 :], self._now]
        self._what = what
        self._future = []
        self._now = spec

    @property
    def can_undo(self) -> bool:
        """Whether something can be taken back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._future)

    def undo(self) -> PipelineSpec:
        """Go back by one change and return the recipe; the same one at the start."""
        if self._past:
            self._future.append(self._now)
            self._now = self._past.pop()
            self._what = ""
        return self._now

    def redo(self) -> PipelineSpec:
        """Go forward by one change and return the recipe."""
        if self._future:
            self._past.append(self._now)
            self._now = self._future.pop()
            self._what = ""
        return self._now
