"""The command line, generated from `commands.COMMANDS`."""
