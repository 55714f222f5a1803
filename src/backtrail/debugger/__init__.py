"""The interactive session over recorded runs: `bt shell`."""
