"""One file per version; its revision is the version with four digits."""
