"""``medlab train``: fine-tune, train by a preset, follow a recipe, repeat a run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where
from medlab_gui.commands.replay import replay, replay_text
from medlab_gui.commands.series_titles import said_by_title
from medlab_gui.commands.train_options import TrainParams
from medlab_gui.commands.train_outcome import cross_validate, finish
from medlab_gui.commands.train_runs import (
    DYING_S,
    alive,
    begun_run,
    draw_splits,
    go_on,
    new_run,
    project_training,
    settle_runs,
    split_folders,
    splits_of,
    written_down,
)
from medlab_gui.commands.values import as_path, counted
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.jobs import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.train_runs import Wish
    from medlab_gui.learning.parallel import Team

__all__ = ["TRAIN", "TrainParams", "settle_runs"]


def _train(params: TrainParams, ctx: Context) -> dict[str, Any]:
    """Train in the project; of several processes (torchrun) one alone writes it."""
    from medlab_gui.learning.parallel import Team
    from medlab_gui.learning.predict import choose_device

    team = Team.join(choose_device(ctx.device))
    if not team.leads:
        with team.telling_why():
            return _train_along(team, ctx)
    with team.leading() as tell:
        return _lead(params, ctx, tell)


def _train_along(team: Team, ctx: Context) -> dict[str, Any]:
    """Take this process' share of a training that the first process began."""
    begun = team.hear()
    if not begun:
        msg = "The first of the processes could not begin; it says why."
        raise InputError(msg)
    run_id, is_new = str(begun["run"]), bool(begun["is_new"])
    with ctx.store() as store:
        wish = begun_run(store, run_id, is_new=is_new)
        folder = store.run_folder(run_id)
        for place, split in zip(
            split_folders(folder, wish), splits_of(store, folder, wish), strict=True
        ):
            project_training(store, wish, split, place, ctx)
    return {"run": run_id}


def _lead(
    params: TrainParams, ctx: Context, tell: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    with ctx.store() as store:
        settle_runs(store)
        # All that can be refused comes before the run: it must leave nothing behind.
        if params.resume:
            wish = go_on(store, params.resume)
        else:
            wish = new_run(store, params, ctx)
        drawn = []
        if wish.is_new:
            with said_by_title(store):
                drawn = draw_splits(store, wish)
        folder = store.run_folder(wish.run_id)
        # The lock comes before the row: who sees a running run finds it locked.
        lives = alive(folder, DYING_S)
        with (
            _said_how_to_go_on(wish),
            lives,
            written_down(store, wish),
            said_by_title(store),
        ):
            ctx.progress(0, 1, "Preparing", {"run": wish.run_id})
            splits = splits_of(store, folder, wish, drawn)
            tell({"run": wish.run_id, "is_new": wish.is_new})
            if wish.n_folds:
                return cross_validate(store, wish, splits, folder, ctx)
            made = project_training(store, wish, splits[0], folder, ctx)
            return finish(store, wish, splits[0], made, params, ctx)


@contextmanager
def _said_how_to_go_on(wish: Wish) -> Iterator[None]:
    """Say how a training that is cancelled goes on."""
    try:
        yield
    except (Cancelled, KeyboardInterrupt) as error:
        raise Cancelled(f"`medlab train --resume {wish.run_id}` goes on.") from error


def run(params: TrainParams, ctx: Context) -> dict[str, Any]:
    """Train, judge on the locked slices, and adopt the weights or refuse them."""
    modes = {
        "--recipe": params.recipe,
        "--resume": params.resume,
        "--replay": params.replay,
        "--preset": params.preset,
    }
    given = [name for name, value in modes.items() if value]
    if len(given) > 1:
        msg = (
            f"{' and '.join(given)} do not go together: a recipe and a repetition "
            "begin anew and say themselves how to train."
        )
        raise InputError(msg)
    if params.folds == 1:
        msg = "A cross-validation has at least two folds; leave --folds out for none."
        raise InputError(msg)
    if params.replay:
        return replay(params.replay, ctx)
    if params.recipe:
        from medlab_gui.commands.recipe import follow_recipe

        return follow_recipe(params.recipe, params.output, ctx)
    if params.resume and as_path(params.resume).is_dir():
        from medlab_gui.commands.recipe import resume_recipe

        return resume_recipe(as_path(params.resume), ctx)
    if params.output:
        msg = (
            "--output goes with --recipe; without a recipe the new weights are kept in "
            "the project."
        )
        raise InputError(msg)
    return _train(params, ctx)


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "same_data" in result:
        return replay_text(result)
    if "folds" in result:
        return str(result["reason"])
    lines = []
    if "comparison" in result:
        judged = counted(result["comparison"]["n_slices"], "locked slice")
        lines.append(f"{result['comparison']['reason']} Judged on {judged}.")
    else:
        lines.append(
            f"{result['output']} and its model card {result['card']} are written."
        )
    return "\n".join([*lines, *result.get("notes", [])])


def undone(result: dict[str, Any]) -> str:
    """Return a sentence where a repetition gave something else."""
    if result.get("same", True):
        return ""
    return "The repetition differs from the run."


TRAIN = Command(
    verb="train",
    title=N_("Fine-tune…"),
    help=N_("Learn from the labelled slices; new weights are used only if not worse."),
    params=TrainParams,
    run=run,
    text=text,
    undone=undone,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/model/2_learn",
    shortcut="Ctrl+T",
    when="series_stored",
    left=N_("The run can be resumed from its last whole epoch (Runs)."),
    details=N_(
        "Learns from the slices that a person has accepted. Where no slice is locked "
        "for validation yet, about a fifth of them is locked first, for good. Old and "
        "new weights are judged on the locked slices (mean Dice, of classifiers "
        "balanced accuracy) and the new ones are kept in the project in any case; "
        "`medlab adopt previous` goes back. Ctrl+C keeps the state, to --resume. "
        "--preset trains a network of its own by a "
        "paper's recipe: liver-fcn, mandible-unet, mri-lesion or quick-cpu; --set "
        "changes any value of it. --folds cross-validates by patient. --replay trains "
        "a finished run again, all folds of a cross-validation, and tells what differs "
        "(exit code 2). With --recipe nothing of the project is used: weights "
        "(.safetensors), their model card (.md) and what repeats them (.run) are "
        "written; a training that was stopped leaves .unfinished, to --resume. keep_at "
        "in a recipe keeps what the network says of some slices after these steps; "
        "kept.svg in the run's folder shows it beside the truth. On several "
        "graphics cards: torchrun --nproc-per-node 2 -m medlab_gui train ...; "
        "the first process writes and reports."
    ),
    examples=(
        "medlab train --project liver --json",
        "medlab train --project liver --epochs-all 10 --adopt never",
        "medlab train --project liver --preset liver-fcn --set "
        "network.options.width=0.25,phases.0.steps=2000",
        "medlab train --project liver --preset quick-cpu --folds 5",
        "medlab train --project liver --resume 3f2a5b7c9d1e",
        "medlab train --project liver --replay 3f2a5b7c9d1e",
        "medlab train --recipe abdomen_starter.recipe.json --output my.safetensors",
    ),
)
