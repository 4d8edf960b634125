"""Models that a plain loop on one core makes: the demo model and those of the evidence."""
