"""``medlab evaluate --compare`` on the truth that a project keeps."""

from __future__ import annotations

import pytest

from medlab_gui.commands.evaluate import EvaluateParams, run
from medlab_gui.core.errors import InputError
from tests.commands.conftest import places
from tests.projects import tiny_weights


def test_weights_are_compared_on_the_locked_slices(small_project, tmp_path):
    other = tiny_weights(tmp_path / "other.safetensors")
    with small_project.ctx.store() as store:
        current = store.current_checkpoint().id
    params = EvaluateParams(
        compare=places(f"now={current}", other), output=str(tmp_path / "out")
    )
    told = run(params, small_project.ctx)
    assert set(told["networks"]) == {"now", "other"}
    assert told["n_cases"] == 1  # the locked slices 14 to 16 are neighbours
    assert "slices 14-16" in told["worst"][0]["case"]
    # The same weights under two names: the same figures, and no difference.
    now, same = (told["networks"][n]["overall"]["dsc"] for n in ("now", "other"))
    assert now == same
    masks = EvaluateParams(
        compare=places(small_project.mask, other), output=str(tmp_path / "out")
    )
    with pytest.raises(InputError, match="is masks: name the true ones"):
        run(masks, small_project.ctx)


def fold_run(ctx, run_id, folds, weights):
    """Keep a cross-validated run whose folds left these slices out."""
    import shutil

    from medlab_gui.commands.sources import ProjectSource, labelled_keys
    from medlab_gui.commands.splits import Split, write_split
    from medlab_gui.core.records import Run, RunState

    with ctx.store() as store:
        known = labelled_keys(store)
        values = {"spec": {}, "state": RunState.DONE, "seed": 0, "code_version": "0"}
        kind = "cross-validation"
        store.add_run(Run(id=run_id, kind=kind, started="2026-01-01", **values))
        for n, left_out in enumerate(folds, start=1):
            folder = store.run_folder(run_id) / f"fold-{n}"
            folder.mkdir()
            truth = {k: a for k, a in known.items() if k.slice_index in left_out}
            rest = {k: a for k, a in known.items() if k not in truth}
            sides = (ProjectSource(store, rest), ProjectSource(store, truth))
            write_split(folder, Split(*sides, same_patient=True))
            shutil.copy(weights, folder / "checkpoint.safetensors")


def test_cross_validated_runs_are_judged_on_what_was_left_out(small_project, tmp_path):
    ctx, folds = small_project.ctx, ((5, 6, 7), (9, 10))
    for run_id in ("aaa", "bbb"):
        fold_run(ctx, run_id, folds, small_project.weights)
    fold_run(ctx, "ccc", ((5, 6), (9, 10)), small_project.weights)
    output = str(tmp_path / "out")
    told = run(EvaluateParams(compare=places("A=aaa", "B=bbb"), output=output), ctx)
    assert told["n_cases"] == 2
    assert {c["case"].partition(", ")[2] for c in told["worst"]} == {
        "slices 6-8",
        "slices 10-11",
    }
    table = (tmp_path / "out" / "folds.csv").read_text(encoding="utf-8")
    assert table.startswith('Network,fold-1,fold-2,"folds, mean ± SD"')
    with pytest.raises(InputError, match="'A' and 'C' were folded differently"):
        run(EvaluateParams(compare=places("A=aaa", "C=ccc"), output=output), ctx)
    mixed = places("A=aaa", f"now={small_project.weights}")
    with pytest.raises(InputError, match="is a cross-validation, 'now' is not"):
        run(EvaluateParams(compare=mixed, output=output), ctx)
    truth = str(small_project.mask)
    with pytest.raises(InputError, match="leave --truth away"):
        run(EvaluateParams(compare=places("A=aaa"), truth=truth, output=output), ctx)
