"""Public suites of tasks, played by scripted models through our gate, loop and tool layer."""
