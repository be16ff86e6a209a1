"""GNSS fixes as positions in `map`: east, north, up around the site's datum, or around the first fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pymap3d

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.site import Datum
from physical_ai_perception.fusion.samples import Unusable, finite

HIGHEST_M: Final = 20_000.0
MOST_SIGMA_M: Final = 1e3  # a fix that claims less says nothing, and is treated as if it claimed this
FARTHEST_M: Final = 50_000.0  # from the datum: beyond it the flat map is wrong, and so is probably the site


@dataclass(frozen=True)
class GnssTrust:
    """How one receiver is taken: `sigma_m` (horizontal; the vertical is twice that) where a fix has none."""

    source: str = "gps/fix"
    altitude: bool = True
    sigma_m: float = 1.5
    floor_m: float = 0.03
    gate_probability: float = 0.0
    message_covariance: bool = True


class LocalGrid:
    """Converts fixes; `datum` None: the first fix becomes it."""

    def __init__(self, datum: Datum | None) -> None:
        self._datum = None if datum is None else (datum.latitude_deg, datum.longitude_deg, datum.altitude_m)
        self._offset = np.zeros(3)

    def position(self, fix: m.GnssFix, here_m: Array, altitude: bool) -> Array:
        """Antenna position (3,) in `map`. Where the first fix sets the datum, it is `here_m`. Raises Unusable."""
        place = np.array([fix.latitude_deg, fix.longitude_deg, fix.altitude_m])
        if fix.status < 0:
            raise Unusable("no fix")
        if not altitude and not finite(place[2:]):
            place[2] = 0.0 if self._datum is None else self._datum[2]
        if not finite(place):
            raise Unusable("content is not finite")
        if abs(place[0]) > 90.0 or abs(place[1]) > 360.0 or abs(place[2]) > HIGHEST_M:
            raise Unusable("latitude, longitude or altitude out of range")
        if self._datum is None:
            latitude, longitude, altitude = place.tolist()
            self._datum, self._offset = (latitude, longitude, altitude), here_m.copy()
            return np.array(here_m)
        enu = np.array(pymap3d.geodetic2enu(*place.tolist(), *self._datum), dtype=float)
        if float(np.abs(enu).max()) > FARTHEST_M:
            raise Unusable("farther than 50 km from the datum of the site")
        return np.asarray(enu + self._offset)


def fix_noise(fix: m.GnssFix, trust: GnssTrust) -> Array:
    """Covariance (3, 3) in east, north, up: the message's where it is sound, never below the floor."""
    cov = np.array(fix.cov_enu_m2, dtype=float)
    sound = trust.message_covariance and finite(cov) and float(cov.diagonal().min()) > 0.0
    if not sound or float(np.abs(cov).max()) > MOST_SIGMA_M**2:
        cov = np.diag([1.0, 1.0, 4.0]) * (MOST_SIGMA_M if sound else trust.sigma_m) ** 2
    cov = 0.5 * (cov + cov.T)
    least = trust.floor_m**2
    off = abs(cov[0, 1]) + abs(cov[0, 2]) + abs(cov[1, 2])
    if off == 0.0:  # as most receivers say it: no need to look for its axes
        return np.diag(np.maximum(cov.diagonal(), least))
    values, vectors = np.linalg.eigh(cov)
    return np.asarray((vectors * np.maximum(values, least)) @ vectors.T)
