"""AgentDojo's suites, played by a scripted model through our gate and loop."""
