"""Own state: error-state Kalman filters over IMU, wheels and GNSS (`Localisation`)."""
