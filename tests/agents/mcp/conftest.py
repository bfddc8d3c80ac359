"""What tests of MCP share."""

from kept_in import not_kept_in, usual
from sdk_shop import library, shop
from sdk_sockets import sockets_are_let_go, sockets_may_be_left

__all__ = ["library", "not_kept_in", "shop", "sockets_are_let_go", "sockets_may_be_left", "usual"]
