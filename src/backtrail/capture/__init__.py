"""Record runs while user code executes."""
