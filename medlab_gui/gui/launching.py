"""Between a menu entry and a command: what is still to be asked, what comes after."""

from __future__ import annotations

import logging
from dataclasses import MISSING, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.places import as_path
from medlab_gui.core.records import Severity
from medlab_gui.gui.notices import Level, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from medlab_gui.commands.command import Command, Context
    from medlab_gui.core.jobs import Job, JobContext
    from medlab_gui.core.records import Annotation
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.change import Saved
    from medlab_gui.review.session import ReviewSession

__all__ = [
    "ask_and_launch",
    "close_for_good",
    "complete",
    "context_of",
    "follow_up",
    "launch",
    "rank_again",
    "refresh_prediction",
    "tell_problems",
    "use_weights",
]

_log = logging.getLogger(__name__)


def complete(
    bench: Workbench, command: Command[Any, Any], given: Mapping[str, Any] | None
) -> Any:
    """Return whole params from what is given, what is open, and the dialog.

    Parameters
    ----------
    bench : Workbench
        What is open; its ``ask`` is the dialog.
    command : Command
        A title that ends in an ellipsis promises a dialog: with nothing given it is
        shown even where every field has a default.
    given : mapping or None
        Fields by name.

    Returns
    -------
    object or None
        An instance of ``command.params``; None where the person changed their mind.
    """
    values = dict(given or {})
    own = fields(command.params)
    for field in own:
        is_series = field.metadata.get("kind") == "series"
        if field.name not in values and is_series and bench.session is not None:
            values[field.name] = bench.session.series_uid
    missing = [
        f.name
        for f in own
        if f.name not in values
        and f.default is MISSING
        and f.default_factory is MISSING
    ]
    if missing or (given is None and command.title.endswith("…")):
        if bench.ask is None:
            msg = f"{command.verb} needs {', '.join(missing)}"
            raise RuntimeError(msg)
        return bench.ask(command, values)
    return command.params(**values)


def ask_and_launch(bench: Workbench, verb: str) -> None:
    """Show a command's dialog although nothing is missing, and run what it says.

    Parameters
    ----------
    bench : Workbench
        What is open; its ``ask`` is the dialog.
    verb : str
        Of ``commands.COMMANDS``; works on the series that is open.
    """
    if bench.ask is None or bench.session is None:
        return
    params = bench.ask(bench.command(verb), {"input": bench.session.series_uid})
    if params is not None:
        bench.launch(verb, params)


def context_of(bench: Workbench) -> Callable[[JobContext], Context]:
    """Return what makes a command's context round its job, on any thread.

    Project and settings are those of now: what waits for its turn must not land in a
    project that is opened meanwhile.
    """
    from medlab_gui.commands.command import Context

    settings = bench.settings
    return partial(Context, bench.project_place, settings.device, settings)


def launch(
    bench: Workbench,
    verb: str,
    params: Any,
    on_done: Callable[[Any], object] | None,
) -> Job | None:
    """Run a command where it wants to run; see `Workbench.launch`."""
    from medlab_gui.commands.launch import make_job

    command = bench.command(verb)
    asked = params is None
    if not isinstance(params, command.params):
        params = complete(bench, command, params)
        if params is None:
            return None
    if verb == "import" and asked:
        # A person at the window looks while it is read.
        bench.incoming.open((as_path(params.path),))
        return None

    def done(result: Any) -> Iterator[None]:
        bench.project_changed.emit()
        yield
        follow_up(bench, verb, result)
        yield
        if on_done is not None:
            on_done(result)

    job = make_job(command, params, context_of(bench))
    return bench.jobs.submit(job, on_done=done)


def use_weights(bench: Workbench, checkpoint: str) -> None:
    """Put weights to use and rank by them what is still to be labelled.

    Parameters
    ----------
    bench : Workbench
        Its project has the weights.
    checkpoint : str
        Their id, or ``"previous"``.
    """
    given = {"checkpoint": checkpoint}
    bench.launch("adopt", given, on_done=lambda _result: rank_again(bench))


def rank_again(bench: Workbench) -> None:
    """Rank by the weights in use; a ranking that others began stops."""
    title = bench.command("score").title.rstrip("…")
    for job in bench.jobs.active:
        if job.title == title:
            bench.cancel(job)
    bench.launch("score", {})


def follow_up(bench: Workbench, verb: str, result: Any) -> None:
    """Show what a command brought: open the imported, reload the predicted."""
    session = bench.session
    _tell(bench, bench.command(verb), result)
    if verb == "import":
        _after_import(bench, result)
    elif verb == "demo" and result.get("open_window"):
        place, uid = result["open_window"][1], result["open_window"][3]
        bench.open_project(place, then=lambda: bench.open_series(uid))
    elif (
        verb in ("save", "accept", "annotate")
        and session is not None
        and bench.store is not None
    ):
        if result["series_uid"] == session.series_uid:
            annotation = bench.store.latest_annotation(session.series_uid)
            if annotation is not None and verb == "annotate":
                _take_over(bench, session, annotation)
            elif annotation is not None:
                session.note_saved(annotation)
        if verb == "save" and result["saved"]:
            from medlab_gui.commands.save import text_save

            bench.inform(text_save(result))
    elif verb == "lock":
        bench.reopen()
    elif verb == "classes":
        if result["message"]:
            bench.warn(result["message"])
        if result["changed"]:
            bench.reopen()
    elif verb == "evaluate":
        bench.evaluated.emit(result)
    elif verb in ("predict", "score"):
        for note in result["notes"]:
            bench.warn(note)
        # Last: a warning stays beside what comes after it, and not the other way.
        if result.get("probability"):
            where = _("The probabilities are in {path}.")
            bench.inform(where.format(path=result["probability"]))
        # A classifier's word has no mask to show.
        refresh_prediction(bench, show=result.get("prediction") is not None)


