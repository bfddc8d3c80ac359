"""What the bench commands share: processes, clocks, load runs and reports."""
