"""Judging: what a notice means for its order. Pure rules decide; one transaction a batch writes verdicts, orders, events and webhooks."""
