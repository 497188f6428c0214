"""Makes the environment that MedLab runs in; standard library only."""
