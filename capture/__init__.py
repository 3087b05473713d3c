"""An Analysis in, a dataset on disk: recording, importing videos, reviewing, exporting."""
