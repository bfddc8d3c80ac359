"""The gateway's path behind other HTTP servers than its own listener, to compare their cost."""
