from sdk_sockets import sockets_are_let_go, sockets_may_be_left  # noqa: F401  # fixtures
