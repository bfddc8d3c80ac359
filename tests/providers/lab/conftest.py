"""Every test here runs on asyncio's loop and on uvloop: they differ in what reaches the wire, and when."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop
from sdk_sockets import sockets_are_let_go, sockets_may_be_left

__all__ = ["sockets_are_let_go", "sockets_may_be_left"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
