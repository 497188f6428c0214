"""What `resources/docs/results.md` rests on: cases, recipes, and the order of work."""
