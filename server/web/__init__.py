"""Pages and requests: who is let in, what is asked, what is answered."""
