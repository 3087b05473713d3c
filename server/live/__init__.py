"""One browser that is connected: its call, live thread, control channel, recording and films."""
