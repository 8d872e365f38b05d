"""Finds the patches of many scenes, in parallel."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle

import apache_beam as beam
import fsspec
from apache_beam.metrics import Metrics

from tfds_eo.s1_ice_patches.planning import Request, ScenePlan, plan_scene


@dataclasses.dataclass(eq=False)
class PlanScenes(beam.PTransform):
    """Finds the patches of each scene and writes them to a file of its own.

    Accepts `Request`; returns the path of each file, which `read_plans` reads.

    Counters:
        ``PlanScenes/scenes`` and those of `ScenePlan.counts`: patches of each size,
        polygons and patches dropped by reason.

    Attributes:
        folder: Where the files are put; all workers and the caller reach it.
    """

    folder: str

    def expand(self, requests: beam.PCollection[Request]) -> beam.PCollection[str]:
        """Applies the transform."""
        return (
            requests
            # The requests come from one Create: break fusion, or one worker does all.
            | "SpreadScenes" >> beam.Reshuffle()
            | "PlanScene" >> beam.Map(self._plan).with_output_types(str)
        )

    def _plan(self, request: Request) -> str:
        plan = plan_scene(request)
        Metrics.counter(PlanScenes, "scenes").inc()
        for reason, count in plan.counts.items():
            Metrics.counter(PlanScenes, reason).inc(count)
        path = plan_path(self.folder, request)
        with fsspec.open(path, "wb", auto_mkdir=True) as file:
            pickle.dump(plan, file)
        return path


def plan_path(folder: str, request: Request) -> str:
    """Returns where the plan of a request is put."""
    name = hashlib.sha256(request.view.path.encode()).hexdigest()[:24]
    return f"{folder.rstrip('/')}/{name}.plan"


def read_plans(folder: str, requests: list[Request]) -> list[ScenePlan]:
    """Reads what `PlanScenes` wrote in this run, in the order of the requests."""
    plans = []
    for request in requests:
        with fsspec.open(plan_path(folder, request), "rb") as file:
            plans.append(pickle.load(file))
    return plans
