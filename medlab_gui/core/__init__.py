"""Types, jobs, errors, settings and registries that every other package stands on."""
