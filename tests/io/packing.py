"""A study packed into an archive."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.synthetic import plain_grid

GRID = plain_grid((6, 20, 24))


def packed(study, path):
    kinds = {".zip": "zip", ".tar": "tar", ".gz": "gztar", ".tgz": "gztar"}
    kinds |= {".bz2": "bztar", ".xz": "xztar"}
    made = shutil.make_archive(str(path.parent / "made"), kinds[path.suffix], study)
    return Path(made).rename(path)
