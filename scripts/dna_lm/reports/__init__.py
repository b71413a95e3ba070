"""What all reports and figures share."""
