"""What a command is, and what it may use."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from medlab_gui.core.jobs import JobContext
from medlab_gui.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.core.records import Series
    from medlab_gui.store.project import ProjectStore

__all__ = ["Command", "Context", "Telling", "Where", "param"]

P = TypeVar("P")
R = TypeVar("R")


class Where(StrEnum):
    """Where a command runs when the window starts it."""

    THREAD = "thread"
    CHILD = "child"


class Telling(StrEnum):
    """How the window tells what a command brought, in the words of its ``text``."""

    SEEN = "seen"
    """Not at all: it is to be seen."""
    NOTICE = "notice"
    """In a line: it leaves nothing to be seen, or not at once."""
    REPORT = "report"
    """In a window of its own: the words are all that it brings."""


@dataclass
class Context:
    """What a running command may use.

    Parameters
    ----------
    project : str
        Folder of the project; empty for the one of the settings.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    settings : Settings
        The user's choices.
    job : JobContext
        Progress and cancellation.
    """

    project: str = ""
    device: str = "auto"
    settings: Settings = field(default_factory=load_settings)
    job: JobContext = field(default_factory=JobContext)

    @property
    def project_place(self) -> str:
        """Folder of the project that is meant."""
        return self.project or str(self.settings.project_path)

    @contextmanager
    def store(self, *, create: bool = False) -> Iterator[ProjectStore]:
        """Open the project for this thread and close it again.

        Parameters
        ----------
        create : bool
            Make it where there is none. The project of the settings is always made.
            Where nothing came into it since something failed, it goes again.
        """
        from medlab_gui.store.project import NewProject, ProjectStore

        create = create or not self.project
        with (
            NewProject(self.project_place),
            ProjectStore.open(self.project_place, create=create) as store,
        ):
            yield store

    def progress(
        self,
        done: float,
        total: float = 0,
        message: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Report, and stop here if the user asked to (see `JobContext.progress`)."""
        self.job.progress(done, total, message, data)


def param(
    help: str,  # noqa: A002 - the word that argparse and dialogs use
    default: Any = ...,
    *,
    title: str = "",
    kind: str = "",
    positional: bool = False,
    choices: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
    in_dialog: bool = True,
    endings: tuple[str, ...] = (),
    asked_of: Callable[[Series], bool] | None = None,
) -> Any:
    """Declare a field of a command's parameters.

    Parameters
    ----------
    help : str
        One sentence for ``--help`` and the tooltip.
    default : object
        Left out where the parameter must be given.
    title : str
        Label in the dialog; made from the field's name where empty.
    kind : str
        What a dialog offers: ``"open"`` (file or folder), ``"open_file"``, ``"save"``
        (file or folder), ``"save_file"``, ``"folder"``, ``"series"``, ``"checkpoint"``,
        ``"slices"``, ``"classes"`` (names with commas between),
        ``"codes"`` (words with commas between; may be given several times),
        ``"paths"`` (places, each on a line of its own), ``"recipe"`` (steps of
        preprocessing; the window begins with those of its dock).
    positional : bool
        Without ``--name`` on the command line.
    choices : tuple of str
        The only values allowed.
    words : tuple of str
        What a dialog calls the ``choices``, marked with `N_`; themselves where empty.
    minimum, maximum : float, optional
        Range of a number.
    unit : str
        Shown behind a number.
    in_dialog : bool
        Whether the window asks for it.
    endings : tuple of str
        What the name of a file to save may end in, the usual one first; any that
        scans and masks are written as where empty.
    asked_of : callable, optional
        Tells whether there is anything to choose with the series that is meant; where
        there is not, the window does not ask.
    """
    from dataclasses import MISSING

    metadata = {
        "help": help,
        "title": title,
        "kind": kind,
        "positional": positional,
        "choices": choices,
        "words": words or choices,
        "minimum": minimum,
        "maximum": maximum,
        "unit": unit,
        "in_dialog": in_dialog,
        "endings": endings,
        "asked_of": asked_of,
    }
    if default is ...:
        default = MISSING
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Command(Generic[P, R]):
    """One thing that MedLab can do, declared once for menu, palette and shell.

    Parameters
    ----------
    verb : str
        ``"predict"``: ``medlab predict`` and the action ``medlab.predict``.
    title : str
        Text of the menu and the palette, marked with `N_`.
    help : str
        Tooltip and first line of ``medlab predict --help``.
    params : type
        Frozen dataclass whose fields, made by `param`, become options and dialog.
    run : callable
        ``run(params, context)`` does it and returns a dataclass or dict of plain
        data: ids and figures, never arrays.
    where : Where
        Where the window runs it.
    lane : str
        Lane of the `JobRunner`: ``"gpu"`` for networks, else ``"disk"``.
    menu : str, optional
        ``"medlab/model/1_run"``: menu, then group. None keeps it off the menus.
    shortcut : str, optional
        Such as ``"Ctrl+O"``.
    when : str, optional
        Expression over context keys: ``series_stored``, ``mask_dirty``,
        ``prediction_open``, ``queue_open``, ``checkpoint_present``, ``busy``.
    details : str
        For ``--help``: what is read and written, in which units.
    examples : tuple of str
        Lines for ``--help``.
    text : callable, optional
        Turns the result into what a person reads in a terminal or a message; without
        it the result is shown as indented JSON.
    undone : callable, optional
        Turns the result into a sentence on what could not be done though the rest was,
        or "": then the exit code is 2.
    told : Telling
        How the window tells the result.
    place : str
        Field of the parameters that ``--project`` means in a shell, for a verb that
        makes its own project.
    left : str
        Sentence on what there is after its child process was killed, marked with `N_`.
    check : callable, optional
        ``check(params, context)`` raises `MedlabError` for what a glance at the
        parameters tells, within some milliseconds and without torch: the dialog asks
        it before it closes.
    """

    verb: str
    title: str
    help: str
    params: type[P]
    run: Callable[[P, Context], R]
    where: Where = Where.THREAD
    lane: str = "disk"
    menu: str | None = None
    shortcut: str | None = None
    when: str | None = None
    details: str = ""
    examples: tuple[str, ...] = ()
    text: Callable[[R], str] | None = None
    undone: Callable[[R], str] | None = None
    told: Telling = Telling.SEEN
    place: str = ""
    left: str = ""
    check: Callable[[P, Context], object] | None = None

    @property
    def computes(self) -> bool:
        """Whether it runs a network, and therefore takes a device."""
        return self.lane == "gpu"

    @property
    def id(self) -> str:
        """Id of the action in the window."""
        return f"medlab.{self.verb.replace('-', '_')}"
