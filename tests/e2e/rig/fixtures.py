"""What fixtures hand to tests, for their signatures."""

from collections.abc import Callable

from rig.gateway import Gateway

Start = Callable[..., Gateway]
"""(configuration, *arguments of `serve`, key, home, **environment) to a gateway that serves."""
Measure = Callable[[str, float], None]
"""Notes a number under a name that says its unit; told at the end of the run."""
