"""fit_platform: Polar, Strava and Fitbit in; every real activity once, and heart-rate facts, out."""
