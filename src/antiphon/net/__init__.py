"""Sockets: the listener, the pooled client, TLS. The only room that knows HTTP/1.1's bytes."""
