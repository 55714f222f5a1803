"""Results -> text, JSON, graphs and HTML; knows only the values of `model`."""
