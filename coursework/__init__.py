"""Problem sets: a source, a specification and two notebooks each. See the instructor's page."""
