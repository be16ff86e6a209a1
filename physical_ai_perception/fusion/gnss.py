"""GNSS fixes as positions in `map`: east, north, up around the site's datum, or around the first fix."""

from __future__ import annotations

from typing import Final

import numpy as np
import pymap3d

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.site import Datum
from physical_ai_perception.fusion.samples import Unusable, finite
from physical_ai_perception.parameters import PerceptionParameters

HIGHEST_M: Final = 20_000.0
MOST_SIGMA_M: Final = 1e3  # a fix that claims less says nothing, and is treated as if it claimed this
FARTHEST_M: Final = 50_000.0  # from the datum: beyond it the flat map is wrong, and so is probably the site


class LocalGrid:
    """Converts fixes; `datum` None: the first fix becomes it."""

    def __init__(self, parameters: PerceptionParameters, datum: Datum | None) -> None:
        self._p = parameters
        self._datum = None if datum is None else (datum.latitude_deg, datum.longitude_deg, datum.altitude_m)
        self._offset = np.zeros(3)

    def position(self, fix: m.GnssFix, here_m: Array) -> Array:
        """Antenna position (3,) in `map`. Where the first fix sets the datum, it is `here_m`. Raises Unusable."""
        place = np.array([fix.latitude_deg, fix.longitude_deg, fix.altitude_m])
        if fix.status < 0:
            raise Unusable("no fix")
        if not self._p.gnss_altitude and not finite(place[2:]):
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

    def noise(self, fix: m.GnssFix) -> Array:
        """Covariance (3, 3) in east, north, up: the message's where it is sound, never below the floor."""
        p = self._p
        cov = np.array(fix.cov_enu_m2, dtype=float)
        if not finite(cov) or float(cov.diagonal().min()) <= 0.0 or float(np.abs(cov).max()) > MOST_SIGMA_M**2:
            sound = finite(cov) and float(cov.diagonal().min()) > 0.0
            cov = np.diag([1.0, 1.0, 4.0]) * (MOST_SIGMA_M if sound else p.gnss_position_sigma_m) ** 2
        values, vectors = np.linalg.eigh(0.5 * (cov + cov.T))
        return np.asarray((vectors * np.maximum(values, p.gnss_floor_sigma_m**2)) @ vectors.T)
