"""The ray runner: a worker on each actor, one item in flight, and nothing lost when a node goes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from .._optional import needed
from ..config import Config
from .manifest import REMEDY, Item
from .plan import Batch
from .worker import Limits, Outcome, Worker

REST_S = 0.5
GRACE_S = 60.0
MOST_LOSSES = 5
LOOPBACK = "127.0.0.1"


class Hand:
    """What an actor does: it keeps one worker process, whose item may end it without ending the actor."""

    def __init__(self, config: Config, limits: Limits) -> None:
        self.worker = Worker(config, limits)

    def run(self, item: Item, target: str) -> Outcome:
        """Build an item and publish its map."""
        return self.worker.run(item, Path(target))


def run_on_ray(batch: Batch, jobs: int, gpus_per_worker: float) -> None:
    """Try all waiting items on the cluster of RAY_ADDRESS, or on one of this machine that only it can reach.

    An item whose actor is lost with its node is tried again and that is no try of its own; after five losses it is.
    """
    ray = needed("ray", REMEDY)
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, jobs, gpus_per_worker)
    kind = ray.remote(num_cpus=1, num_gpus=gpus_per_worker, max_restarts=-1, max_task_retries=0)(Hand)
    hands = [kind.remote(batch.config, batch.limits) for _ in range(max(1, jobs))]
    try:
        _drive(ray, batch, hands)
    finally:
        for hand in hands:
            ray.kill(hand)
        if ours:
            ray.shutdown()


def _connect(ray: Any, jobs: int, gpus_per_worker: float) -> None:
    address = os.environ.get("RAY_ADDRESS")
    if address:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        return
    services = needed("ray._private.services", REMEDY)
    services.get_node_ip_address = lambda *a, **k: LOOPBACK  # else it listens on every address
    gpus = {"num_gpus": jobs * gpus_per_worker} if gpus_per_worker else {}
    ray.init(
        address="local",
        num_cpus=max(1, jobs),
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address=LOOPBACK,
        **gpus,
    )


def _drive(ray: Any, batch: Batch, hands: list[Any]) -> None:
    """Keep one item in flight on each actor until none is left."""
    idle, flying, lost = list(hands), dict[Any, tuple[Any, Item, float]](), dict[str, int]()
    limit = None if batch.limits.timeout_s is None else batch.limits.timeout_s + GRACE_S
    while not batch.stop.is_set():
        while idle and (item := batch.next()) is not None:
            hand = idle.pop()
            flying[hand.run.remote(item, str(batch.target(item)))] = (hand, item, time.monotonic())
        if not flying:
            return
        ready, _ = ray.wait(list(flying), num_returns=1, timeout=REST_S)
        for ref in ready:
            hand, item, _ = flying.pop(ref)
            idle.append(hand)
            try:
                batch.ended(item, ray.get(ref))
            except ray.exceptions.RayError as error:
                lost[item.name] = lost.get(item.name, 0) + 1
                if lost[item.name] >= MOST_LOSSES:
                    batch.ended(item, Outcome("E-LOST", "", f"{type(error).__name__}: its node went five times"))
                else:
                    batch.again(item)
                time.sleep(REST_S)
        for ref, (hand, item, since) in list(flying.items()):
            if limit is not None and time.monotonic() - since > limit:
                del flying[ref]
                ray.kill(hand, no_restart=False)
                idle.append(hand)
                batch.ended(item, Outcome("E-TIMEOUT", "", "its actor did not answer"))
