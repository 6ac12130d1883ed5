"""The doors in Jupyter."""
