"""The durable way from a finished call to a store."""