def _take_over(
    bench: Workbench, session: ReviewSession, annotation: Annotation
) -> None:
    """Show a mask that came from a file, and the edits since; read on a thread."""
    if bench.session is not session:
        return
    session.overtake()
    if bench.changes.is_busy:  # it ends first: refused, or in the mask
        bench.changes.later(
            partial(_take_over, bench, session, annotation), always=True
        )
        return
    why = _("One moment: the mask from the file is being read.")
    session.hold(why)

    def done(saved: Saved) -> None:
        if bench.session is session:
            session.take_saved(saved)

    def failed(error: BaseException) -> None:
        if bench.session is session:  # else its journal was closed meanwhile
            bench.fail(error)

    bench.submit(
        "",
        lambda _ctx: session.read_saved(annotation, is_other=True),
        on_done=done,
        on_error=failed,
        on_end=partial(session.release, why),
        lane="edit",
        newest_wins=False,
    )


def _tell(bench: Workbench, command: Command[Any, Any], result: Any) -> None:
    """Say what the command line would say, where the window does not show it."""
    from medlab_gui.commands.command import Telling

    if command.told is Telling.SEEN or command.text is None:
        return
    words = command.text(result)
    if command.told is Telling.NOTICE:
        bench.inform(words)
    else:
        title = _(command.title).rstrip("…")
        bench.noticed.emit(Notice(words, Level.REPORT, title))


def _after_import(bench: Workbench, result: dict[str, Any]) -> None:
    taken = result["series"]
    first = next((s for s in taken if not s["already_there"]), taken[0])
    more = len(taken) - 1
    if more:
        bench.inform(
            _("{n} series are in the project; the first one opens.").format(n=more + 1)
        )
    for series in taken:
        tell_problems(bench, series)
    bench.open_series(first["uid"])


def tell_problems(bench: Workbench, taken: dict[str, Any]) -> None:
    """Say what is odd about a series that was taken in (an entry of the result).

    In one notice, the worst first: each would take the place of the one before.
    """
    order = [str(s) for s in Severity]
    odd = [p for p in taken["problems"] if p["severity"] != Severity.NOTE]
    odd.sort(key=lambda p: order.index(p["severity"]), reverse=True)
    if not odd:
        return
    said = odd[0]["message"]
    if len(odd) > 1:
        more = _("({n} more under Studies.)").format(n=len(odd) - 1)
        said = f"{said} {more}"
    name = taken["description"]
    text = f"{name}: {said}" if name else said
    bench.noticed.emit(Notice(text, Level.WARNING, about=taken["uid"]))


def refresh_prediction(bench: Workbench, *, show: bool) -> None:
    """Put the newest stored prediction of the open series on the stage."""
    session = bench.session
    if session is None:
        return
    uid, place, known = session.series_uid, bench.project_place, session.prediction_id
    said = session.classified.id if session.classified is not None else None

    def work(ctx: JobContext) -> Any:
        import numpy as np

        from medlab_gui.review.classified import latest_classified
        from medlab_gui.store.project import ProjectStore

        ctx.check()
        masks = None
        with ProjectStore.open(place) as store:
            stored = store.latest_prediction(uid)
            if stored is not None and stored.id != known:
                labels = np.asarray(store.array(stored.labels_blob))
                unsure = np.asarray(store.array(stored.entropy_blob))
                masks = labels, unsure, stored.id
            classified = latest_classified(store, uid)
            is_new = classified is not None and classified.id != said
            return masks, classified if is_new else None

    def done(found: Any) -> None:
        now = bench.session
        if now is None or now.series_uid != uid:
            return
        masks, classified = found
        if masks is not None:
            now.set_prediction(*masks)
        if classified is not None:
            now.set_classified(classified)
        if show and now.prediction is not None:
            bench.view.prediction_visible = True
            bench.view.entropy_visible = True

    bench.submit("", work, on_done=done, lane="reading", newest_wins=False)


def close_for_good(bench: Workbench, session: ReviewSession) -> None:
    """Close a series when the window closes, and make a revision of its edits.

    The window is gone by now, so this may take a moment. Where it fails nothing is
    lost: the strokes are in the journal and the next start recovers them.
    """
    from medlab_gui.commands.command import Context
    from medlab_gui.commands.save import SAVE, SaveParams

    unsaved = session.n_unsaved and not session.read_only
    try:
        session.close()
        if unsaved:
            SAVE.run(SaveParams(session.series_uid), Context(bench.project_place))
    except MedlabError as error:
        _log.warning("Not saved as a version (every stroke is on the disk): %s", error)
