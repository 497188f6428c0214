from __future__ import annotations

import pytest

from medlab_gui.commands.checkpoints import weights_file
from medlab_gui.core.errors import CheckpointError


def test_which_weights_are_meant(small_project, tmp_path):
    path, name = weights_file(None, "")
    assert name == "starter"
    assert path.is_file()
    assert weights_file(None, "starter") == (path, "starter")
    assert weights_file(None, str(small_project.weights))[0] == small_project.weights
    with small_project.ctx.store() as store:
        current = store.current_checkpoint()
        assert weights_file(store, "")[1] == current.id
        assert weights_file(store, current.id)[1] == current.id
        with pytest.raises(CheckpointError, match="medlab list"):
            weights_file(store, "none")
    with pytest.raises(CheckpointError, match="neither a file nor 'starter'"):
        weights_file(None, str(tmp_path))
