"""Work that outlasts a request: jobs, trainings, uploads, films, links."""
