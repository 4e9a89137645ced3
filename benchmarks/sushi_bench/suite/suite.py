"""Suites: versioned lists of scenarios, frozen by digest."""

import hashlib
from dataclasses import dataclass

from sushi_env import InputError, Scenario, get_scenario

EPISODES = 50
FIRST_SEED = 1_000_000_000
"""Suites are evaluated on `EPISODES` episodes from this seed on: seeds that `sushi evaluate` does
not come near by default, and that training cannot use."""


@dataclass(frozen=True)
class Suite:
    """A list of scenarios on which policies are ranked.

    Attributes:
        version: Its name.
        digests: Digest of each scenario, by name. A scenario that changes makes a new version.
    """

    version: str
    digests: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the names and digests of its scenarios, and of the seeds."""
        lines = [f"{name} {digest}" for name, digest in sorted(self.digests.items())]
        lines.append(f"{EPISODES} episodes from seed {FIRST_SEED}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios, in order.

        Raises:
            InputError: If one is not what it was when the suite was frozen.
        """
        found = {}
        for name, digest in self.digests.items():
            scenario = get_scenario(name)
            if scenario.digest != digest:
                raise InputError(
                    f"suite {self.version}: scenario {name} has the digest {scenario.digest}, "
                    f"must be {digest}: a changed scenario needs a new version of the suite"
                )
            found[name] = scenario
        return found


SUITES = {
    "v1": Suite(
        "v1",
        {
            "v1-resnet50-steady": (
                "0de8fa8be0107314e40c275d3a3123e7d15db9d8f1fa929daa973c81b1fbe5a2"
            ),
            "v1-resnet50-busy": (
                "69b4943f462948c41270ef37c9e091c72ef4de06efb9379613e2b645c9efb7d0"
            ),
            "v1-resnet50-gamma": (
                "5ff089b3a47ec06960ee4a5b2f49a5209112cc57da98e114d1a24da78c5b004d"
            ),
            "v1-resnet50-bursty": (
                "d24245e37ea526501fd04cb9121b7943182f2ff1556bb5f5b3f25881adbe431c"
            ),
            "v1-resnet50-diurnal": (
                "42453535b1a810bcb956d77ea3f01dcf1b14a871f077b6bee433163fac4399e3"
            ),
            "v1-resnet50-flash": (
                "50d355ee694a731c56b1bfaa60aa8b5c4f4002cefb7608c6ba36bdd35934558f"
            ),
            "v1-resnet50-overload": (
                "abf5ac8f4ea9ec0069338f61d3e42310965002bb88f42932af7fbce9ae160e8d"
            ),
            "v1-resnet50-trace": (
                "49cf194978082dc3e221b917a769aa9b2f6ea7a3b492aa5eaf16e4897f43c196"
            ),
            "v1-resnet50-shift": (
                "471343bf15ea3cf6b80cda8a96d8982c6c6dd807a1f9e3d5a189128627ce78cd"
            ),
            "v1-resnet50-starved": (
                "434fde4459c3722e1163b5a28569584d792011b449e7ec516bc9a6f474c07c08"
            ),
            "v1-mobilenetv3-steady": (
                "641f165a445fea074c9559cd97cfa92190d6e1b60ffb4d7870fa5300c39bf338"
            ),
            "v1-mobilenetv3-busy": (
                "dd7a15a7aa5aa163d40904c64bf32db972fde6aac162e5ff9538184a5666190b"
            ),
            "v1-mobilenetv3-bursty": (
                "b73ef6c45abfd8f1241730a221e6db28157c83e1b6dfac494ae8bfc10e4d8dff"
            ),
            "v1-mobilenetv3-jitter": (
                "208fcc8470849e6a24f0b27cd00225a8ccea236ad97fab4f72f2f44cd0312aaf"
            ),
            "v1-mobilenetv3-diurnal": (
                "277cb81df15a637a4c2f10bf5a2599c11ec1394de16a8dcbf289f5e2673579bb"
            ),
            "v1-mobilenetv3-rush": (
                "528cba6609e905a124ff41fd7c15668234eef256cbfd403213b7f75f656555a8"
            ),
            "v1-mobilenetv3-shift": (
                "ea2e936ed2adcf18774c5ea806dee46243155d3a7bb401db1885aa6ce985e9cc"
            ),
            "v1-mobilenetv3-trace": (
                "b24bc80f23acb6258754920526c1657f8fb3f8164b463c0e1c80377d24bc649f"
            ),
        },
    )
}


def get_suite(version: str) -> Suite:
    """The suite of a version.

    Raises:
        InputError: If there is none.
    """
    if version not in SUITES:
        raise InputError(f"unknown suite {version!r}; known: {', '.join(SUITES)}")
    return SUITES[version]
