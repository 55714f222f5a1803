"""Questions about recorded runs; knows no database."""
