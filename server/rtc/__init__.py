"""What aiortc lacks on real networks: feedback, a rate that follows the line, losses mended.

Nothing here does any input or output, nor looks at a clock: packets, feedback and the time go in.
`server/rtc/aiortc_tuning.py` is what joins it to aiortc.
"""
