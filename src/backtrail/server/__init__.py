"""The HTTP server: the questions and marks of a client as routes, and pages for a browser."""
