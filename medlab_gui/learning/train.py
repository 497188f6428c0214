"""Training and fine-tuning: phases of epochs, the best of which is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui import __version__
from medlab_gui.learning.capsule import CHECKPOINT
from medlab_gui.learning.card import write_card
from medlab_gui.learning.check import check_choosers, check_recipe, check_sides
from medlab_gui.learning.checkpoint import save_checkpoint
from medlab_gui.learning.evaluate import evaluate_slices
from medlab_gui.learning.memory import is_out_of_memory
from medlab_gui.learning.predict import Predictor, choose_device
from medlab_gui.learning.progress import silent
from medlab_gui.learning.trainer import Trainer
from medlab_gui.networks.base import SegmentationNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.training import TrainSpec
    from medlab_gui.learning.checkpoint import CheckpointMeta
    from medlab_gui.learning.dataset import SliceSource
    from medlab_gui.learning.progress import Progress

__all__ = ["TrainResult", "train"]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training made.

    Parameters
    ----------
    checkpoint : Path
        The weights of the epoch kept, with metrics and card; the card lies beside it
        with the suffix ``.md``, and so does the rest of the run's capsule.
    metrics : dict
        ``{"validation": {"dice", "mean_dice", "n_slices"}, "best_epoch"}``, the Dice at
        the scans' own pixels.
    history : list of dict
        After each epoch: ``epoch, phase, lr, step, loss, val_loss, dice, mean_dice``,
        with the Dice at the network's pixels and the steps done so far; of a classifier
        also ``balanced_accuracy``.
    epochs : int
        Epochs done.
    notes : tuple of str
        What a person should know: what gave way to memory, an early stop, classes that
        no slice shows.
    """

    checkpoint: Path
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    epochs: int
    notes: tuple[str, ...] = ()


def train(
    spec: TrainSpec,
    scheme: LabelScheme,
    training: SliceSource,
    validation: SliceSource,
    *,
    folder: Path,
    choosers: SliceSource | None = None,
    init_from: Path | None = None,
    weights_folder: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    same_patient: bool = False,
    progress: Progress | None = None,
    name: str = "",
    notes: Sequence[str] = (),
    card: dict[str, Any] | None = None,
) -> TrainResult:
    """Train a network by a recipe.

    The state is written to ``folder`` before the first epoch and after each one. A
    training that was stopped or killed goes on from the last finished epoch, and ends
    with the same weights, bit for bit, as one that was not (same machine, same number
    of threads, on the CPU). Where ``torchrun`` started several processes, all of them
    must call this alike; the first writes and reports.

    Parameters
    ----------
    spec : TrainSpec
        The recipe.
    scheme : LabelScheme
        What the values of the masks mean.
    training, validation : SliceSource
        Slices to learn from, and slices that give the scores.
    folder : Path
        For state, capsule and result; made if it is not there.
    choosers : SliceSource, optional
        Slices that choose the epoch whose weights are kept. Without a slice, nothing
        chooses and the last epoch is kept. By default those of ``validation`` choose,
        whose scores flatter then.
    init_from : Path, optional
        A checkpoint of the same network to start from, instead of random weights.
    weights_folder : Path, optional
        Where registered weights are, for a recipe's ``encoder_weights``; they are not
        asked for where there is a checkpoint to start from.
    resume : bool
        Go on from the state in ``folder``, if there is one.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    same_patient : bool
        Whether a patient may both teach and judge: where there is only one. Scores then
        flatter, and the notes say so.
    progress : callable, optional
        Called with each step; may raise to stop. Its ``data`` holds ``phase, epoch,
        epochs, step, steps, loss, dice, seconds_left``; ``dice`` (class name to value)
        is None except after an epoch.
    name : str
        What a person will read as the checkpoint's name.
    notes : sequence of str
        What is known of the slices, and told with what is found here.
    card : dict, optional
        More for the model card; see `learning.card`.

    Returns
    -------
    TrainResult

    Raises
    ------
    SpecError
        If the recipe does not fit the scheme or the checkpoint to start from.
    InputError
        If there is nothing to learn from or to judge by, a slice or patient is on both
        sides, a mask holds unknown classes or only one, the loss is no number any more,
        or the data changed before a resume.
    ResourceError
        If memory is lacking even for a piece of one slice.
    """
    check_recipe(spec, scheme)
    flattery = check_sides(training, validation, same_patient=same_patient)
    if choosers is not None:
        check_choosers(choosers, training, validation)
    sides = (training, validation, choosers)
    run = Trainer(spec, scheme, *sides, folder, choose_device(device))
    if run.team.leads:
        run.report = progress or silent
    try:
        with run.team.telling_why():
            run.begin(init_from, weights_folder, resume, (flattery, *notes))
            _epochs(run)
            return _finish(run, name, card or {})
    except BaseException as error:
        run.log(f"Stopped: {error or type(error).__name__}")
        raise


