"""aiohttp + aiortc: pages, signalling, one session per browser, jobs, access."""
