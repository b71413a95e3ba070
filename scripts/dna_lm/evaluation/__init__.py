"""How good an adapter is: evaluation, comparison, calibration."""
