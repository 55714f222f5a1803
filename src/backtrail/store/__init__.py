"""Keep facts and answer as-of probes: one interface, several databases."""
