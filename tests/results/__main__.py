"""``python -m tests.results ACT FOLDER``: what `resources/docs/results.md` shows.

Needs ``MEDLAB_SHARED`` (the folder with `data`). ``prepare`` writes cases and recipes,
``train`` runs ``medlab train --recipe`` for each that has no weights yet, by seeds,
``evaluate`` runs ``medlab evaluate --compare``, and ``page`` puts what that printed
into the page, between marks. Everything goes through the program's own command line,
in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from medlab_gui.learning.tables import Table
from tests.results.brain import (
    NAME as BRAIN,
)
from tests.results.brain import (
    brain_costs,
    evaluate_brain,
    nearest_picture,
    prepare_brain,
    train_brain,
)
from tests.results.studies import PRETRAINED, STUDIES, Study, slug, write_recipes

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "resources" / "docs" / "results.md"


def medlab(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a verb as a person would; its words are kept in ``log.txt``."""
    settings = {"MEDLAB_WEIGHTS": str(folder / "weights"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "medlab_gui", *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **settings},
    )
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(
            f"$ medlab {' '.join(arguments)}\n{done.stdout}{done.stderr[-2000:]}\n"
        )
    return done


def prepare(folder: Path, names: list[str]) -> None:
    shared = Path(os.environ["MEDLAB_SHARED"])
    for study in (STUDIES[name] for name in names):
        place = folder / study.cases
        if not (place / "items.json").exists():
            items = study.make(shared, place)
            (place / "items.json").write_text(json.dumps(items, indent=1))
        items = json.loads((place / "items.json").read_text())
        write_recipes(study, items, place)


def train(folder: Path, names: list[str]) -> None:
    """Train seed by seed, so that what is there at any time can be compared."""
    chosen = [STUDIES[name] for name in names]
    for seed in sorted({s for study in chosen for s in study.seeds}):
        for study in chosen:
            if seed in study.seeds:
                for network in study.networks:
                    _train_one(folder, study, slug(network, seed))


def _train_one(folder: Path, study: Study, name: str) -> None:
    place = folder / study.cases
    output = place / f"{study.name}-{name}.safetensors"
    if output.exists():
        return
    recipe = output.with_suffix(".json")
    begun, cpu = time.monotonic(), sum(os.times()[2:4])
    done = medlab(
        folder,
        *("train", "--recipe", str(recipe), "--output", str(output)),
        *("--device", "cpu", "--json"),
    )
    if done.returncode:
        print(f"{output.name}: exit code {done.returncode}: {done.stderr[-400:]}")
        return
    wall = time.monotonic() - begun
    spent = {"wall_s": round(wall), "cpu_s": round(sum(os.times()[2:4]) - cpu)}
    output.with_suffix(".time.json").write_text(json.dumps(spent))
    metrics = json.loads(done.stdout)["metrics"]["validation"]["mean_dice"]
    print(
        f"{output.name}: {spent}, Dice of the judging patient {metrics:.4f}", flush=True
    )
    if study.name == "pretraining":
        medlab(folder, "weights", "add", str(output), "--name", name.rpartition("-")[0])


def evaluate(folder: Path, names: list[str]) -> None:
    for name in names:
        study = STUDIES[name]
        if study is PRETRAINED:
            continue
        place = folder / study.cases
        for seeds in dict.fromkeys((study.seeds[:1], study.seeds)):
            found = [
                (f"{n.title}, seed {s}" if len(seeds) > 1 else n.title, file)
                for n in study.networks
                for s in seeds
                if (file := place / f"{name}-{slug(n, s)}.safetensors").exists()
            ]
            if not found:
                continue
            report = folder / f"report-{name}-{len(seeds)}"
            done = medlab(
                folder,
                "evaluate",
                *("--compare", *(f"{title}={file}" for title, file in found)),
                *("--truth", str(place / "test/truth")),
                *("--images", str(place / "test/images")),
                *("--patients", str(place / "test/patients.csv")),
                *("--output", str(report), "--device", "cpu"),
                *(["--ablation"] if study.ablation else []),
            )
            print(f"{report.name}: {done.returncode} {done.stderr[-400:]}", flush=True)


