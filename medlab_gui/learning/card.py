"""Model cards: what weights were made from, how good, and what they are not for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.merit import BALANCED
from medlab_gui.core.training import TrainSpec
from medlab_gui.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.learning.checkpoint import CheckpointMeta

__all__ = ["NOT_CLINICAL", "card_text", "loss_in_words", "write_card"]

NOT_CLINICAL = (
    "Not for clinical use. These weights are for demonstration and as a start for "
    "fine-tuning on your own, corrected slices; they have not been validated for "
    "diagnosis, planning or measurement."
)


def write_card(meta: CheckpointMeta, path: Path) -> None:
    """Write a checkpoint's card as Markdown.

    Parameters
    ----------
    meta : CheckpointMeta
        What the card says; see `card_text`.
    path : Path
        The ``.md`` file.

    Raises
    ------
    StorageFullError
        If it cannot be written.
    """
    write_whole(path, card_text(meta).encode())


def card_text(meta: CheckpointMeta) -> str:
    """Return a checkpoint's card as Markdown.

    Parameters
    ----------
    meta : CheckpointMeta
        Of its ``card`` these are used where they are there: ``n_training_slices``,
        ``n_validation_slices``, ``n_choosing_slices`` (set aside to choose the epoch;
        without it the validation slices chose), ``parent``, ``software``, ``data``
        (list of ``{"use", "what", "n_slices"}``), ``truth``, ``licence``,
        ``description``, ``repeat``, ``notes`` and ``split`` (sentences), ``recipe`` (a
        `TrainSpec` as plain data).
    """
    card = meta.card
    lines = [f"# {meta.name}", ""]
    lines += [f"**{NOT_CLINICAL}**", ""]
    if card.get("description"):
        lines += [str(card["description"]), ""]
    lines += ["## What it is", ""]
    lines += _table(("", ""), _facts(meta))
    lines += ["", "## What it was trained on", ""]
    lines += _data(card)
    for key, title in (("truth", "Truth"), ("licence", "Licence")):
        if card.get(key):
            lines += ["", f"**{title}.** {card[key]}"]
    notes = [*([card["split"]] if card.get("split") else []), *card.get("notes", [])]
    if notes:
        lines += ["", "## What to know", "", *(f"- {note}" for note in notes)]
    lines += ["", "## Scores", ""]
    lines += _scores(meta.metrics, card)
    if card.get("repeat"):
        lines += ["", "## How to make it again", "", "```", str(card["repeat"]), "```"]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell.replace("|", "/") for cell in row) for row in rows]
    return [f"| {line} |" for line in lines]


def _facts(meta: CheckpointMeta) -> list[tuple[str, ...]]:
    options = ", ".join(f"{k} {v}" for k, v in meta.network.options.items())
    steps = [
        f"{s.name} ({', '.join(f'{k} {v:g}' for k, v in s.params.items())})"
        for s in meta.pipeline.steps
        if s.enabled
    ]
    pixel = f"{meta.inplane_mm:g} mm" if meta.inplane_mm else "as in the scan"
    if meta.resize is not None:
        n = meta.resize.pixels
        pixel = f"resized to {n} x {n} ({meta.resize.interpolation})"
    facts: list[tuple[str, ...]] = [
        ("Classes", ", ".join(f"{c.value} {c.name}" for c in meta.scheme.classes)),
        ("Network", meta.network.name + (f" ({options})" if options else "")),
        ("Preprocessing", ", ".join(steps) or "none"),
        ("Pixels in the slice", pixel),
        ("Epoch kept", str(meta.epoch)),
    ]
    for key, title in (("parent", "Started from"), ("software", "Made by")):
        if meta.card.get(key):
            facts.append((title, str(meta.card[key])))
    recipe = meta.card.get("recipe")
    if recipe:
        facts += _recipe_facts(TrainSpec.from_dict(recipe))
    return facts


def _recipe_facts(spec: TrainSpec) -> list[tuple[str, ...]]:
    phases = []
    for p in spec.phases:
        n, unit = (p.steps, "iteration") if p.steps else (p.epochs, "epoch")
        length = _several(n, unit)
        learns = p.trainable if isinstance(p.trainable, str) else " ".join(p.trainable)
        phases.append(f"{p.name}: {length} at {p.lr:g} ({learns} learns)")
    rate = {
        "epoch": f"times {spec.decay:g} after each epoch",
        "step": f"times {spec.decay:g} ^ (step / {spec.decay_steps:g})",
        "cosine": "half a cosine",
        "plateau": f"times {spec.decay:g} where the validation loss stays",
    }
    batch = f"{spec.batch}"
    if spec.accumulate > 1:
        batch += f" ({spec.accumulate} batches a step)"
    facts: list[tuple[str, ...]] = [
        ("Phases", "; ".join(phases)),
        ("Learning rate", rate[spec.schedule]),
        ("Loss", loss_in_words(spec)),
        ("Optimiser, batch, seed", f"{spec.optimiser}, {batch}, {spec.seed}"),
        ("Augmentation", str(spec.augment)),
    ]
    if spec.ema:
        facts.append(("Weights kept", f"moving average, {spec.ema:g}"))
    return facts


def loss_in_words(spec: TrainSpec) -> str:
    """Return the loss of a recipe: its terms, their options, weights of classes."""
    if isinstance(spec.loss, str):
        words = spec.loss
    else:
        terms = []
        for term in spec.loss:
            options = ", ".join(f"{k} {v:g}" for k, v in term.options.items())
            factor = f"{term.weight:g} " if term.weight != 1 else ""
            terms.append(factor + term.name + (f" ({options})" if options else ""))
        words = " + ".join(terms)
    if spec.class_weights:
        words += f", classes weighted {', '.join(f'{w:g}' for w in spec.class_weights)}"
    return words


def _data(card: dict[str, Any]) -> list[str]:
    lines = []
    if card.get("data"):
        rows = [(d["use"], d["what"], str(d["n_slices"])) for d in card["data"]]
        lines += [*_table(("used for", "scan", "slices"), rows), ""]
    learnt, judged = card.get("n_training_slices"), card.get("n_validation_slices")
    if learnt is None:
        return [*lines, "Not recorded."]
    judge = "judges" if judged == 1 else "judge"
    chose = card.get("n_choosing_slices")
    if chose is None:
        rest = f"{_several(judged, 'other')} chose the epoch to keep."
    elif chose:
        rest = f"{_several(chose, 'other')} chose the epoch to keep. "
        rest += f"{judged} more only {judge} it."
    else:
        rest = f"the last epoch was kept. {_several(judged, 'other')} only {judge} it."
    return [*lines, f"It learned from {_several(learnt, 'slice')}; {rest}"]


def _several(n: int | None, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _scores(metrics: dict[str, Any], card: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    validation = "Slices that chose the epoch (not learned from)"
    if "n_choosing_slices" in card:
        validation = "Slices that had no part in the training"
    titles = {
        "validation": validation,
        "test": "Slices of a patient that training never saw",
    }
    for key, title in titles.items():
        scores = metrics.get(key)
        if not scores:
            continue
        rows = [(name, _figure(value)) for name, value in scores["dice"].items()]
        rows.append(("mean", _figure(scores["mean_dice"])))
        classifies = BALANCED in scores
        if classifies:
            rows.append(("balanced accuracy", _figure(scores[BALANCED])))
        lines += [f"{title}: {scores['n_slices']}.", ""]
        lines += [*_table(("class", "F1" if classifies else "Dice"), rows), ""]
    return lines or ["None were measured."]


def _figure(value: float | None) -> str:
    return "class not there" if value is None else f"{value:.3f}"
