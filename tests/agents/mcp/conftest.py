"""What tests of MCP share."""

from sdk_shop import shop
from sdk_sockets import sockets_are_let_go, sockets_may_be_left

__all__ = ["shop", "sockets_are_let_go", "sockets_may_be_left"]
