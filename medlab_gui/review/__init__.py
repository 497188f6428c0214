"""What the reviewer is doing now: the open series, its mask, undo. No widgets."""
