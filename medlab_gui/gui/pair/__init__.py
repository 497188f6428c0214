"""A second series beside the open one, or over it in colour."""