def _epochs(run: Trainer) -> None:
    """Go through the plan from where the state stands."""
    spec, state, plan = run.spec, run.state, run.plan
    while state.n_done < len(plan.epochs):
        number, epoch = plan.epochs[state.n_done]
        phase = spec.phases[number]
        if spec.patience and state.stale >= spec.patience and epoch:
            run.note(
                f"The phase {phase.name!r} ended after {epoch} of "
                f"{plan.phase_epochs(number)} epochs: "
                + (f"none of the last {state.stale}" if state.stale > 1 else "the last")
                + (" was better." if state.stale > 1 else " was not better.")
            )
            state.n_done += plan.phase_epochs(number) - epoch
            state.stale, state.optimiser, state.plateau = 0, {}, []
            continue
        run.begin_phase(number)
        loss, lr = run.one_epoch()
        judged = run.judge()
        run.keep(
            {
                "epoch": state.n_done + 1,
                "phase": phase.name,
                "lr": lr,
                "step": state.n_steps,
                "loss": loss,
                **judged,
            },
            ends_phase=epoch + 1 == plan.phase_epochs(number),
        )


def _finish(run: Trainer, name: str, card: dict[str, Any]) -> TrainResult:
    """Judge the epoch kept at the scans' own pixels and write checkpoint and card."""
    result = run.folder / CHECKPOINT
    state, spec = run.state, run.spec
    metrics = None
    if run.team.leads:
        meta, weights = run.best.load()
        run.network.load_state_dict(weights)
        metrics = _judged(run, meta)
        meta = replace(
            meta,
            name=name or f"{run.scheme.name} {spec.network.name}",
            metrics=metrics,
            card={
                "n_training_slices": len(run.slices),
                "n_validation_slices": len(run.validation.keys),
                **run.who_chose,
                "parent": run.parent,
                "software": f"MedLab {__version__}",
                "recipe": spec.to_dict(),
                "notes": list(state.notes),
                **card,
            },
        )
        save_checkpoint(result, weights, meta)
        write_card(meta, result.with_suffix(".md"))
        run.seal(metrics)
    metrics = run.team.told(metrics)
    history = state.history
    return TrainResult(result, metrics, history, len(history), tuple(state.notes))


def _judged(run: Trainer, meta: CheckpointMeta) -> dict[str, Any]:
    """Return the scores of the weights as loaded, at the scans' own pixels."""
    network = run.network
    if not isinstance(network, SegmentationNetwork):
        return {"validation": run.class_scores(), "best_epoch": run.state.best_epoch}
    try:
        predictor = Predictor.of_network(meta, network, run.room.device)
        scores = evaluate_slices(predictor, run.validation, progress=run.report)
    except Exception as error:
        if run.room.device == "cpu" or not is_out_of_memory(error.__cause__ or error):
            raise
        predictor = Predictor.of_network(meta, network, "cpu")
        scores = evaluate_slices(predictor, run.validation, progress=run.report)
    scores.pop("per_slice")
    return {"validation": scores, "best_epoch": run.state.best_epoch}
