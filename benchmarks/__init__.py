"""What is fast, measured side by side. ``make bench`` runs it and stores `results.json`."""
