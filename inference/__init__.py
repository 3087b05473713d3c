"""A frame in, an Analysis out: networks, BodyPix heads, decoding, tracking, drawing."""
