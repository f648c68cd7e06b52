"""One run of arq: prints one line of JSON.

The environment holds PEER_JOBS waiting jobs to drain, PEER_SINGLES jobs enqueued
one at a time, PEER_LATENCIES jobs sent one each 5 ms, and PEER_REDIS_URL.
"""

import asyncio
import importlib.metadata
import json
import logging
import os
import time

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

MAX_JOBS = 100
POLL_SECONDS = 0.01
WARM_UP = 50

first: list[float] = []
stamps: dict[int, float] = {}


async def noop(_ctx: dict) -> None:
    if not first:
        first.append(time.monotonic())


async def stamp(_ctx: dict, index: int) -> None:
    stamps[index] = time.monotonic()


async def rate(pool, count: int) -> float:
    begun = time.monotonic()
    for _ in range(count):
        await pool.enqueue_job("noop")
    return count / (time.monotonic() - begun)


async def latencies(pool, count: int) -> list[float]:
    sent = {}
    for index in range(WARM_UP + count):
        await pool.enqueue_job("stamp", index)
        sent[index] = time.monotonic()
        await asyncio.sleep(0.005)
    while len(stamps) < WARM_UP + count:
        await asyncio.sleep(0.01)
    waited = ((stamps[index] - sent[index]) * 1_000 for index in range(WARM_UP, WARM_UP + count))
    return sorted(max(0.0, millis) for millis in waited)


async def main() -> None:
    logging.disable(logging.CRITICAL)
    jobs, singles, count = (int(os.environ[f"PEER_{name}"]) for name in ("JOBS", "SINGLES", "LATENCIES"))
    settings = RedisSettings.from_dsn(os.environ["PEER_REDIS_URL"])
    pool = await create_pool(settings)

    one_at_a_time = await rate(pool, singles)
    await pool.flushdb()
    # It has no bulk enqueue: its own way is many at the same time.
    begun = time.monotonic()
    for start in range(0, jobs, 1_000):
        await asyncio.gather(*(pool.enqueue_job("noop") for _ in range(start, min(start + 1_000, jobs))))
    bulk = jobs / (time.monotonic() - begun)

    worker = Worker(
        functions=[noop, stamp],
        redis_settings=settings,
        max_jobs=MAX_JOBS,
        poll_delay=POLL_SECONDS,
        keep_result=0,
        handle_signals=False,
    )
    running = asyncio.create_task(worker.async_run())
    while worker.jobs_complete < jobs:
        await asyncio.sleep(0.002)
    drain = jobs / (time.monotonic() - first[0])
    waited = await latencies(pool, count)
    running.cancel()
    report = {
        "peer": "arq",
        "version": importlib.metadata.version("arq"),
        "configuration": f"{MAX_JOBS} jobs at a time, poll {POLL_SECONDS * 1_000:.0f} ms, no results kept; {jobs} jobs",
        "one_at_a_time": one_at_a_time,
        "bulk": bulk,
        "drain": drain,
        "p50_ms": waited[len(waited) // 2],
        "p99_ms": waited[len(waited) * 99 // 100],
    }
    print(json.dumps(report), flush=True)
    os._exit(0)


asyncio.run(main())
