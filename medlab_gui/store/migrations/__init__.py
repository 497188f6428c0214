"""Steps from each version of a project's tables to the next (alembic)."""