def page(folder: Path) -> None:
    """Put what the verbs printed, the recipes and what they cost into the page."""
    text = PAGE.read_text(encoding="utf-8")
    for report in sorted(folder.glob("report-*")):
        tables = (report / "tables.txt").read_text(encoding="utf-8").rstrip()
        text = _put(text, report.name, tables)
    for study in STUDIES.values():
        text = _put(text, f"cost-{study.name}", _costs(folder, study))
        text = _put(text, f"recipe-{study.name}", _recipe(folder, study))
    text = _put(text, f"cost-{BRAIN}", brain_costs(folder))
    text = _put(text, f"nearest-{BRAIN}", nearest_picture(folder))
    PAGE.write_text(text, encoding="utf-8")


def _put(text: str, mark: str, content: str) -> str:
    begin, end = f"<!-- {mark} -->", f"<!-- {mark} ends -->"
    if begin not in text or not content:
        return text
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n```\n{content}\n```\n{end}{after}"


def _costs(folder: Path, study: Study) -> str:
    """Return a line for each training: minutes, epoch kept, Dice of the judge."""
    rows = []
    for network in study.networks:
        for seed in study.seeds:
            name = f"{study.name}-{slug(network, seed)}"
            times = folder / study.cases / f"{name}.time.json"
            if not times.exists():
                continue
            spent = json.loads(times.read_text())
            capsule = times.with_name(f"{name}.run") / "capsule.json"
            metrics = json.loads(capsule.read_text())["metrics"]
            rows.append(
                (
                    *(network.title, str(seed), f"{spent['cpu_s'] / 60:.1f}"),
                    *(f"{spent['wall_s'] / 60:.1f}", str(metrics["best_epoch"])),
                    f"{metrics['validation']['mean_dice']:.4f}",
                )
            )
    if not rows:
        return ""
    head = ("Network", "seed", "min of a core", "min on the clock", "epoch kept")
    title = "What the trainings cost, and the Dice of the patient that chose the epoch"
    return Table(title, (*head, "Dice"), tuple(rows)).to_text()


def _recipe(folder: Path, study: Study) -> str:
    """Return the first recipe in full, as the verb reads it; nothing if not made."""
    name = f"{study.name}-{slug(study.networks[0], study.seeds[0])}.json"
    file = folder / study.cases / name
    if not file.exists():
        return ""
    recipe = json.loads(file.read_text())
    lines = [f' "{k}": {json.dumps(v)}' for k, v in recipe.items() if k != "data"]
    data = ",\n".join(f"  {json.dumps(item)}" for item in recipe["data"])
    lines.append(f' "data": [\n{data}]')
    return "{" + ",\n".join(lines).removeprefix(" ") + "}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.results", description=__doc__
    )
    parser.add_argument("act", choices=("prepare", "train", "evaluate", "page"))
    parser.add_argument("folder", type=Path)
    known = [*STUDIES, BRAIN]
    parser.add_argument("studies", nargs="*", help=f"of {', '.join(known)}")
    args = parser.parse_args()
    unknown = sorted(set(args.studies) - set(known))
    if unknown:
        parser.error(f"there is no study {', '.join(unknown)}")
    folder = args.folder.absolute()
    names = [n for n in args.studies or known if n != BRAIN]
    with_brain = not args.studies or BRAIN in args.studies
    if args.act == "prepare":
        prepare(folder, names)
        if with_brain:
            prepare_brain(Path(os.environ["MEDLAB_SHARED"]), folder, medlab)
    elif args.act == "train":
        train(folder, names)
        if with_brain:
            train_brain(folder, medlab)
    elif args.act == "evaluate":
        evaluate(folder, names)
        if with_brain:
            evaluate_brain(folder, medlab)
    else:
        page(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
