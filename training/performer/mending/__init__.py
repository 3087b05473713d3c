"""How the network that mends warped pictures is trained: on many people, then on one."""
