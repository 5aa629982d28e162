"""Pages of the operational test: what arrived, the runs of tests, and the report for Zeus."""
