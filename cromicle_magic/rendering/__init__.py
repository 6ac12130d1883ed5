"""Text into something safe to look at."""
