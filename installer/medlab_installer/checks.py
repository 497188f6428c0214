"""Everything that must hold before a change lands, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from medlab_installer import machine, pip, screen
from medlab_installer.arguments import ROOT

if TYPE_CHECKING:
    from medlab_installer.environment import Environment

NO_TESTS_COLLECTED = 5
MOST_WORKERS = 4


def _commands(
    env: Environment, pytest_args: tuple[str, ...]
) -> list[tuple[str, list[str]]]:
    python = str(env.python)
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    pytest = [python, "-m", "pytest", "-q"]
    return [
        ("format", [python, "-m", "ruff", "format", "--check"]),
        ("lint", [python, "-m", "ruff", "check"]),
        ("types", [python, "-m", "mypy"]),
        ("import contracts", [env.script("lint-imports"), "--no-cache"]),
        # Several windows on one screen take the focus from each other, so these
        # tests run one after the other, and the rest beside each other.
        ("tests", [*pytest, "-m", "not gui", "-n", str(workers), *pytest_args]),
        ("window tests", [*pytest, "-m", "gui", *pytest_args]),
    ]


def _run_all(
    env: Environment, pytest_args: tuple[str, ...], variables: dict[str, str]
) -> int:
    failed: list[str] = []
    empty = 0
    commands = _commands(env, pytest_args)
    for name, command in commands:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        code = subprocess.run(
            command, check=False, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL
        ).returncode
        if name.endswith("tests") and code == NO_TESTS_COLLECTED:
            empty += 1
            code = 0
        if code != 0:
            failed.append(name)
        if not name.endswith("tests"):
            took = time.monotonic() - started
            print(f"   {'FAILED' if code else 'ok'} ({took:.0f} s)", flush=True)
    if empty == sum(name.endswith("tests") for name, _ in commands):
        failed.append("tests (none was found)")
    if failed:
        print(f"== FAILED: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def run(env: Environment, pytest_args: tuple[str, ...]) -> int:
    """Check format, lint, types and import contracts, and run every test.

    Parameters
    ----------
    env : Environment
        Installed with the extra ``test``.
    pytest_args : tuple of str
        More arguments for pytest.

    Returns
    -------
    int
        0 if all is well.
    """
    # One thread a process: the tests already keep the cores busy.
    variables = {**pip.clean_environment(), "OMP_NUM_THREADS": "1"}
    variables["PATH"] = os.pathsep.join([str(env.scripts), variables.get("PATH", "")])
    variables["VIRTUAL_ENV"] = str(env.folder)
    if machine.needs_own_screen():
        with screen.own_screen(variables) as shown:
            print(f"== no display here: Xvfb on {shown['DISPLAY']}", file=sys.stderr)
            return _run_all(env, pytest_args, shown)
    return _run_all(env, pytest_args, variables)
