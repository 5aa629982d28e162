"""Speed and memory of the service, side by side with baselines, in one run on one machine."""
