"""What the paper publishes. Only figures of others stand in this file; none of ours.

Two texts are quoted: the paper (Behnam et al., "SubGraph Stationary Hardware-Software Inference
Co-Design", MLSys 2023, arXiv 2306.17266) and its journal version (Behnam et al.,
"Hardware-Software Co-Design for Real-Time Latency-Accuracy Navigation in TinyML Applications",
IEEE Micro 2023, doi 10.1109/MM.2023.3317243), whose abstract raises the latency figure.
"""

PAPER = "MLSys 2023, arXiv 2306.17266"
JOURNAL = "IEEE Micro 2023, doi 10.1109/MM.2023.3317243"
MEASURED = "FEATHER, ISCA 2024, End2end_Deployment/feather.ipynb at f854286"

WEIGHTS_MIB: dict[str, dict[str, float]] = {
    "resnet50": {"A": 7.58, "B": 12.21, "C": 17.78, "D": 25.62, "E": 23.66, "F": 27.47},
    "mobilenetv3": {"A": 2.97, "G": 4.74},
}
"""int8 weights of SubNets, MiB. Of MobileNetV3's only the smallest and largest are published."""

SHARED_MIB = {"resnet50": 7.55, "mobilenetv3": 2.90}
"""Weights that all served SubNets of a SuperNet share, MiB."""

LATENCY_REDUCTION_PERCENT = 25.0
"""Up to so much lower latency."""

JOURNAL_LATENCY_REDUCTION_PERCENT = 32.0
"""The same in the journal version."""

ACCURACY_GAIN_POINTS = 0.98
"""Up to so much higher served top-1, percentage points."""

ENERGY_SAVING_PERCENT = 78.7
"""Up to so much off-chip energy saved."""
