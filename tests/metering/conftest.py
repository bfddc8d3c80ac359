"""Servers that some of these tests ask."""

from servers_valkey import own_valkey, valkey_server

__all__ = ["own_valkey", "valkey_server"]
