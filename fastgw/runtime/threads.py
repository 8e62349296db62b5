"""Threads that end with their task."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


async def in_passing_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments) in a thread of its own, gone when it returns; raises what it raises.

    While a process has a single thread the kernel finds its descriptors without atomic operations, and every
    request's system calls are cheaper for it. So a worker keeps no idle thread.
    """
    with ThreadPoolExecutor(1) as executor:
        return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
