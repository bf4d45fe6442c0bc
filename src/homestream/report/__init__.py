"""Edge: the PDF report."""
