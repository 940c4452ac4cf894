# SPDX-License-Identifier: BSD-3-Clause
"""Full-reference metrics: from a definition in `metrics/` to a number per picture.

definition = read_metric(definitions, "lpips_alex")
ready, why = availability(definition, torch_home)    # no torch needed
key = fingerprint(definition, torch_home)            # no torch needed
score = load(definition, torch_home).score(reference, reconstruction)
"""

from picobench.metrics.definition import MetricDefinition, WeightFile, metric_from_mapping, read_metric
from picobench.metrics.metric import Metric, availability, fingerprint, load
from picobench.metrics.weights import default_torch_home

__all__ = [
    "Metric",
    "MetricDefinition",
    "WeightFile",
    "availability",
    "default_torch_home",
    "fingerprint",
    "load",
    "metric_from_mapping",
    "read_metric",
]
