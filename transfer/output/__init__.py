"""From a source's clip to files: analysed from end to end, performed, written."""
