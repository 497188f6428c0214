"""What alembic runs: the migrations, on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from medlab_gui.store.tables import METADATA

# The store owns the transaction, so that a migration happens wholly or not at all.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
    render_as_batch=True,
)
context.run_migrations()
