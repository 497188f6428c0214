"""When an environment counts as whole, and how a torn one is mended."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from medlab_installer import arguments, contents, environment, main
from medlab_installer.environment import Environment, _try_lock, fingerprint
from medlab_installer.progress import Progress
from medlab_installer.trouble import Trouble


def add_package(site: Path, name: str, version: str = "1.0") -> Path:
    """A package of one file, as pip leaves it."""
    module = site / f"{name}.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_bytes(b"x = 1\n")
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    (folder / "RECORD").write_text(
        f"{name}.py,sha256=x,6\n{folder.name}/METADATA,,\n{name}.pyc,sha256=y,9\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    """An environment that looks whole, with one package."""
    env = Environment(tmp_path / "env")
    env.prepare_folder()
    add_package(env.site, "Some_Package")
    env.scripts.mkdir(parents=True)
    for name in ("python", "medlab"):
        (env.scripts / f"{name}{env.suffix}").touch()
    env.config.touch()
    env.write_stamp(("test",), "cpu", "torch 1")
    return env


def ready(env: Environment, *argv: str) -> bool:
    wanted = arguments.parse([*(argv or ("run",)), "--env", str(env.folder)])
    return env.is_ready(wanted)


def test_whole_packages_are_whole(tmp_path: Path):
    add_package(tmp_path, "one")
    assert contents.damaged(tmp_path) == []
    assert contents.installed(tmp_path) == {"one": "1.0"}


def test_torn_packages_are_found(tmp_path: Path):
    missing = add_package(tmp_path, "missing")
    (tmp_path / "missing.py").unlink()
    short = add_package(tmp_path, "short")
    (tmp_path / "short.py").write_text("x", encoding="utf-8")
    unlisted = add_package(tmp_path, "unlisted")
    (unlisted / "RECORD").unlink()
    add_package(tmp_path, "whole")
    assert contents.damaged(tmp_path) == [missing, short, unlisted]


def test_nothing_to_do_the_second_time(env: Environment):
    assert ready(env)
    assert ready(env, "test")
    assert ready(env, "run", "--torch", "cpu")


def test_another_build_of_torch_is_work(env: Environment):
    assert not ready(env, "run", "--torch", "cuda")


def test_tests_need_their_extra(env: Environment):
    env.write_stamp((), "cpu", "torch 1")
    assert ready(env)
    assert not ready(env, "test")


@pytest.mark.parametrize(
    "harm",
    [
        lambda env: env.stamp_file.unlink(),
        lambda env: env.stamp_file.write_text("{", encoding="utf-8"),
        lambda env: env.stamp_file.write_text("{}", encoding="utf-8"),
        lambda env: (env.site / "Some_Package.py").unlink(),
        lambda env: shutil.rmtree(env.site / "Some_Package-1.0.dist-info"),
        lambda env: env.python.unlink(),
        lambda env: env.config.unlink(),
        lambda env: Path(env.script("medlab")).unlink(),
    ],
    ids=[
        *("stamp", "half stamp", "other stamp", "file", "package", "python"),
        *("configuration", "program"),
    ],
)
def test_harm_is_noticed(env: Environment, harm):
    harm(env)
    assert not ready(env)


def test_new_pins_are_work(env: Environment, tmp_path: Path, monkeypatch):
    before = fingerprint(env.folder)
    other = tmp_path / "constraints.txt"
    other.write_text("numpy==1.0\n", encoding="utf-8")
    monkeypatch.setattr(environment, "CONSTRAINTS", other)
    assert fingerprint(env.folder) != before
    assert not ready(env)


def test_a_moved_environment_is_made_again(env: Environment, tmp_path: Path):
    moved = Environment(env.folder.rename(tmp_path / "elsewhere"))
    assert not ready(moved)


def test_what_was_moved_is_not_mended(env: Environment, tmp_path: Path, monkeypatch):
    """Its programs name the old place, so that they cannot be started."""
    pip_works = SimpleNamespace(returncode=0)
    monkeypatch.setattr(environment.subprocess, "run", lambda *a, **k: pip_works)
    made_by = f"command = /usr/bin/python3 -m venv --symlinks {env.folder}\n"
    env.config.write_text(made_by, encoding="utf-8")
    assert env._can_be_mended()
    moved = Environment(env.folder.rename(tmp_path / "elsewhere"))
    assert not moved._can_be_mended()


@pytest.fixture
def counted(monkeypatch) -> list[str]:
    """Which steps an installation takes; nothing is really installed."""
    taken: list[str] = []

    def step(name: str) -> None:
        monkeypatch.setattr(Environment, name, lambda *_a: taken.append(name))

    for name in ("make_base", "install_torch", "install_rest"):
        step(name)
    monkeypatch.setattr(main.machine, "lacking", lambda *, screen: [])
    monkeypatch.setattr(main.machine, "provide", lambda *_a, **_k: None)
    return taken


FOUND = {"torch": "2", "cuda": None, "device": False}


def test_only_the_trial_is_done_again_where_that_was_cut_off(
    env: Environment, counted, monkeypatch
):
    env.stamp_file.unlink()
    wanted = arguments.parse(["test", "--env", str(env.folder)])

    def killed(_env: Environment) -> None:
        counted.append("verify")
        raise KeyboardInterrupt

    monkeypatch.setattr(Environment, "verify", killed)
    with pytest.raises(KeyboardInterrupt):
        main.install(env, wanted)
    assert counted == ["make_base", "install_torch", "install_rest", "verify"]
    assert not env.is_ready(wanted)
    counted.clear()
    monkeypatch.setattr(
        Environment, "verify", lambda _env: counted.append("verify") or FOUND
    )
    main.install(env, wanted)
    assert counted == ["verify"]
    assert env.is_ready(wanted)
    assert env.stamp().extras == ["test"]


def test_what_fails_its_trial_is_made_anew(env: Environment, counted, monkeypatch):
    env.write_stamp(("test",), "cpu", "", tried=False)

    def verify(_env: Environment) -> dict[str, object]:
        counted.append("verify")
        if counted.count("verify") == 1:
            msg = "The installed packages cannot be used: torn"
            raise Trouble(msg)
        return FOUND

    monkeypatch.setattr(Environment, "verify", verify)
    monkeypatch.setattr(Environment, "empty", lambda _env: counted.append("empty"))
    main.install(env, arguments.parse(["run", "--env", str(env.folder)]))
    steps = ["make_base", "install_torch", "install_rest"]
    assert counted == ["verify", "empty", *steps, "verify"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks are not inherited there")
def test_pip_keeps_the_lock_where_the_installer_is_killed(env: Environment):
    """Two of them in one environment would tear it."""
    code = (
        f"import sys; sys.path.insert(0, {str(arguments.ROOT / 'installer')!r})\n"
        "from pathlib import Path\n"
        "from medlab_installer import pip\n"
        "from medlab_installer.environment import Environment\n"
        "from medlab_installer.progress import Progress\n"
        f"env = Environment(Path({str(env.folder)!r}))\n"
        "child = 'print(1, flush=True); import sys; open(sys.argv[1]).read()'\n"
        "with env.lock(Progress(1)):\n"
        "    command = [sys.executable, '-c', child, sys.argv[1]]\n"
        "    pip.run(command, env.log, Progress(1))\n"
    )
    door = env.folder / "door"
    os.mkfifo(door)
    installer = subprocess.Popen([sys.executable, "-c", code, str(door)])
    # Opening waits until the child is at the other end.
    with door.open("w", encoding="utf-8"):
        installer.kill()
        installer.wait()
        with env.lock_file.open("r+b") as mine:
            assert not _try_lock(mine)
    pause = threading.Event()
    with env.lock_file.open("r+b") as mine:
        while not _try_lock(mine):
            pause.wait(0.02)


def test_somebody_elses_folder_is_left_alone(tmp_path: Path):
    (tmp_path / "letter.txt").write_text("private", encoding="utf-8")
    with pytest.raises(Trouble, match="holds other files"):
        Environment(tmp_path).prepare_folder()
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_the_way(tmp_path: Path):
    place = tmp_path / "env"
    place.write_text("x", encoding="utf-8")
    with pytest.raises(Trouble, match="cannot be made"):
        Environment(place).prepare_folder()


@pytest.mark.skipif(os.name == "nt", reason="Windows forbids most, and starts the rest")
@pytest.mark.parametrize("sign", [":", '"', "$", "`", "\\", "\n"])
def test_a_place_that_no_program_starts_from_is_refused(tmp_path: Path, sign: str):
    """An environment was made there, and its program could not be started."""
    place = tmp_path / f"my{sign}env"
    with pytest.raises(Trouble, match="Choose another folder with --env"):
        Environment(place).prepare_folder()
    assert not place.exists()
    Environment(tmp_path / "it's my 目录 (1) & more").prepare_folder()


def test_one_installation_at_a_time(env: Environment):
    with env.lock(Progress(1)), env.lock_file.open("r+b") as second:
        assert not _try_lock(second)
    with env.lock_file.open("r+b") as third:
        assert _try_lock(third)


def test_emptying_keeps_the_lock_and_the_log(env: Environment):
    env.log.write_text("pip said", encoding="utf-8")
    env.empty()
    assert {p.name for p in env.folder.iterdir()} == set(environment.KEPT)


@pytest.mark.slow
def test_a_torn_environment_is_mended_and_a_dead_one_made_again(tmp_path: Path, capsys):
    env = Environment(tmp_path / "env")
    env.prepare_folder()
    env.make_base(Progress(1))
    assert "pip" in contents.installed(env.site)

    torn = add_package(env.site, "torn")
    (torn / "RECORD").unlink()
    whole = add_package(env.site, "whole")
    (env.site / "~orn").mkdir()
    env.make_base(Progress(1))
    assert whole.exists()
    assert not torn.exists()
    assert not (env.site / "~orn").exists()
    assert "torn" in capsys.readouterr().err

    shutil.rmtree(env.site / "pip")
    env.make_base(Progress(1))
    assert not contents.damaged(env.site)
    assert not whole.exists(), "pip was gone, so the environment is a new one"
    assert "making a new one" in capsys.readouterr().err


def test_a_users_name_in_other_letters_is_no_harm(env: Environment, monkeypatch):
    """The environment's own file is UTF-8, whatever the system's encoding is."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}.1"
    env.config.write_bytes(f"home = C:/Users/Ángel\nversion = {version}\n".encode())
    monkeypatch.setattr(env, "_can_be_mended", lambda: True)
    asked = io.text_encoding
    monkeypatch.setattr(io, "text_encoding", lambda e, *a: asked(e or "ascii", *a))
    env.make_base(Progress(1))
    assert (env.site / "Some_Package.py").exists(), "it goes on with what is there"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("OSError: [WinError 126] ... Error loading c10.dll", "Visual C\\+\\+"),
        ("ImportError: DLL load failed while importing QtGui", "Visual C\\+\\+"),
        ("ImportError: libEGL.so.1: cannot open shared object file", "libEGL"),
        ("ImportError: no", "cannot be used: ImportError: no"),
    ],
)
def test_what_cannot_be_imported_is_told_with_a_way_out(
    env: Environment, monkeypatch, said, told
):
    ended = SimpleNamespace(returncode=1, stdout="", stderr=f"Traceback\n{said}\n")
    monkeypatch.setattr(environment.subprocess, "run", lambda *a, **k: ended)
    with pytest.raises(Trouble, match=told):
        env.verify()


def test_qt_never_changes_in_place(env: Environment, monkeypatch):
    pip_works = SimpleNamespace(returncode=0)
    monkeypatch.setattr(environment.subprocess, "run", lambda *a, **k: pip_works)
    assert env._can_be_mended()
    add_package(env.site, "shiboken6", environment.pinned()["shiboken6"])
    assert env._can_be_mended()
    add_package(env.site, "PySide6_Essentials", "6.12.0")
    assert not env._can_be_mended()
