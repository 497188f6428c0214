import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python(code, **variables):
    """Run code in a fresh Python; what it printed."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_nothing_is_loaded_before_it_is_asked_for():
    code = (
        "import sys, medlab_gui.imaging; print({'numba', 'llvmlite'} & {*sys.modules})"
    )
    assert python(code).strip() == "set()"


WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numba", "llvmlite", "platformdirs", "SimpleITK"}:
            raise ImportError(name + " is absent on this machine")
sys.meta_path.insert(0, Absent())
import numpy as np
from skimage.restoration import denoise_tv_chambolle
from medlab_gui.imaging import equalize, total_variation, compiled, warm_up
picture = np.random.default_rng(0).random((40, 50)).astype(np.float32)
assert np.array_equal(total_variation(picture), denoise_tv_chambolle(picture))
warm_up()
assert not compiled.wait_until_compiled(60)
assert 0 <= equalize(picture).min() < equalize(picture).max() <= 1
print("done")
"""


def test_without_numba_the_result_is_the_same():
    assert python(WITHOUT).strip() == "done"


WARM = """
import sys, threading
from medlab_gui.imaging import compiled
compiled._compile_in_child, was = (lambda folder: [CALLS.append(1), was(folder)][1]), \
    compiled._compile_in_child
CALLS = []
for _ in range(3):
    compiled.warm_up()
assert "numba" not in sys.modules or CALLS == []
assert compiled.wait_until_compiled(200)
print(len(CALLS), sum(t.name == "compiled-filters" for t in threading.enumerate()))
"""


@pytest.mark.slow
def test_a_child_compiles_once_and_the_next_start_finds_the_code(tmp_path):
    cache = str(tmp_path / "deep" / "cache")
    assert python(WARM, NUMBA_CACHE_DIR=cache).split()[0] == "1"
    assert python(WARM, NUMBA_CACHE_DIR=cache).split()[0] == "0"


FULL_COLLECTIONS = """
import gc
from medlab_gui.imaging import compiled
before, full = gc.get_threshold(), []
gc.callbacks.append(lambda _phase, facts: full.append(facts["generation"] == 2))
assert compiled.wait_until_compiled(200)
print(sum(full), gc.get_threshold() == before, gc.isenabled())
"""


def test_nobody_waits_for_garbage_among_what_numba_brings():
    """Each look through all of it held every thread up for nearly a tenth of a second.

    With the code of this process's own tests, which is there by now or made once.
    """
    assert python(FULL_COLLECTIONS).split() == ["0", "True", "True"]


def test_a_child_that_fails_leaves_the_slow_way(tmp_path, monkeypatch):
    code = """
import numpy as np
from medlab_gui.imaging import compiled, equalize
compiled._compile_in_child = lambda folder: False
assert not compiled.wait_until_compiled(60)
assert compiled.kernel("denoise_rows") is None
print(equalize(np.eye(3)).max())
"""
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)).strip() == "1.0"
