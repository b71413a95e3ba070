"""From labelled sequences to splits."""
