"""A fleet of lab servers with weather, the load on gateways before it, and what came of it."""
