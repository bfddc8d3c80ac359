"""Small implementations of the ports, for tests of one room at a time."""
