"""Pages of applications for slips: the list, one application, and the form for a new one."""
